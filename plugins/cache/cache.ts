import type { AnswerGenerations } from "../../src/capabilities.ts";
import { extendedError } from "../../src/dns/edns.ts";
import { Message, replyFlags, type Answer, type Opt } from "../../src/dns/message.ts";
import { isWithin, ROOT } from "../../src/dns/name.ts";
import type { Query } from "../../src/dns/query.ts";
import { FLAG, RCODE } from "../../src/dns/types.ts";
import { afterMessage, type Instance, type Logger, type MaybePromise, type Next } from "../../src/plugin.ts";
import type { Counters } from "./counters.ts";
import { NO_BASIS, type Basis, type Entry } from "./entry.ts";
import { createKeeper, wantsAuthentic } from "./keeper.ts";
import { authentic, createRefresh } from "./refresh.ts";
import type { CacheSettings } from "./settings.ts";
import { Store } from "./store.ts";

export interface CacheParts {
  readonly settings: CacheSettings;
  readonly countersOf: (query: Query) => Counters;
  /** Asked when the first query comes. */
  readonly generations: () => readonly AnswerGenerations[];
  readonly log: Pick<Logger, "error">;
  /** Seconds since 1970. */
  readonly now: () => number;
}

export interface Cache extends Required<Pick<Instance, "answer" | "metadata">> {
  readonly store: Store;
}

const WILDCARD = "zone/wildcard";
/** RFC 8914 §4.4 and §4.20. */
const STALE_ANSWER = 3;
const STALE_NXDOMAIN = 19;

export function createCache({ settings, countersOf, generations, log, now }: CacheParts): Cache {
  const { zones, prefetch, stale, keepTtl } = settings;
  const isEverywhere = zones.includes(ROOT);
  const staleFor = stale?.upTo ?? 0;
  const preferPositive = stale?.preferPositive === true;
  const store = new Store({
    answers: settings.answers.capacity,
    denials: settings.denials.capacity,
    maxBytes: settings.maxBytes,
  });

  const basisOf = (query: Query): Basis => {
    for (const of of generations()) {
      const slot = of.slotFor(query.name, query.type);
      if (slot !== undefined) return { of, slot, generation: of.numbers[slot]! };
    }
    return NO_BASIS;
  };
  const keeper = createKeeper({
    settings,
    store,
    countersOf,
    now,
    wildcardOf: (query) => query.meta(WILDCARD),
  });
  const refresh = createRefresh({ settings, store, keeper, basisOf, log, now });

  /** Good, or stale and still to be given; not what a change has voided. */
  const isLive = (entry: Entry, time: number): boolean => {
    const { of, slot, generation } = entry.basis;
    if (of !== undefined && of.numbers[slot] !== generation) return false;
    const left = entry.left(time);
    return left > 0 || -left < staleFor;
  };

  const find = (query: Query, time: number): Entry | undefined => {
    const key = store.keyOf(query);
    const found = store.answer(key, query);
    if (preferPositive) {
      const good = found?.answering === true ? found : found?.lastGood;
      if (good !== undefined && isLive(good, time)) return good;
    }
    const answer = found !== undefined && isLive(found, time) ? found : undefined;
    if (found !== undefined && !found.shadowed) return answer;
    const denial = store.denial(key, query);
    if (denial === undefined || !isLive(denial, time)) return answer;
    // A failure passes; it must not hide what is good.
    return denial.rcode === RCODE.SERVFAIL && answer !== undefined ? answer : denial;
  };

  const respond = (entry: Entry, query: Query, ttl: number, opt?: Opt): Message => {
    const flags = wantsAuthentic(query) ? entry.flags : entry.flags & ~FLAG.AD;
    // Some stub resolvers drop answers without AA: CoreDNS's cache always sets it, and so clients rely on it.
    return new Message(
      entry.question,
      entry.rcode,
      FLAG.AA | flags | replyFlags(query),
      entry.body,
      opt,
      ttl,
    );
  };

  const giveStale = (entry: Entry, query: Query): Message => {
    const { ttl, ede } = stale!;
    countersOf(query).stale++;
    const code = entry.rcode === RCODE.NXDOMAIN ? STALE_NXDOMAIN : STALE_ANSWER;
    const { udpSize, dnssecOk } = query;
    const opt = ede && query.edns ? { udpSize, dnssecOk, options: [extendedError(code)] } : undefined;
    return respond(entry, query, keepTtl && ttl === 0 ? entry.ttl : ttl, opt);
  };

  const answerStale = (entry: Entry, query: Query, next: Next): MaybePromise<Answer> => {
    if (!stale!.verify) {
      if (refresh.behind(entry, query, next)) countersOf(query).prefetches++;
      return giveStale(entry, query);
    }
    const kept = refresh.before(entry, query, next);
    const give = (one: Awaited<typeof kept>): Message => {
      if (one === undefined) return giveStale(entry, query);
      // What came in time of a limited wait is given as from the cache.
      return stale!.verifyTimeout > 0 && one.entry !== undefined
        ? respond(one.entry, query, one.entry.ttl)
        : one.message;
    };
    return kept instanceof Promise ? kept.then(give) : give(kept);
  };

  const isWorthPrefetching = (entry: Entry, time: number, left: number): boolean => {
    entry.hits = time - entry.lastHit > prefetch.gap ? 1 : entry.hits + 1;
    entry.lastHit = time;
    return entry.hits >= prefetch.amount && left <= Math.ceil(prefetch.part * entry.ttl);
  };

  const keepPlain = (message: Message, query: Query): Message =>
    keeper.keep(message, query, NO_BASIS).message;

  const ask = (query: Query, next: Next): MaybePromise<Answer> => {
    const basis = basisOf(query);
    const result = next(authentic(query));
    if (basis === NO_BASIS) return afterMessage(result, query, keepPlain);
    return afterMessage(result, query, (message) => keeper.keep(message, query, basis).message);
  };

  // The last hit, where it was made from a wildcard: who asks for its metadata does so before the next query comes.
  let served: Query | undefined;
  let wildcard = "";

  return {
    store,
    answer(query, next) {
      served = undefined;
      if (!isEverywhere && !zones.some((zone) => isWithin(query.name, zone))) return next(query);
      const counters = countersOf(query);
      counters.requests++;
      const time = now();
      const entry = find(query, time);
      if (entry === undefined) {
        counters.misses++;
        return ask(query, next);
      }
      if (entry.denial) counters.denialHits++;
      else counters.answerHits++;
      if (entry.wildcard !== "") {
        served = query.origin;
        wildcard = entry.wildcard;
      }
      const left = entry.left(time);
      if (left <= 0) return answerStale(entry, query, next);
      if (
        prefetch.amount > 0 &&
        isWorthPrefetching(entry, time, left) &&
        refresh.behind(entry, query, next)
      ) {
        counters.prefetches++;
      }
      return respond(entry, query, keepTtl ? entry.ttl : left);
    },
    metadata(query, label) {
      return label === WILDCARD && query.origin === served ? wildcard : undefined;
    },
  };
}
