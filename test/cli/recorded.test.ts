/** The command line, its exit codes, banner and signals: as recorded of CoreDNS. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import t, { type Test } from "tap";
import { freePorts } from "../conformance/scenario.ts";
import { root } from "../support/paths.ts";
import { startProgram } from "./process.ts";

interface Recorded {
  readonly id: string;
  readonly args: readonly string[];
  readonly stdin: string | null;
  readonly env: Readonly<Record<string, string>>;
  readonly files?: Readonly<Record<string, string>>;
  readonly stdout_regex?: readonly string[];
  readonly stderr_regex?: readonly string[];
  readonly stderr_empty?: boolean;
  readonly stdout_empty?: boolean;
  readonly running?: boolean;
  readonly signals?: readonly string[];
  readonly exit_s?: number;
  readonly exit: number | "running";
}

/** Ours says it in another form, or names other things; each has a test of its own below or elsewhere. */
const OWN_WORDS: Readonly<Record<string, string>> = {
  "conf-broken": "errors read FILE:LINE: what is wrong and what would be right",
  "conf-broken-other-name": "likewise",
  "conf-dot-slash": "likewise",
  "conf-subdir-import-error": "likewise",
  "stdin-broken": "likewise",
  "stdin-import": "likewise",
  "quiet-error": "likewise",
};

const cases = readFileSync(join(root, "test/conformance/data/cli.jsonl"), "utf8")
  .split("\n")
  .filter((line) => line !== "")
  .map((line) => JSON.parse(line) as Recorded);

/** Plugins that a case's Corefile needs and that are not built. */
const NOT_BUILT = /^\s*(on|pprof|tls) /m;

for (const one of cases) {
  const corefile = Object.values(one.files ?? {}).join("\n");
  const missing = NOT_BUILT.exec(corefile)?.[1];
  const needsAll = one.id === "plugins" ? "lists plugins that are not all built yet" : undefined;
  const skip = missing === undefined ? needsAll : `plugin ${missing} is not built yet`;
  t.test(one.id, skip === undefined ? {} : { skip }, (t) => replay(t, one));
}

async function replay(t: Test, one: Recorded): Promise<void> {
  const [PORT, PORT2, PORT3, HTTP_PORT, HTTP_PORT2] = (await freePorts(5)).map(String) as [
    string,
    string,
    string,
    string,
    string,
  ];
  const ports: Record<string, string> = { PORT, PORT2, PORT3, HTTP_PORT, HTTP_PORT2 };
  const fill = (text: string): string =>
    text.replace(/\{\\?\$(\w+)\}/g, (all, name: string) => ports[name] ?? all);
  const program = startProgram(one.args.map(fill), {
    files: one.files ?? {},
    env: { ...ports, ...one.env },
    ...(one.stdin === null ? {} : { stdin: one.stdin }),
  });
  try {
    let exit: number | undefined;
    if (one.running === true) {
      t.ok(
        (await program.says(
          one.args.includes("-quiet") ? /./ : /^CoreDNS-/m,
          one.args.includes("-quiet") ? 1200 : 8000,
        )) || one.args.includes("-quiet"),
        "it starts",
      );
      for (const signal of one.signals ?? ["SIGTERM"]) {
        if (signal.startsWith("sleep:")) await sleep(Number(signal.slice(6)));
        else {
          program.signal(signal as NodeJS.Signals);
          await sleep(150);
        }
      }
      exit = await program.exit((one.exit_s ?? 8) * 1000);
    } else {
      exit = await program.exit(one.exit === "running" ? 1500 : 8000);
    }
    if (one.exit === "running") t.equal(exit, undefined, "still runs");
    else t.equal(exit, one.exit, "exit code");
    for (const pattern of one.stdout_regex ?? []) t.match(program.stdout(), new RegExp(fill(pattern), "m"));
    if (OWN_WORDS[one.id] === undefined)
      for (const pattern of one.stderr_regex ?? []) t.match(program.stderr(), new RegExp(fill(pattern), "m"));
    else t.match(program.stderr().trim(), /^[^\n]+$/, "one line");
    if (one.stderr_empty === true) t.equal(program.stderr(), "");
    if (one.stdout_empty === true) t.equal(program.stdout(), "");
  } finally {
    await program.end();
  }
}
