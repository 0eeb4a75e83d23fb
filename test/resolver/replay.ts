/** Holds a model to a recorded lookup: the same queries in the same order, on the same sockets, to the same end. */
import { seededRandom, virtualClock } from "../../src/resolver/clock.ts";
import { parseResolvConf } from "../../src/resolver/conf.ts";
import { lookup, type LookupReport } from "../../src/resolver/lookup.ts";
import { findModel } from "../../src/resolver/models.ts";
import { simulatedTransport } from "../../src/resolver/simulate.ts";
import type { Net } from "../../src/resolver/types.ts";
import { responder } from "./responder.ts";

export interface RecordedQuery {
  readonly name: string;
  readonly type: string;
  readonly proto: string;
  readonly t_ms: number;
  readonly socket: number;
  readonly server?: string;
  readonly answer: string;
  readonly flags?: readonly string[];
  readonly edns?: { readonly size: number; readonly do: boolean };
  readonly wave?: number;
}

export interface Recorded {
  readonly resolver: string;
  readonly conf: string;
  readonly resolv_conf: string;
  readonly net: Net;
  readonly lookup: string;
  readonly behaviour: string;
  readonly queries: readonly RecordedQuery[];
  readonly result: {
    readonly ok: boolean;
    readonly exit: number;
    readonly ms: number;
    readonly output: string;
    readonly killed?: boolean;
  };
  /** Only where batches were recorded; the responder then took this long, and served a connection's questions together. */
  readonly delay_ms?: number;
}

/** Replays a lookup; each seed but 0 shuffles what depends on chance: the resolver's own choices, and which packet is faster. */
export async function replay(row: Recorded, seed: number): Promise<LookupReport> {
  const clock = virtualClock();
  const delay = row.delay_ms ?? 8;
  const weather = seededRandom(seed ^ 0x5eed);
  const jitter = (): number => (seed === 0 ? 0 : weather() * 0.4);
  const transport = simulatedTransport({
    clock,
    rtt: 0,
    answer: responder({
      clock,
      behaviour: row.behaviour,
      delay,
      jitter,
      serialTcp: row.delay_ms === undefined,
    }),
  });
  const model = findModel(row.resolver)!;
  const conf = parseResolvConf(row.resolv_conf);
  return clock.run(() =>
    lookup(model, row.lookup, { conf, net: row.net, transport, clock, random: seededRandom(seed) }),
  );
}

interface Step {
  readonly name: string;
  readonly type: string;
  readonly proto: string;
  readonly server?: string;
}

const keyOf = ({ name, type, proto, server = "10.96.0.10" }: Step): string =>
  `${name} ${type} ${proto} ${server}`;

/** The search steps in order, the queries of each as a set. */
function steps(queries: readonly Step[]): string[] {
  const groups = new Map<string, string[]>();
  for (const query of queries) groups.set(query.name, [...(groups.get(query.name) ?? []), keyOf(query)]);
  return [...groups.values()].map((keys) => keys.toSorted().join("; "));
}

/** Whether chance has a part in what is sent: then one of many seeds must give it. */
export const isChance = ({ resolver, conf, resolv_conf, behaviour }: Recorded): boolean =>
  conf.includes("rotate") ||
  (resolver.startsWith("musl") && resolv_conf.split("nameserver").length > 2) ||
  (resolver.startsWith("c-ares") && /^(servfail-aaaa|truncated-no-tcp)$/.test(behaviour));

/** Resolvers that leave the order within a step to chance, and musl where it asks two servers at once. */
const isLoose = ({ resolver, queries }: Recorded): boolean =>
  /^(go|c-ares)/.test(resolver) ||
  (resolver.startsWith("musl") &&
    queries.some(({ server, proto }) => server !== undefined || proto === "tcp"));

/** Queries as sets of one socket: which of them shared a port or connection. */
function socketClasses(queries: readonly (Step & { readonly socket: number })[]): string {
  const classes = new Map<number, string[]>();
  for (const query of queries)
    classes.set(query.socket, [...(classes.get(query.socket) ?? []), keyOf(query)]);
  return [...classes.values()]
    .map((keys) => keys.toSorted().join("; "))
    .toSorted()
    .join(" | ");
}

/** Number of the batch: one begins whenever nothing is pending. */
function waves(report: LookupReport): number[] {
  let wave = -1;
  return report.queries.map(({ pending }) => (pending === 0 ? ++wave : wave));
}

const bucketOf = (ms: number): number => (ms < 300 ? 0 : ms);
const sameTime = (a: number, b: number): boolean =>
  Math.abs(bucketOf(a) - bucketOf(b)) <= Math.max(100, 0.1 * b);

/** Characters of output that were kept. */
const OUTPUT_KEPT = 600;

/** Addresses in what the program printed, each once. Java writes IPv6 without `::`. */
function printedAddresses(output: string): string[] {
  const answers = output.replace(/^(Server|Address):\t.*$/gm, "");
  const found =
    answers.match(/\b(10\.96\.1\.1|192\.0\.2\.1[0-2]|fd00:96:[0:]*:1|2001:db8:[0:]*:1[0-2])\b/g) ?? [];
  return [...new Set(found.map((each) => each.replace(/:(0:)+/, "::")))];
}

export interface Judgement {
  readonly queries: boolean;
  readonly sockets: boolean;
  readonly waves: boolean;
  readonly times: boolean;
  readonly extras: boolean;
  readonly result: boolean;
}

/** What of the report agrees with the recording. What the recordings leave to chance is taken as agreeing. */
export function judge(row: Recorded, report: LookupReport): Judgement {
  const loose = isLoose(row);
  const random = row.conf.includes("rotate");
  const sequence = (queries: readonly Step[]): string =>
    (loose ? steps(queries) : queries.map(keyOf)).join("\n");
  const order = (queries: readonly RecordedQuery[] | LookupReport["queries"]) =>
    loose ? queries.map((q) => q.t_ms).toSorted((a, b) => a - b) : queries.map((q) => q.t_ms);
  const queries = sequence(row.queries) === sequence(report.queries);
  const times = order(report.queries);
  const chance = row.resolver.startsWith("musl") && row.behaviour === "first-server-nxdomain";
  const extras = (
    list: readonly {
      readonly flags?: readonly string[];
      readonly edns?: { readonly size: number; readonly do: boolean };
    }[],
  ) => JSON.stringify(list.map(({ flags, edns }) => [flags, edns]));
  return {
    queries,
    sockets: random || socketClasses(row.queries) === socketClasses(report.queries),
    waves:
      row.delay_ms === undefined ||
      JSON.stringify(row.queries.map(({ wave }) => wave)) === JSON.stringify(waves(report)),
    times:
      /^(c-ares|node-dns.resolve4)/.test(row.resolver) ||
      order(row.queries).every((t, i) => times[i] !== undefined && sameTime(times[i], t)),
    extras: extras(row.queries) === extras(report.queries),
    result: chance || sameResult(row, report),
  };
}

function sameResult({ resolver, result, delay_ms }: Recorded, report: LookupReport): boolean {
  if (result.killed === true) return !report.result.ok && report.result.ms >= 90_000;
  const printed = printedAddresses(result.output);
  // Those recordings took the exit status for success, which says little with these.
  const byStatus = delay_ms !== undefined && /^(dig|c-ares|busybox|dnspython)/.test(resolver);
  // Output was cut: dig's before its answers, of the others what is longer.
  if (resolver.startsWith("dig") || result.output.length >= OUTPUT_KEPT)
    return byStatus || result.ok === report.result.ok;
  const ok = byStatus ? printed.length > 0 : result.ok;
  return ok === report.result.ok && printed.toSorted().join() === report.result.addresses.toSorted().join();
}
