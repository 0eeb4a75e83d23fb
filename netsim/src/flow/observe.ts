/** A recording of flows, read line by line, filtered and printed: what `hubble observe --input-file` does. */
import { createFilter } from "./filter.ts";
import type { ObserveOptions } from "./arguments.ts";
import { DecodeError, decodeResponse, encodeFilter } from "./json.ts";
import { createPrinter } from "./printer.ts";
import type { Printed } from "./printer.ts";
import { parseTime } from "./time.ts";
import type { FlowFilter, FlowsResponse } from "./types.ts";

/** Lines of text that comes in pieces, without their ends. */
async function* linesOf(pieces: AsyncIterable<string>): AsyncGenerator<string[]> {
  let rest = "";
  for await (const piece of pieces) {
    const lines = (rest + piece).split("\n");
    rest = lines.pop() ?? "";
    yield lines;
  }
  if (rest !== "") yield [rest];
}

/**
 * Prints what of a recording (JSON lines, in pieces) passes; many lines at a time. Lines that are no flows are told of on standard
 * error and left out. Throws FilterError before the first line.
 */
export function observe(
  pieces: AsyncIterable<string>,
  options: ObserveOptions,
  color: boolean,
): AsyncGenerator<Printed> {
  const passes = createFilter(options.filters.allow, options.filters.deny);
  return print(pieces, options, color, passes);
}

async function* print(
  pieces: AsyncIterable<string>,
  options: ObserveOptions,
  color: boolean,
  passes: ReturnType<typeof createFilter>,
): AsyncGenerator<Printed> {
  const { since, until, take } = options;
  const printer = createPrinter({ ...options, color });
  const inTime = ({ time }: FlowsResponse): boolean => {
    if (since === undefined && until === undefined) return true;
    const at = time === undefined ? 0n : (parseTime(time) ?? 0n);
    return (since === undefined || at >= since) && (until === undefined || at <= until);
  };
  let kept: FlowsResponse[] = [];
  let warned = false;
  let left = take?.end === "first" ? take.count : Infinity;
  let number = 0;

  for await (const lines of linesOf(pieces)) {
    let [out, err] = ["", ""];
    const print = (response: FlowsResponse): void => {
      const printed = printer.print(response);
      out += printed.out;
      err += printed.err;
    };
    const unknown = (name: string): void => {
      if (!warned) err += `line ${number}: unknown field ${JSON.stringify(name)}: left out\n`;
      warned = true;
    };
    for (const line of lines) {
      number++;
      if (line.trim() === "") continue;
      let response: FlowsResponse;
      try {
        response = decodeResponse(line, unknown);
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error;
        err += `line ${number}: not a flow: ${error.message}\n`;
        continue;
      }
      if (!inTime(response) || !passes(response.flow)) continue;
      if (take?.end === "last") kept.push(response);
      else if (left-- > 0) print(response);
      if (left <= 0) break;
    }
    // A ring of `count`, cut back once a piece instead of once a line.
    if (take?.end === "last") kept = kept.slice(-take.count);
    yield { out, err };
    if (left <= 0) break;
  }
  for (const response of kept) yield printer.print(response);
  yield { out: printer.end(), err: "" };
}

/** The filters as `--config` of Hubble takes them: YAML with a JSON text for each. */
export function filtersYaml({ allow, deny }: ObserveOptions["filters"]): string {
  const list = (name: string, filters: readonly FlowFilter[]): string =>
    filters.length === 0
      ? ""
      : `${name}:\n${filters.map((f) => `    - '${encodeFilter(f).replaceAll("'", "''")}'\n`).join("")}`;
  return list("allowlist", allow) + list("denylist", deny) || "{}\n";
}
