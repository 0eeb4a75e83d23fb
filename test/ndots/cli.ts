/** Commands of `clusterdns ndots`, run in this process. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t, { type Test } from "tap";
import { run } from "../../src/cli/ndots.ts";

export interface Ran {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

export async function ndots(...argv: string[]): Promise<Ran> {
  const written = { out: "", err: "" };
  const sink = (key: "out" | "err") => ({
    write(text: string | Uint8Array): boolean {
      written[key] += String(text);
      return true;
    },
  });
  const status = await run(argv, sink("out"), sink("err"));
  return { status, ...written };
}

/** What the command prints under --json. Fails the test where it does not succeed. */
export async function json<T>(...argv: string[]): Promise<T> {
  const { status, out, err } = await ndots(...argv, "--json");
  if (status !== 0) throw new Error(`exit ${String(status)}: ${err}`);
  return JSON.parse(out) as T;
}

/** A directory for this test file alone. */
export const directory: string = mkdtempSync(join(tmpdir(), "ndots-test-"));
t.teardown(() => rmSync(directory, { recursive: true, force: true }));

export function file(name: string, content: string | Buffer): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}

/** Input that is no use: 2, nothing on stdout, one line on stderr that matches. */
export async function refuses(t: Test, argv: readonly string[], message: RegExp): Promise<void> {
  const { status, out, err } = await ndots(...argv);
  t.equal(status, 2, argv.join(" "));
  t.equal(out, "", "nothing on stdout");
  t.match(err, message);
  t.equal(err.trimEnd().split("\n").length, 1, "one line");
}
