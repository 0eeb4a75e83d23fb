/** Starts bin/clusterdns as a process of its own, and watches what it says. */
import { spawn, type ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { root } from "../support/paths.ts";

export interface Program {
  readonly child: ChildProcess;
  readonly folder: string;
  /** Everything printed so far. */
  stdout(): string;
  stderr(): string;
  /** Resolves when the output has the pattern; false when the process ended without, or after `ms` milliseconds. */
  says(pattern: RegExp, ms?: number): Promise<boolean>;
  /** The exit code; undefined while it runs after `ms` milliseconds. */
  exit(ms?: number): Promise<number | undefined>;
  signal(name: NodeJS.Signals): void;
  /** Ends it if it still runs, and removes its folder. */
  end(): Promise<void>;
}

export interface StartOptions {
  readonly files?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
}

/** Runs it, on the Node and with the flags that bin/clusterdns would choose, in a fresh folder that holds `files`. */
export function startProgram(
  args: readonly string[],
  { files = {}, env = {}, stdin }: StartOptions = {},
): Program {
  const folder = mkdtempSync(join(tmpdir(), "clusterdns-"));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  const child = spawn(
    process.execPath,
    ["--optimize-for-size", "--max-semi-space-size=2", join(root, "bin/clusterdns"), ...args],
    {
      cwd: folder,
      env: { PATH: process.env["PATH"] ?? "", HOME: folder, ...nativeChoice(), ...env },
      stdio: ["pipe", "pipe", "pipe"],
    },
  );
  child.stdin!.on("error", () => undefined);
  child.stdin!.end(stdin ?? "");
  let stdout = "";
  let stderr = "";
  child.stdout!.on("data", (chunk) => (stdout += String(chunk)));
  child.stderr!.on("data", (chunk) => (stderr += String(chunk)));
  const ended = new Promise<number>((resolve) => child.on("close", (code) => resolve(code ?? -1)));

  const exit = (ms = 8000): Promise<number | undefined> =>
    Promise.race([ended, sleep(ms, undefined, { ref: false })]);
  return {
    child,
    folder,
    stdout: () => stdout,
    stderr: () => stderr,
    async says(pattern, ms = 8000) {
      const end = performance.now() + ms;
      while (!pattern.test(stdout + stderr)) {
        if (performance.now() > end || child.exitCode !== null) return pattern.test(stdout + stderr);
        await sleep(10);
      }
      return true;
    },
    exit,
    signal: (name) => void child.kill(name),
    async end() {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill("SIGKILL");
        await ended;
      }
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The suite runs once on the native socket and once on node:dgram. */
function nativeChoice(): Record<string, string> {
  const choice = process.env["CLUSTERDNS_NATIVE"];
  return choice === undefined ? {} : { CLUSTERDNS_NATIVE: choice };
}
