/** What becomes of every connection from one pod to one goal: the lookup, and the endpoints with their verdicts. */
import { recordText, typeText } from "clusterdns";
import type { Cluster } from "../../model/types.ts";
import type { Endpoint as Party } from "../../policy/endpoint.ts";
import type { Judged } from "../../trace/connect.ts";
import { parseGoal, type Goal } from "../../trace/goal.ts";
import type { Arrival } from "../../trace/passage.ts";
import type { Asked, Resolution } from "../../trace/resolve.ts";
import { trace, type TraceOptions } from "../../trace/trace.ts";
import { REASONS, type Reason } from "../../trace/types.ts";
import type { DnsExchange } from "./dns.ts";
import type { Talk } from "./workload.ts";

/** The endpoints of one connection; a second leg is that of a gateway to its backend. */
export interface Leg {
  readonly ways: readonly Judged[];
  readonly asked: Arrival;
}

export interface Query {
  readonly asked: Asked;
  /** Nanoseconds after the lookup's beginning. */
  readonly offset: number;
  /** Queries of one number have one source port. */
  readonly socket: number;
  readonly exchange: DnsExchange;
}

export interface Plan {
  readonly from: Party;
  readonly goal: Goal;
  readonly queries: readonly Query[];
  /** Nanoseconds that the lookup takes. */
  readonly lookup: number;
  readonly legs: readonly Leg[];
  /** Why there is no connection, and where it was meant to go. */
  readonly failure:
    { readonly reason: Reason; readonly address: string | undefined; readonly port: number } | undefined;
  /** A sentence about a line of traffic that cannot be. */
  readonly unusable: string | undefined;
}

const MS = 1e6;
const UNUSABLE: readonly Reason[] = [
  "unknown-source",
  "unknown-destination",
  "no-port",
  "no-common-family",
  "no-address",
];

export async function planOf(
  cluster: Cluster,
  from: Party,
  talk: Pick<Talk, "to" | "method" | "headers">,
  options: Omit<TraceOptions, "listener" | "method" | "headers">,
): Promise<Plan> {
  let resolution: Resolution | undefined;
  const legs: Leg[] = [];
  const listener = {
    resolved: (heard: Resolution) => void (resolution = heard),
    judged: (ways: readonly Judged[], asked: Arrival) => void legs.push({ ways, asked }),
  };
  const source = from.kind === "external" ? from.address.text : from.id;
  const headers = Object.fromEntries(talk.headers.map(({ key, value }) => [key, value]));
  const request = { method: talk.method, headers };
  const found = await trace(cluster, source, talk.to, { ...options, ...request, listener });
  const { reason } = found;
  const queries = resolution === undefined ? [] : queriesOf(resolution);
  const isName =
    reason.startsWith("dns-") ||
    ["no-such-name", "no-address-records", "headless-no-endpoints"].includes(reason);
  const goal = parseGoal(talk.to, request);
  const address = found.lookup?.result.addresses[0] ?? (goal.kind === "address" ? goal.host : undefined);
  return {
    from,
    goal,
    queries,
    lookup: (found.lookup?.result.ms ?? 0) * MS,
    legs,
    failure:
      legs.length > 0 || isName ? undefined : { reason, address, port: goal.port ?? found.to.port ?? 0 },
    unusable: UNUSABLE.includes(reason) ? `${talk.to}: ${REASONS[reason]}` : undefined,
  };
}

function queriesOf({ asked, report }: Resolution): Query[] {
  return asked.map((one, i) => {
    const record = report.queries[i];
    const texts = one.records.map((rr) => recordText(rr).split(" "));
    return {
      asked: one,
      offset: (record?.t_ms ?? 0) * MS,
      socket: record?.socket ?? i,
      exchange: {
        name: one.name,
        type: one.type,
        rcode:
          one.crossing.fate === "refuse" ? "REFUSED" : record?.answer === "drop" ? undefined : record?.answer,
        addresses: one.addresses,
        cnames: texts.filter((t) => t[3] === "CNAME").map((t) => t[4] ?? ""),
        types: [...new Set(one.records.map((rr) => typeText(rr.type)))],
        ttl: one.records.length === 0 ? undefined : Math.min(...one.records.map((rr) => rr.ttl)),
      },
    };
  });
}
