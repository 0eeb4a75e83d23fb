/**
 * `netsim observe --input-file FILE [options of hubble observe]`: recorded flows, filtered and printed as the `hubble` CLI does.
 * Errors and exit codes are Hubble's too: 1 for a command line that it refuses.
 */
import { createReadStream, existsSync, statSync } from "node:fs";
import { ArgumentError, readArguments } from "../flow/arguments.ts";
import { filtersYaml, observe } from "../flow/observe.ts";
import { FilterError } from "../flow/patterns.ts";
import { UsageError } from "./usage.ts";

export async function run(args: readonly string[]): Promise<number> {
  try {
    const options = readArguments(args, BigInt(Date.now()) * 1_000_000n);
    if (options.printFilters) {
      process.stdout.write(filtersYaml(options.filters));
      return 0;
    }
    const pieces = open(options.inputFile);
    const color =
      options.color === "always" || (options.color === "auto" && isColorTerminal(process.stdout.isTTY));
    for await (const { out, err } of observe(pieces, options, color)) {
      if (err !== "" && !options.silent) process.stderr.write(err);
      if (out !== "" && !process.stdout.write(out))
        await new Promise((resolve) => process.stdout.once("drain", resolve));
    }
    return 0;
  } catch (error) {
    if (!(error instanceof ArgumentError || error instanceof FilterError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return 1;
  }
}

function open(file: string | undefined): AsyncIterable<string> {
  if (file === undefined || file === "")
    throw new UsageError("needs --input-file FILE, or - for standard input");
  if (file === "-") return process.stdin.setEncoding("utf8");
  if (!existsSync(file)) throw new UsageError(`--input-file: there is no file ${file}`);
  if (statSync(file).isDirectory()) throw new UsageError(`--input-file: ${file} is a directory`);
  return createReadStream(file, "utf8");
}

const isColorTerminal = (isTTY: boolean | undefined): boolean =>
  isTTY === true && (process.env["NO_COLOR"] ?? "") === "" && process.env["TERM"] !== "dumb";
