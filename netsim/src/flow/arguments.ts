/** The command line of `hubble observe`: what it asks for. */
import { ArgumentError, KINDS, options, SHORT_OF } from "./flags.ts";
import { durationFault, parseUint, quote } from "./go-text.ts";
import { decodeFilter } from "./json.ts";
import { FilterError } from "./patterns.ts";
import type { Output } from "./printer.ts";
import { createFilterFlags } from "./request.ts";
import type { Filters } from "./request.ts";
import { isFieldPath } from "./schema.ts";
import { parseDuration, parseWhen } from "./time.ts";
import type { EventKind } from "./types.ts";

export { ArgumentError };

export interface ObserveOptions {
  /** Which of Hubble's subcommands: `flows` is the default. */
  readonly kind: "flows" | EventKind;
  readonly filters: Filters;
  readonly inputFile: string | undefined;
  /** What is not Hubble's: manifests, traffic to simulate over them, a log of DNS queries, and waiting for more of a file. */
  readonly files: readonly string[];
  readonly traffic: string | undefined;
  readonly dnsLog: string | undefined;
  readonly tail: boolean;
  /** In the workload's place: its start (nanoseconds since 1970), length (nanoseconds) and seed. */
  readonly start: bigint | undefined;
  readonly duration: bigint | undefined;
  readonly seed: number | undefined;
  readonly output: Output;
  readonly color: "auto" | "always" | "never";
  readonly timeFormat: string;
  readonly translate: boolean;
  readonly nodeName: boolean;
  readonly policyNames: boolean;
  readonly debug: boolean;
  readonly silent: boolean;
  readonly follow: boolean;
  readonly printFilters: boolean;
  /** The first or the last so many; without it all. */
  readonly take: { readonly end: "first" | "last"; readonly count: number } | undefined;
  /** Nanoseconds since 1970. */
  readonly since: bigint | undefined;
  readonly until: bigint | undefined;
}

const TRUE = /^(?:1|t|T|true|TRUE|True)$/;
const FALSE = /^(?:0|f|F|false|FALSE|False)$/;

const OUTPUTS: ReadonlyMap<string, Output> = new Map([
  ["compact", "compact"],
  ["dict", "dict"],
  ["json", "json"],
  ["JSON", "json"],
  ["jsonpb", "json"],
  ["tab", "table"],
  ["table", "table"],
  ["brief", "brief"],
]);

const MOST = 1_000_000n;
/** As a number of flows: all. */
const ALL = 2n ** 64n - 1n;

const SUBCOMMANDS = ["flows", "agent-events", "debug-events"] as const;

/** Values of the options that are not Hubble's. */
const OWN = {
  start: { read: parseWhen, form: "2026-04-14T09:15:00Z, or 5m for five minutes ago" },
  duration: { read: (text: string) => parseDuration(text), form: "30s, 5m or 1h" },
  seed: {
    read: (text: string) => (/^\d{1,15}$/.test(text) ? BigInt(text) : undefined),
    form: "a whole number",
  },
} as const;

/** Reads the command line. `now` (nanoseconds since 1970) is what `--since 5m` counts from. Throws ArgumentError. */
export function readArguments(args: readonly string[], now: bigint): ObserveOptions {
  const flags = createFilterFlags();
  const bools = new Map<string, boolean>();
  const texts = new Map<string, string>();
  const lists = { allowlist: [] as string[], denylist: [] as string[] };
  const counts = new Map<string, bigint>();

  const words: string[] = [];
  for (const [given, value] of options(args, words)) {
    // Hubble's --workload is a filter, `Deployment/web`; a file of traffic is what nobody calls a workload.
    const name = given === "workload" && /\.(?:ya?ml|json)$/.test(value) ? "traffic" : given;
    try {
      switch (KINDS.get(name)) {
        case "filter":
          flags.set(name, value);
          break;
        case "bool":
          if (!TRUE.test(value) && !FALSE.test(value))
            throw new FilterError(`strconv.ParseBool: parsing ${JSON.stringify(value)}: invalid syntax`);
          bools.set(name, TRUE.test(value));
          break;
        case "count":
        case "port": {
          const number = parseUint(value, 0, KINDS.get(name) === "count" ? 64 : 16);
          if (typeof number === "string") throw new FilterError(number);
          counts.set(name, number);
          break;
        }
        case "duration": {
          const fault = durationFault(value);
          if (fault !== undefined) throw new FilterError(fault);
          break;
        }
        default:
          if (name === "allowlist" || name === "denylist") lists[name].push(value);
          else texts.set(name, value);
      }
    } catch (error) {
      const short = SHORT_OF.get(name);
      const flag = `"${short === undefined ? "" : `-${short}, `}--${name}"`;
      throw new ArgumentError(
        `invalid argument ${JSON.stringify(value)} for ${flag} flag: ${(error as Error).message}`,
      );
    }
  }

  const has = (name: string): boolean => bools.get(name) ?? false;
  const fail = (message: string): never => {
    throw new ArgumentError(message);
  };
  const asked = filtersOf(flags.filters);
  const format = texts.get("output") ?? "compact";
  const output = OUTPUTS.get(format) ?? fail(`invalid output format: ${format}`);
  if ((output === "table" || output === "brief") && has("follow"))
    fail(`${output} output format is not compatible with follow mode`);
  if (output !== "json" && (texts.get("field-mask") ?? "") !== "")
    fail(`${format} output format is not compatible with custom field mask`);

  const [first, last] = [counts.get("first") ?? 0n, counts.get("last") ?? 0n];
  if (first > 0n && last > 0n) fail("cannot set both --first and --last");
  if (first > 0n && has("all")) fail("cannot set both --first and --all");
  if (first > 0n && has("follow")) fail("cannot set both --first and --follow");
  if (last > 0n && has("all")) fail("cannot set both --last and --all");
  const when = (name: string): bigint | undefined => {
    const text = texts.get(name) ?? "";
    if (text === "") return undefined;
    return (
      parseWhen(text, now) ?? fail(`failed to parse the ${name} time: failed to convert ${text} to time`)
    );
  };
  const since = when("since");
  const until = has("follow") ? undefined : when("until");
  const filters = {
    allow: [...asked.allow, ...raw("allowlist", lists.allowlist)],
    deny: [...asked.deny, ...raw("denylist", lists.denylist)],
  };
  for (const path of (texts.get("field-mask") ?? "").split(",").filter((p) => p !== ""))
    if (!isFieldPath("Flow", path))
      fail(`failed to construct field mask: proto: invalid path ${quote(path)} for message "flow.Flow"`);
  if (has("port-forward") && (texts.get("input-file") ?? "") !== "" && !has("print-raw-filters"))
    fail("cannot use --input-file and --auto-port-forward together");
  if (first === 0n && last > MOST && last < ALL && !has("print-raw-filters"))
    fail(`--last must be <= 1_000_000, got ${last}`);

  const color = (texts.get("color") ?? "auto").toLowerCase();
  const kind = SUBCOMMANDS.find((name) => name === words[0]);
  const own = (name: "start" | "duration" | "seed"): bigint | undefined => {
    const text = texts.get(name);
    const value = text === undefined ? undefined : OWN[name].read(text, now);
    return text === undefined ? undefined : (value ?? fail(`--${name} ${text}: write ${OWN[name].form}`));
  };
  const seed = own("seed");
  return {
    kind: kind ?? "flows",
    filters,
    inputFile: texts.get("input-file"),
    files: kind === undefined ? words : words.slice(1),
    traffic: texts.get("traffic"),
    dnsLog: texts.get("dns-log"),
    tail: has("tail"),
    start: own("start"),
    duration: own("duration"),
    seed: seed === undefined ? undefined : Number(seed),
    output,
    color: color === "always" || color === "never" ? color : "auto",
    timeFormat: texts.get("time-format") ?? "StampMilli",
    translate: !has("numeric") && (bools.get("ip-translation") ?? true),
    nodeName: has("print-node-name"),
    policyNames: has("print-policy-names"),
    debug: has("debug"),
    silent: has("silent-errors"),
    follow: has("follow"),
    printFilters: has("print-raw-filters"),
    take:
      first > 0n && first < ALL
        ? { end: "first", count: Number(first) }
        : last > 0n && last < ALL && first === 0n
          ? { end: "last", count: Number(last) }
          : undefined,
    since,
    until,
  };
}

function filtersOf(filters: () => Filters): Filters {
  try {
    return filters();
  } catch (error) {
    throw new ArgumentError((error as Error).message);
  }
}

/** Filters in JSON, several in one text if need be. */
function raw(name: string, texts: readonly string[]): Filters["allow"] {
  return texts.flatMap((text) => {
    try {
      return documents(text).map(decodeFilter);
    } catch (error) {
      throw new ArgumentError(
        `invalid --${name} flag: failed to decode '${text}': ${(error as Error).message}`,
      );
    }
  });
}

/** JSON objects one after the other, cut apart at the braces outside of strings. */
function documents(text: string): string[] {
  const found: string[] = [];
  let [depth, start] = [0, 0];
  for (const { 0: token, index } of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}]/g)) {
    if (token === "{") depth++;
    if (token !== "}" || --depth !== 0) continue;
    found.push(text.slice(start, index + 1));
    start = index + 1;
  }
  const rest = text.slice(start).trim();
  return rest === "" ? found : [...found, rest];
}
