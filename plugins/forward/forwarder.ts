import { QUERY_TIME, UPSTREAM_TAP, type UpstreamExchange } from "../../src/capabilities.ts";
import { isWithin, ROOT, type Name } from "../../src/dns/name.ts";
import type { Answer, Failure } from "../../src/dns/message.ts";
import type { Query } from "../../src/dns/query.ts";
import { RCODE } from "../../src/dns/types.ts";
import type { Context, Instance, MaybePromise, Next } from "../../src/plugin.ts";
import { Attempt, type Attempts } from "./attempt.ts";
import { Flights } from "./flights.ts";
import type { Policy } from "./policy.ts";
import type { Upstreams } from "./upstreams.ts";

/** What a `forward` line asks for, beyond what concerns single upstreams. Times in milliseconds. */
export interface ForwarderSettings extends Pick<
  Attempts,
  | "maxFails"
  | "maxConnects"
  | "failFast"
  | "failover"
  | "next"
  | "nextOnNoData"
  | "forceTcp"
  | "preferUdp"
  | "hedge"
  | "metrics"
> {
  readonly from: Name;
  readonly except: readonly Name[];
  /** 0: any number. */
  readonly maxConcurrent: number;
  readonly policy: Policy;
}

/** Milliseconds that a query may take over all upstreams. */
const PATIENCE = 5000;
/** Milliseconds in which others may join a question: who comes later asks anew, so that a lost datagram does not delay all who come in two seconds. */
const JOIN = 250;
const UPSTREAM = "forward/upstream";
const REMEMBERED = 512;

export function createForwarder(
  settings: ForwarderSettings,
  upstreams: Upstreams,
  context: Context,
): Instance {
  const { from, except, maxConcurrent, policy, metrics } = settings;
  const isEverything = from === ROOT && except.length === 0;
  const allDown = context.metrics.counter(
    "healthcheck_broken_total",
    "Counter of the number of complete failures of the healthchecks.",
  );
  const rejects = context.metrics.counter(
    "max_concurrent_rejects_total",
    "Counter of the number of queries rejected because the concurrent queries were at maximum.",
  );
  const tooMany: Failure = {
    kind: "failure",
    rcode: RCODE.REFUSED,
    error: `concurrent queries exceeded maximum ${maxConcurrent}`,
  };

  const history = createHistory();
  let patience = PATIENCE;
  let tap: ((exchange: UpstreamExchange) => void) | undefined;
  const attempts: Attempts = {
    ...settings,
    patience: () => patience,
    metrics,
    allDown: () => allDown.at().inc(),
    random: context.random,
    chosen(query, upstream) {
      if (context.settings.metadata.length > 0) history.note(query.origin, upstream.name);
    },
    tap: () => tap,
  };

  const flights = new Flights();

  const ask = (query: Query, next: Next): Promise<Answer> => {
    const known = flights.find(query);
    if (known !== undefined && performance.now() - known.begun < JOIN) return known.answer;
    const flight = flights.begin(query);
    const done = (answer: MaybePromise<Answer>): void => flights.end(flight, answer);
    new Attempt(attempts, query, next, policy(upstreams.list), done).go();
    return flight.answer;
  };

  const takes = (name: Name): boolean =>
    isEverything || (isWithin(name, from) && (name === from || !except.some((zone) => isWithin(name, zone))));

  return {
    answer(query, next) {
      if (!takes(query.name)) return next(query);
      if (maxConcurrent > 0 && flights.count >= maxConcurrent) {
        rejects.at().inc();
        return tooMany;
      }
      return ask(query, next);
    },
    metadata(query, label) {
      return label === UPSTREAM ? history.find(query.origin) : undefined;
    },
    start() {
      patience = Math.min(PATIENCE, ...context.find(QUERY_TIME));
      const taps = context.find(UPSTREAM_TAP);
      if (taps.length > 0) tap = (exchange) => taps.forEach((one) => one(exchange));
      return upstreams.start();
    },
    close: () => upstreams.close(),
  };
}

/**
 * Which upstreams answered last, by the query as it came in: who asks for metadata does so when the answer is there. (A
 * WeakMap of all queries would be dear to the garbage collector.)
 */
function createHistory(): {
  note(query: Query, upstream: string): void;
  find(query: Query): string | undefined;
} {
  const queries: Query[] = [];
  const upstreams: string[] = [];
  let next = 0;
  return {
    note(query, upstream) {
      queries[next] = query;
      upstreams[next] = upstream;
      next = (next + 1) % REMEMBERED;
    },
    find(query) {
      const at = queries.indexOf(query);
      return at < 0 ? undefined : upstreams[at];
    },
  };
}
