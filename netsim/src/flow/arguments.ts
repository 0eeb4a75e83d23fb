/** The command line of `hubble observe`: its options, as the pflag library reads them. */
import { decodeFilter } from "./json.ts";
import { FilterError } from "./patterns.ts";
import type { Output } from "./printer.ts";
import { createFilterFlags } from "./request.ts";
import type { Filters } from "./request.ts";
import { parseWhen } from "./time.ts";

/** A command line that Hubble refuses; the message is Hubble's. */
export class ArgumentError extends Error {}

export interface ObserveOptions {
  readonly filters: Filters;
  readonly inputFile: string | undefined;
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

type Kind = "filter" | "bool" | "text" | "count";

const words = (text: string): string[] => text.trim().split(/\s+/);

/** Filters that may stand without a value, and the value that they then have. */
const BARE: ReadonlyMap<string, string> = new Map([
  ["ipv4", "v4"],
  ["ipv6", "v6"],
  ...words(
    "not encrypted unencrypted reply not-reply all-namespaces from-all-namespaces to-all-namespaces",
  ).map((name): [string, string] => [name, "true"]),
]);

const KINDS: ReadonlyMap<string, Kind> = new Map([
  ...words(`not uuid node-name node-label from-cluster cluster to-cluster protocol tcp-flags type verdict drop-reason-desc
    http-status http-method http-path http-url http-header trace-id ip-trace-id from-fqdn fqdn to-fqdn from-ip snat-ip ip to-ip
    ipv4 ipv6 ip-version from-pod pod to-pod from-namespace namespace to-namespace from-all-namespaces all-namespaces
    to-all-namespaces from-label label to-label from-service service to-service from-port port to-port from-workload workload
    to-workload from-identity identity to-identity traffic-direction cel-expression interface encrypted unencrypted reply
    not-reply`).map((name): [string, Kind] => [name, "filter"]),
  ...words(`all follow numeric ip-translation print-node-name print-policy-names silent-errors print-raw-filters
    use-default-field-masks debug tls tls-allow-insecure port-forward`).map((name): [string, Kind] => [
    name,
    "bool",
  ]),
  ...words(`since until output time-format color input-file field-mask allowlist denylist server timeout request-timeout config
    tls-ca-cert-files tls-client-cert-file tls-client-key-file tls-server-name basic-auth-username basic-auth-password
    port-forward-port kube-context kube-namespace kubeconfig`).map((name): [string, Kind] => [name, "text"]),
  ["last", "count"],
  ["first", "count"],
]);

const SHORT: ReadonlyMap<string, string> = new Map([
  ["t", "type"],
  ["4", "ipv4"],
  ["6", "ipv6"],
  ["n", "namespace"],
  ["A", "all-namespaces"],
  ["l", "label"],
  ["o", "output"],
  ["f", "follow"],
  ["s", "silent-errors"],
  ["D", "debug"],
  ["P", "port-forward"],
]);
const SHORT_OF: ReadonlyMap<string, string> = new Map([...SHORT].map(([short, name]) => [name, short]));

const TRUE = /^(?:1|t|T|true|TRUE|True)$/;
const FALSE = /^(?:0|f|F|false|FALSE|False)$/;

/** Options in their order, each with its value; what is no option is left out. Throws ArgumentError. */
function* options(args: readonly string[]): Generator<readonly [name: string, value: string]> {
  const rest = [...args];
  for (let arg = rest.shift(); arg !== undefined && arg !== "--"; arg = rest.shift()) {
    if (!arg.startsWith("-") || arg === "-") continue;
    if (arg.startsWith("--")) {
      const equals = arg.indexOf("=");
      const name = arg.slice(2, equals < 0 ? undefined : equals);
      const kind = KINDS.get(name);
      if (name === "" || name.startsWith("-") || name.startsWith("="))
        throw new ArgumentError(`bad flag syntax: ${arg}`);
      if (kind === undefined) throw new ArgumentError(`unknown flag: --${name}`);
      const bare = kind === "bool" ? "true" : BARE.get(name);
      const value = equals < 0 ? (bare ?? rest.shift()) : arg.slice(equals + 1);
      if (value === undefined) throw new ArgumentError(`flag needs an argument: --${name}`);
      yield [name, value];
      continue;
    }
    // -fA, -o json, -ojson, -o=json
    for (let shorts = arg.slice(1); shorts !== "";) {
      const short = shorts.charAt(0);
      const name = SHORT.get(short);
      if (name === undefined) throw new ArgumentError(`unknown shorthand flag: '${short}' in -${shorts}`);
      const bare = KINDS.get(name) === "bool" ? "true" : BARE.get(name);
      const after = shorts.slice(1);
      shorts = "";
      if (after.startsWith("=") && after.length > 1) yield [name, after.slice(1)];
      else if (bare !== undefined) {
        yield [name, bare];
        shorts = after;
      } else {
        const value = after === "" ? rest.shift() : after;
        if (value === undefined) throw new ArgumentError(`flag needs an argument: '${short}' in -${short}`);
        yield [name, value];
      }
    }
  }
}

const OUTPUTS: ReadonlyMap<string, Output> = new Map([
  ["compact", "compact"],
  ["dict", "dict"],
  ["json", "json"],
  ["JSON", "json"],
  ["jsonpb", "json"],
  ["tab", "table"],
  ["table", "table"],
]);

const MOST = 1_000_000n;

/** Reads the command line. `now` (nanoseconds since 1970) is what `--since 5m` counts from. Throws ArgumentError. */
export function readArguments(args: readonly string[], now: bigint): ObserveOptions {
  const flags = createFilterFlags();
  const bools = new Map<string, boolean>();
  const texts = new Map<string, string>();
  const lists = { allowlist: [] as string[], denylist: [] as string[] };
  const counts = new Map<string, bigint>();

  for (const [name, value] of options(args)) {
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
          if (!/^(?:0x[\da-f]+|\d+)$/i.test(value))
            throw new FilterError(`strconv.ParseUint: parsing ${JSON.stringify(value)}: invalid syntax`);
          counts.set(name, BigInt(value));
          break;
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
  const own = filtersOf(flags.filters);
  const format = texts.get("output") ?? "compact";
  const output = OUTPUTS.get(format) ?? fail(`invalid output format: ${format}`);
  if (output === "table" && has("follow")) fail("table output format is not compatible with follow mode");
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
    allow: [...own.allow, ...raw("allowlist", lists.allowlist)],
    deny: [...own.deny, ...raw("denylist", lists.denylist)],
  };
  if (first === 0n && last > MOST && !has("print-raw-filters"))
    fail(`--last must be <= 1_000_000, got ${last}`);

  const color = (texts.get("color") ?? "auto").toLowerCase();
  return {
    filters,
    inputFile: texts.get("input-file"),
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
      first > 0n
        ? { end: "first", count: Number(first) }
        : last > 0n
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
