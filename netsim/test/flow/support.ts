import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { ArgumentError, readArguments } from "../../src/flow/arguments.ts";
import type { ObserveOptions } from "../../src/flow/arguments.ts";
import { filtersYaml, observe } from "../../src/flow/observe.ts";
import { FilterError } from "../../src/flow/patterns.ts";

const find = (dir: string): string =>
  existsSync(join(dir, "test/flow/data")) && existsSync(join(dir, "package.json")) ? dir : find(dirname(dir));
/** The package's folder, from the sources as from the compiled tree. */
export const PACKAGE = find(dirname(fileURLToPath(import.meta.url)));
export const DATA = join(PACKAGE, "test/flow/data");

export const linesOf = (path: string): string[] =>
  readFileSync(path, "utf8")
    .split("\n")
    .filter((line) => line !== "");
export const records = <T>(path: string): T[] => linesOf(path).map((line) => JSON.parse(line) as T);

export interface Observed {
  readonly out: string;
  readonly err: string;
  readonly status: number;
  readonly options?: ObserveOptions;
}

const NOW = BigInt(Date.UTC(2026, 10, 22, 12)) * 1_000_000n;

/** `netsim observe` with these lines as its file, noon of the recording's day as its time, and no terminal. */
export async function observed(lines: readonly string[], args: readonly string[]): Promise<Observed> {
  let [out, err] = ["", ""];
  try {
    const options = readArguments(args, NOW);
    if (options.printFilters) return { out: filtersYaml(options.filters), err, status: 0, options };
    const printed = observe(pieces(lines), options, options.color === "always");
    for await (const piece of printed) [out, err] = [out + piece.out, err + piece.err];
    return { out, err, status: 0, options };
  } catch (error) {
    if (!(error instanceof ArgumentError || error instanceof FilterError)) throw error;
    return { out, err: `${error.message}\n`, status: 1 };
  }
}

/** Cut at places that are no ends of lines, as a stream may do it. */
async function* pieces(lines: readonly string[]): AsyncGenerator<string> {
  const text = `${lines.join("\n")}\n`;
  for (let at = 0; at < text.length; at += 5000) yield await Promise.resolve(text.slice(at, at + 5000));
}
