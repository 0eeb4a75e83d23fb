/** Programs of the system: run without a shell, never waited for by the thread that answers queries. */
import { spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { join } from "node:path";

/** `code` undefined: it did not run, or did not end by itself; `output` then says why. */
export interface Outcome {
  readonly code: number | undefined;
  /** Standard error, behind standard output. */
  readonly output: string;
}

export type Run = (program: string, args: readonly string[], options?: RunOptions) => Promise<Outcome>;

export interface RunOptions {
  readonly input?: string;
  /** Where it is looked for; default `$PATH`. */
  readonly path?: string;
}

/** Milliseconds: `iptables -w 5` ends by itself long before. */
const LIMIT = 60_000;

export const run: Run = (program, args, { input = "", path } = {}) =>
  new Promise((resolve) => {
    const env = path === undefined ? process.env : { ...process.env, PATH: path };
    const child = spawn(program, args, { env, stdio: ["pipe", "pipe", "pipe"], timeout: LIMIT });
    let output = "";
    child.stdout.on("data", (chunk) => (output += String(chunk)));
    child.stderr.on("data", (chunk) => (output += String(chunk)));
    child.stdin.on("error", () => undefined);
    child.stdin.end(input);
    child.on("error", (error: NodeJS.ErrnoException) =>
      resolve({
        code: undefined,
        output: error.code === "ENOENT" ? "executable file not found in $PATH" : error.message,
      }),
    );
    child.on("close", (code, signal) =>
      resolve({ code: code ?? undefined, output: code === null ? `signal: ${signal}: ${output}` : output }),
    );
  });

/** Whether there is a program of this name in `$PATH`. */
export function isInPath(program: string): boolean {
  return (process.env["PATH"] ?? "").split(":").some((directory) => {
    try {
      accessSync(join(directory, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
