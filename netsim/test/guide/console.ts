/**
 * Runs the console blocks of an example's README as a reader would, in one shell for all of them, and holds what is shown
 * there to what comes out: a line `...` stands for any lines, `...` within a line for any text.
 */
import { spawn, spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type t from "tap";
import { netsim } from "../cli/support.ts";

type Test = Pick<typeof t, "test" | "setTimeout">;

/** Each command is a process of its own, and the machine may be busy. */
const PATIENCE = 240_000;

const isPackage = (dir: string): boolean =>
  existsSync(join(dir, "examples/guide")) && existsSync(join(dir, "package.json"));
const find = (dir: string): string => (isPackage(dir) ? dir : find(dirname(dir)));
const netsimRoot = find(dirname(fileURLToPath(import.meta.url)));

export const guideRoot = join(netsimRoot, "examples/guide");

/** A file of a section, by `04-services/pods.yaml`. */
export const file = (path: string): string => join(guideRoot, path);

export interface Step {
  readonly command: string;
  readonly shown: readonly string[];
  /** Of the command, from 1. */
  readonly line: number;
}

/** The commands of all console blocks: `$ ` begins one, `> ` continues it, the rest is what it prints. */
export function stepsOf(markdown: string): Step[] {
  const steps: { command: string; shown: string[]; line: number }[] = [];
  let inside = false;
  for (const [i, text] of markdown.split("\n").entries()) {
    if (/^```/.test(text)) inside = text === "```console";
    else if (inside && text.startsWith("$ ")) steps.push({ command: text.slice(2), shown: [], line: i + 1 });
    else if (inside && text.startsWith("> ") && steps.at(-1)?.shown.length === 0)
      steps.at(-1)!.command += `\n${text.slice(2)}`;
    else if (inside) steps.at(-1)?.shown.push(text);
  }
  return steps;
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

/** What is shown, as an expression over the whole output. */
export function shownPattern(shown: readonly string[]): RegExp {
  const lines = shown.map((line) =>
    line === "..." ? "(?:.*\n)*?" : `${line.split("...").map(escaped).join(".*")}\n`,
  );
  return new RegExp(`^${lines.join("")}$`);
}

/** Programs that a machine may lack; the other commands are ours, or the shell's. */
const PROGRAMS = ["dig", "curl", "jq", "tcpdump", "tshark", "python3", "openssl"];

const missing = (steps: readonly Step[]): readonly string[] =>
  PROGRAMS.filter(
    (name) =>
      steps.some(({ command }) => new RegExp(`(^|[|;&(]\\s*)${name}\\b`, "m").test(command)) &&
      spawnSync("sh", ["-c", `command -v ${name}`]).status !== 0,
  );

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });

/** What each step prints, both streams, in the section's own directory. */
export async function run(section: string, steps: readonly Step[]): Promise<readonly string[]> {
  const tools = mkdtempSync(join(tmpdir(), "netsim-guide-"));
  const self = import.meta.url;
  const main = new URL(`../../src/cli/main${self.slice(self.lastIndexOf("."))}`, self).href;
  const tool = (name: string, text: string): void => {
    writeFileSync(join(tools, name), text);
    chmodSync(join(tools, name), 0o755);
  };
  const node = JSON.stringify(process.execPath);
  tool(
    "netsim",
    `#!/bin/sh\nexec ${node} --input-type=module -e 'const { main } = await import("${main}"); process.exitCode = await main(process.argv.slice(1));' -- "$@"\n`,
  );
  tool(
    "clusterdns",
    `#!/bin/sh\nexec ${node} ${JSON.stringify(join(netsimRoot, "../bin/clusterdns"))} "$@"\n`,
  );
  const mark = "\u0001end of step";
  const script = [
    "trap 'kill $(jobs -p) 2>/dev/null; wait' EXIT",
    ...steps.map(({ command }) => `{\n${command}\n} 2>&1\nprintf '%s\\n' '${mark}'`),
  ].join("\n");
  const env = {
    ...process.env,
    PATH: `${tools}:${process.env["PATH"] ?? ""}`,
    PORT: String(await freePort()),
    TMPDIR: tools,
    NO_COLOR: "1",
    TZ: "UTC",
  };
  const output = await new Promise<string>((resolve) => {
    const child = spawn("bash", ["-c", script], { cwd: join(guideRoot, section), env, timeout: PATIENCE });
    let text = "";
    child.stdout.setEncoding("utf8").on("data", (part: string) => (text += part));
    child.stderr.setEncoding("utf8").on("data", (part: string) => (text += part));
    child.on("close", () => resolve(text));
  });
  rmSync(tools, { recursive: true, force: true });
  return output
    .split(`${mark}\n`)
    .slice(0, steps.length)
    .map((text) => text.replace(/[ \t]+$/gm, ""));
}

/** A test for each command of a section's README. */
export function readme(t: Test, section: string): void {
  const steps = stepsOf(readFileSync(join(guideRoot, section, "README.md"), "utf8"));
  const absent = missing(steps);
  const skip = absent.length > 0 ? `${absent.join(", ")} not installed` : false;
  t.setTimeout(PATIENCE);
  void t.test(
    `the commands of ${section}/README.md print what it shows`,
    { skip, timeout: PATIENCE },
    async (t) => {
      t.ok(steps.length > 0, "there are commands");
      const outputs = await run(section, steps);
      t.equal(outputs.length, steps.length, "all of them ran");
      for (const [i, { command, shown, line }] of steps.entries()) {
        const output = outputs[i] ?? "";
        const wanted = shown.length === 0 ? "" : `${shown.join("\n")}\n`;
        if (shownPattern(shown).test(output === "" || output.endsWith("\n") ? output : `${output}\n`))
          t.pass(command);
        else t.equal(output, wanted, `README.md:${line}: ${command}`);
      }
    },
  );
}

/** What a command prints with `--json`, in the section's own directory. */
export function json<T>(section: string, ...args: readonly string[]): T {
  const here = args.map((arg) => (/\.(ya?ml|jsonl|conf)$/.test(arg) ? file(join(section, arg)) : arg));
  return JSON.parse(netsim([...here, "--json"]).stdout) as T;
}
