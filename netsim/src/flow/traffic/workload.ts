/** Traffic as a file says it: who talks to whom, how often. YAML or JSON; faults are told with file and line. */
import { load } from "js-yaml";
import { indexLines } from "../../model/parse.ts";
import { parseDuration, parseTime } from "../time.ts";

/** One line of traffic. Times are in nanoseconds. */
export interface Talk {
  /** Senders in turn, as FROM of a trace. */
  readonly from: readonly string[];
  /** As TO of a trace. */
  readonly to: string;
  readonly method: string;
  readonly headers: readonly { readonly key: string; readonly value: string }[];
  /** What the server answers to a request, and after how long. */
  readonly status: number;
  readonly latency: number;
  /** Between the beginnings of two connections. */
  readonly every: number;
  readonly after: number;
  /** Undefined: as long as the workload. */
  readonly for: number | undefined;
  readonly count: number;
  /** How long a connection is tried that nobody answers. */
  readonly timeout: number;
  readonly file: string;
  readonly line: number;
}

export interface Workload {
  /** Nanoseconds since 1970. */
  readonly start: bigint;
  /** Nanoseconds. */
  readonly for: number;
  readonly seed: number;
  /** Share of the interval by which a connection may come earlier or later, 0 to 1. */
  readonly jitter: number;
  /** Whose names and requests are seen: everybody's, or only what policy sends through a proxy, as in Cilium. */
  readonly visibility: "all" | "policy";
  /** Cilium's `monitor-aggregation`: with `none` it is told, too, where packets come from (from-endpoint, from-overlay). */
  readonly aggregation: "medium" | "none";
  readonly talks: readonly Talk[];
}

/** What is wrong with the file: `file:line: field: what`, one a line. */
export class WorkloadError extends Error {}

type Path = (string | number)[];
type Fields = Readonly<Record<string, unknown>>;

const TOP = ["start", "for", "seed", "jitter", "visibility", "aggregation", "traffic"];
const FIELDS = "from to every rate count after for method path port status latency timeout headers".split(
  " ",
);
const SECOND = 1e9;
/** A day like any other; what depends on time should say which. */
const START = "2026-01-01T00:00:00Z";

/** Throws WorkloadError. */
export function readWorkload(text: string, file: string): Workload {
  const faults: string[] = [];
  const lineOf = indexLines(text);
  const fail = (path: Path, message: string): undefined => {
    faults.push(`${file}:${1 + lineOf(path)}: ${pathText(path)}${message}`);
    return undefined;
  };
  const { document, top } = parse(text, file);
  const list = Array.isArray(document) ? document : top["traffic"];
  const at = (i: number): Path => (Array.isArray(document) ? [i] : ["traffic", i]);
  unknownFields(top, TOP, [], fail);
  if (!Array.isArray(list) || list.length === 0)
    fail(
      ["traffic"],
      "needs a list of who talks to whom: [{from: shop/web, to: http://api.pay/, every: 2s}]",
    );
  const read = reader(fail);
  const start = read.time(top, [], "start") ?? parseTime(START)!;
  const workload: Workload = {
    start,
    for: read.duration(top, [], "for") ?? 10 * SECOND,
    seed: read.number(top, [], "seed", 0, 2 ** 48) ?? 1,
    jitter: read.number(top, [], "jitter", 0, 1) ?? 0,
    visibility: read.choice(top, [], "visibility", ["all", "policy"]) ?? "all",
    aggregation: read.choice(top, [], "aggregation", ["medium", "none"]) ?? "medium",
    talks: (Array.isArray(list) ? (list as unknown[]) : []).flatMap((entry, i) => {
      const talk = readTalk(entry, at(i), fail);
      return talk === undefined ? [] : [{ ...talk, file, line: 1 + lineOf(at(i)) }];
    }),
  };
  if (faults.length > 0) throw new WorkloadError(faults.join("\n"));
  return workload;
}

function parse(text: string, file: string): { document: unknown; top: Fields } {
  let document: unknown;
  try {
    document = load(text);
  } catch (error) {
    const { reason, mark } = error as { reason?: string; mark?: { line?: number } };
    throw new WorkloadError(`${file}:${(mark?.line ?? 0) + 1}: ${reason ?? (error as Error).message}`);
  }
  const isMapping = typeof document === "object" && document !== null && !Array.isArray(document);
  if (!isMapping && !Array.isArray(document))
    throw new WorkloadError(`${file}:1: must be a mapping with a list \`traffic\`, or that list`);
  return { document, top: isMapping ? (document as Fields) : {} };
}

const pathText = (path: Path): string =>
  path.length === 0
    ? ""
    : `${path.map((part, i) => (typeof part === "number" ? `[${part}]` : i === 0 ? part : `.${part}`)).join("")}: `;

type Fail = (path: Path, message: string) => undefined;

function unknownFields(object: Fields, known: readonly string[], path: Path, fail: Fail): void {
  for (const key of Object.keys(object))
    if (!known.includes(key)) fail([...path, key], `there is no such field: it has ${known.join(", ")}`);
}

function reader(fail: Fail) {
  const field = <T>(
    object: Fields,
    path: Path,
    key: string,
    parse: (value: unknown) => T | string,
  ): T | undefined => {
    const value = object[key];
    if (value === undefined || value === null) return undefined;
    const read = parse(value);
    return typeof read === "string" ? fail([...path, key], read) : read;
  };
  return {
    duration: (object: Fields, path: Path, key: string) =>
      field(object, path, key, (value) => {
        const read = typeof value === "string" ? parseDuration(value) : undefined;
        return read === undefined || read < 0n
          ? `${shown(value)} is no duration: write 500ms, 2s, 5m or 1h`
          : { n: Number(read) };
      })?.n,
    number: (object: Fields, path: Path, key: string, least: number, most: number) =>
      field(object, path, key, (value) =>
        typeof value === "number" && value >= least && value <= most
          ? { n: value }
          : `${shown(value)} is no number from ${least} to ${most}`,
      )?.n,
    time: (object: Fields, path: Path, key: string) =>
      field(object, path, key, (value) => {
        const text = value instanceof Date ? value.toISOString() : value;
        return (
          (typeof text === "string" ? parseTime(text) : undefined) ??
          `${shown(value)} is no time: write ${START}`
        );
      }),
    choice: <T extends string>(object: Fields, path: Path, key: string, words: readonly T[]) =>
      field(object, path, key, (value) => {
        const word = words.find((w) => w === value);
        return word === undefined ? `${shown(value)} is none of ${words.join(", ")}` : { word };
      })?.word,
    texts: (object: Fields, path: Path, key: string) =>
      field(object, path, key, (value) => {
        const list: unknown[] = Array.isArray(value) ? value : [value];
        const texts = list.filter((one): one is string => typeof one === "string" && one !== "");
        return texts.length === list.length && texts.length > 0
          ? { texts }
          : `must be text, not ${shown(value)}`;
      })?.texts,
    rate: (object: Fields, path: Path) =>
      field(object, path, "rate", (value) => {
        const [, number = "", unit = "s"] =
          /^(\d+(?:\.\d+)?)\s*(?:\/\s*(ms|s|m|min|h))?$/.exec(String(value)) ?? [];
        const per = { ms: 1e6, s: SECOND, m: 60 * SECOND, min: 60 * SECOND, h: 3600 * SECOND }[unit] ?? 0;
        return Number(number) > 0
          ? { every: per / Number(number) }
          : `${shown(value)} is no rate: write 5/s, 90/m or 2/h`;
      })?.every,
  };
}

const shown = (value: unknown): string => JSON.stringify(value)?.slice(0, 60) ?? String(value);

function readTalk(entry: unknown, path: Path, fail: Fail): Omit<Talk, "file" | "line"> | undefined {
  if (typeof entry !== "object" || entry === null || Array.isArray(entry))
    return fail(path, "must be a mapping: {from: shop/web, to: http://api.pay/, every: 2s}");
  const fields = entry as Fields;
  const read = reader(fail);
  unknownFields(fields, FIELDS, path, fail);
  const from = read.texts(fields, path, "from");
  const [to] = read.texts(fields, path, "to") ?? [];
  if (fields["from"] === undefined)
    fail(path, "needs from: namespace/pod, namespace/workload, a node or an address");
  if (fields["to"] === undefined) fail(path, "needs to: a URL, a name or a pod, each with its port");
  if (fields["every"] !== undefined && fields["rate"] !== undefined)
    fail([...path, "rate"], "every says the same: leave one of them out");
  const every = read.duration(fields, path, "every") ?? read.rate(fields, path);
  if (every === 0) fail([...path, "every"], "must be longer than nothing");
  const count = read.number(fields, path, "count", 1, 1e6);
  const [method] = read.texts(fields, path, "method") ?? [];
  const [requestPath] = read.texts(fields, path, "path") ?? [];
  const port = read.number(fields, path, "port", 1, 65_535);
  const talk = {
    from: from ?? [],
    to: target(to ?? "", port, requestPath, method !== undefined),
    method: (method ?? "GET").toUpperCase(),
    headers: headersOf(fields["headers"], [...path, "headers"], fail),
    status: read.number(fields, path, "status", 100, 599) ?? 200,
    latency: read.duration(fields, path, "latency") ?? 5e6,
    // Neither: once.
    every: every ?? SECOND,
    after: read.duration(fields, path, "after") ?? 0,
    for: read.duration(fields, path, "for"),
    count: count ?? (every === undefined ? 1 : Infinity),
    timeout: read.duration(fields, path, "timeout") ?? 5 * SECOND,
  };
  const isObject = /^[^/:]+\/[^/]+$/.test(talk.to);
  if (isObject && (method !== undefined || requestPath !== undefined))
    return fail([...path, "to"], `requests need a URL: http://NAME.NAMESPACE:PORT/PATH, not ${shown(to)}`);
  return from === undefined || to === undefined ? undefined : talk;
}

/** TO with what the other fields say of it: a method or a path makes it a URL. */
function target(to: string, port: number | undefined, path: string | undefined, isRequest: boolean): string {
  const isUrl = /^[a-z][a-z0-9+.-]*:\/\//i.test(to);
  const isObject = /^[^/:]+\/[^/]+$/.test(to);
  if (!isUrl && (isObject || !(isRequest || path !== undefined)))
    return port === undefined ? to : `${to}:${port}`;
  const text = isUrl ? to : `http://${to}`;
  if (!URL.canParse(text)) return text;
  const url = new URL(text);
  if (port !== undefined) url.port = String(port);
  return path === undefined ? url.href : new URL(path, url).href;
}

function headersOf(value: unknown, path: Path, fail: Fail): Talk["headers"] {
  if (value === undefined || value === null) return [];
  if (typeof value !== "object" || Array.isArray(value)) {
    fail(path, "must be a mapping of names to values");
    return [];
  }
  return Object.entries(value).map(([key, held]) => ({ key, value: String(held) }));
}
