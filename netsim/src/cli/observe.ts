/**
 * `netsim observe [options of hubble observe]`: flows, filtered and printed as the `hubble` CLI does. They come from a recording
 * (`--input-file`), from traffic that is simulated over manifests (`--traffic`), or from the query log of a DNS server
 * (`--dns-log`). Errors and exit codes are Hubble's: 1 for a command line that it refuses.
 */
import { ArgumentError, readArguments, type ObserveOptions } from "../flow/arguments.ts";
import { filtersYaml, observe } from "../flow/observe.ts";
import { FilterError } from "../flow/patterns.ts";
import type { Printed } from "../flow/printer.ts";
import { WorkloadError } from "../flow/traffic/workload.ts";
import { observeDnsLog, observeTraffic, readPieces } from "./observe-sources.ts";
import { UsageError } from "./usage.ts";

export async function run(args: readonly string[]): Promise<number> {
  try {
    const options = readArguments(args, BigInt(Date.now()) * 1_000_000n);
    if (options.printFilters) {
      process.stdout.write(filtersYaml(options.filters));
      return 0;
    }
    const color =
      options.color === "always" || (options.color === "auto" && isColorTerminal(process.stdout.isTTY));
    for await (const { out, err } of sourceOf(options)(options, color)) {
      if (err !== "" && !options.silent) process.stderr.write(err);
      if (out !== "" && !process.stdout.write(out))
        await new Promise((resolve) => process.stdout.once("drain", resolve));
    }
    return 0;
  } catch (error) {
    if (error instanceof WorkloadError) {
      process.stderr.write(`${error.message}\n`);
      return 2;
    }
    if (!(error instanceof ArgumentError || error instanceof FilterError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return 1;
  }
}

type Source = (options: ObserveOptions, color: boolean) => AsyncIterable<Printed>;

function sourceOf({ inputFile, traffic, dnsLog, kind }: ObserveOptions): Source {
  const given = [inputFile, traffic, dnsLog].filter((name) => name !== undefined);
  if (given.length !== 1)
    throw new UsageError(
      "needs one of --input-file FILE, --traffic FILE (with manifests) and --dns-log FILE (with manifests); - is standard input",
    );
  if (inputFile !== undefined)
    return (options, color) => observe(readPieces("--input-file", inputFile, options.tail), options, color);
  if (kind !== "flows") throw new UsageError(`${kind} come from --input-file alone`);
  return traffic === undefined ? observeDnsLog : observeTraffic;
}

const isColorTerminal = (isTTY: boolean | undefined): boolean =>
  isTTY === true && (process.env["NO_COLOR"] ?? "") === "" && process.env["TERM"] !== "dumb";
