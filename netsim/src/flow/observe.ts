/** Flows or events, filtered and printed: what `hubble observe` does with what a server or a file gives it. */
import type { ObserveOptions } from "./arguments.ts";
import { createBriefPrinter } from "./brief.ts";
import { createEventPrinter } from "./events.ts";
import { createFilter } from "./filter.ts";
import { DecodeError, decodeEvent, decodeResponse, encodeFilter } from "./json.ts";
import { createPrinter, type Printed } from "./printer.ts";
import { parseTime } from "./time.ts";
import type { EventResponse, FlowFilter, FlowsResponse } from "./types.ts";

/** Takes what is seen in its order, and says what is to be printed. */
export interface Observer<T> {
  take(response: T): Printed;
  /** `--first` has its number: nothing more will be printed. */
  readonly done: boolean;
  /** All that there was has been taken: prints what `--last` kept. What comes later (`--follow`) is printed as it comes. */
  caughtUp(): Printed;
  /** What had to wait for the end: the table. */
  end(): string;
}

type Seen = { readonly time?: string };

/** Throws FilterError. */
export function createFlowObserver(options: ObserveOptions, color: boolean): Observer<FlowsResponse> {
  const passes = createFilter(options.filters.allow, options.filters.deny);
  const make = options.output === "brief" ? createBriefPrinter : createPrinter;
  return createObserver(options, make({ ...options, color }), ({ flow }) => passes(flow));
}

function createObserver<T extends Seen>(
  { since, until, take }: ObserveOptions,
  printer: { print(response: T): Printed; end(): string },
  passes: (response: T) => boolean,
): Observer<T> {
  const inTime = ({ time }: T): boolean => {
    if (since === undefined && until === undefined) return true;
    const at = time === undefined ? 0n : (parseTime(time) ?? 0n);
    return (since === undefined || at >= since) && (until === undefined || at <= until);
  };
  let kept: T[] = [];
  let keeping = take?.end === "last" ? take.count : 0;
  let left = take?.end === "first" ? take.count : Infinity;
  return {
    take(response) {
      if (left <= 0 || !inTime(response) || !passes(response)) return NOTHING;
      if (keeping === 0) {
        left--;
        return printer.print(response);
      }
      kept.push(response);
      // Cut back once in a while, not each time.
      if (kept.length >= 2 * keeping + 1000) kept = kept.slice(-keeping);
      return NOTHING;
    },
    get done() {
      return left <= 0;
    },
    caughtUp() {
      const last = keeping === 0 ? [] : kept.slice(-keeping);
      [kept, keeping] = [[], 0];
      return together(last.map((response) => printer.print(response)));
    },
    end: () => printer.end(),
  };
}

const NOTHING: Printed = { out: "", err: "" };

const together = (all: readonly Printed[]): Printed => ({
  out: all.map(({ out }) => out).join(""),
  err: all.map(({ err }) => err).join(""),
});

/** Stands among the lines for the moment at which there are no more for now: an empty piece. */
export const IDLE: readonly string[] = [];

/** Lines of text that comes in pieces, without their ends. */
export async function* linesOf(pieces: AsyncIterable<string>): AsyncGenerator<readonly string[]> {
  let rest = "";
  for await (const piece of pieces) {
    if (piece === "") {
      yield IDLE;
      continue;
    }
    const lines = (rest + piece).split("\n");
    rest = lines.pop() ?? "";
    yield lines;
  }
  if (rest !== "") yield [rest];
}

/**
 * Prints what of a recording (JSON lines, in pieces) passes; many lines at a time. Lines that are no flows are told of on standard
 * error and left out. An empty piece says that the file's end was reached for now. Throws FilterError before the first line.
 */
export function observe(
  pieces: AsyncIterable<string>,
  options: ObserveOptions,
  color: boolean,
): AsyncGenerator<Printed> {
  const { kind } = options;
  if (kind === "flows") return print(pieces, createFlowObserver(options, color), decodeResponse);
  const observer = createObserver<EventResponse>(
    options,
    createEventPrinter(kind, { ...options, color }),
    () => true,
  );
  return print(pieces, observer, (line, unknown) => decodeEvent(kind, line, unknown));
}

async function* print<T>(
  pieces: AsyncIterable<string>,
  observer: Observer<T>,
  decode: (line: string, unknown: (name: string) => void) => T,
): AsyncGenerator<Printed> {
  let warned = false;
  let number = 0;
  for await (const lines of linesOf(pieces)) {
    let [out, err] = ["", ""];
    const add = (printed: Printed): void => {
      out += printed.out;
      err += printed.err;
    };
    const unknown = (name: string): void => {
      if (!warned) err += `line ${number}: unknown field ${JSON.stringify(name)}: left out\n`;
      warned = true;
    };
    if (lines === IDLE) add(observer.caughtUp());
    for (const line of lines) {
      number++;
      if (line.trim() === "") continue;
      try {
        add(observer.take(decode(line, unknown)));
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error;
        err += `line ${number}: not a flow: ${error.message}\n`;
      }
      if (observer.done) break;
    }
    yield { out, err };
    if (observer.done) break;
  }
  const { out, err } = observer.caughtUp();
  yield { out: out + observer.end(), err };
}

/** The filters as `--config` of Hubble takes them: YAML with a JSON text for each. */
export function filtersYaml({ allow, deny }: ObserveOptions["filters"]): string {
  const list = (name: string, filters: readonly FlowFilter[]): string =>
    filters.length === 0
      ? ""
      : `${name}:\n${filters.map((f) => `    - '${encodeFilter(f).replaceAll("'", "''")}'\n`).join("")}`;
  return list("allowlist", allow) + list("denylist", deny) || "{}\n";
}
