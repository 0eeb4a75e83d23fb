import { Message } from "../../src/dns/message.ts";
import { isWithin, lower, type Name } from "../../src/dns/name.ts";
import type { Query } from "../../src/dns/query.ts";
import { FLAG, RCODE } from "../../src/dns/types.ts";
import { isDenial, isKept, SORT, sortOf, type Sort } from "./classify.ts";
import type { Counters } from "./counters.ts";
import { Entry, type Basis } from "./entry.ts";
import type { CacheSettings, Clamp } from "./settings.ts";
import type { Store } from "./store.ts";

/** What becomes of a message on its way from the source to the client. */
export interface Kept {
  /** For the client: all TTLs are the time that it is good for. */
  readonly message: Message;
  readonly entry: Entry | undefined;
}

export interface Keeper {
  /** Keeps what may be kept. `query` is the client's. */
  keep(message: Message, query: Query, basis: Basis): Kept;
  /**
   * The same for a message that is to take the place of one that expired: undefined where that is the better one
   * (RFC 8767 §4: an error never displaces data).
   */
  renew(message: Message, query: Query, basis: Basis): Kept | undefined;
}

/** Of answers that have no TTL of their own: errors, referrals, and what has no records at all. */
const DEFAULT_TIME = 5;

export interface KeeperParts {
  readonly settings: CacheSettings;
  readonly store: Store;
  readonly countersOf: (query: Query) => Counters;
  /** Seconds since 1970. */
  readonly now: () => number;
  /** The wildcard that an answer was made from, where somebody knows it (`file`). */
  readonly wildcardOf: (query: Query) => string;
}

export function createKeeper({ settings, store, countersOf, now, wildcardOf }: KeeperParts): Keeper {
  const { withoutAnswers, withoutDenials } = settings;
  const preferPositive = settings.stale?.preferPositive === true;

  const timeOf = (sort: Sort, message: Message): number => {
    switch (sort) {
      case SORT.SERVER_ERROR:
        return settings.servfail;
      case SORT.NODATA:
      case SORT.NXDOMAIN:
      case SORT.BARE_NXDOMAIN:
        return clamp(leastTtl(message), settings.denials);
      case SORT.ANSWER:
      case SORT.DANGLING:
        return clamp(leastTtl(message), settings.answers);
      default:
        return clamp(DEFAULT_TIME, settings.answers);
    }
  };

  const put = (message: Message, query: Query, sort: Sort, ttl: number, basis: Basis): Entry | undefined => {
    const denial = isDenial(sort) || sort === SORT.SERVER_ERROR;
    if (isExcepted(denial ? withoutDenials : withoutAnswers, query.name)) return undefined;
    const key = store.keyOf(query);
    const { question, rcode, body } = message;
    const answering = sort === SORT.ANSWER && body.answers > 0;
    const flags = message.flags & (FLAG.RA | FLAG.AD);
    const entry = new Entry(query, denial, rcode, flags, question, body, ttl, now(), answering);
    entry.basis = basis;
    entry.wildcard = wildcardOf(query);
    if (!denial) {
      if (preferPositive && !answering) {
        const before = store.answer(key, query);
        entry.lastGood = before?.answering === true ? before : before?.lastGood;
      }
      // It is news of this question: only where answers are preferred and this is none, the denial stays.
      if (!preferPositive || answering) store.dropDenial(key);
    }
    const counters = countersOf(query);
    counters.filled = true;
    store.put(key, entry, counters);
    return entry;
  };

  const keepAs = (sort: Sort, message: Message, query: Query, basis: Basis): Kept => {
    const time = timeOf(sort, message);
    const ttl = Math.floor(time);
    let entry: Entry | undefined;
    if (time > 0 && isKept(sort, message)) {
      if (isForQuestion(message, query)) entry = put(message, query, sort, ttl, basis);
      else countersOf(query).drops++;
    }
    const flags = wantsAuthentic(query) ? message.flags : message.flags & ~FLAG.AD;
    const { question, rcode, body, shuffle } = message;
    // The OPT record was for this hop alone (RFC 6891 §6.1.1).
    return { entry, message: new Message(question, rcode, flags, body, undefined, ttl, shuffle) };
  };

  return {
    keep: (message, query, basis) => keepAs(sortOf(message, query, now()), message, query, basis),
    renew(message, query, basis) {
      if ((message.flags & FLAG.TC) !== 0 || !isForQuestion(message, query)) return undefined;
      const sort = sortOf(message, query, now());
      if (preferPositive) {
        const kept = keepAs(sort, message, query, basis);
        return sort === SORT.ANSWER && message.body.answers > 0 ? kept : undefined;
      }
      const isData = message.rcode === RCODE.NOERROR || message.rcode === RCODE.NXDOMAIN;
      return isData && sort !== SORT.OTHER ? keepAs(sort, message, query, basis) : undefined;
    },
  };
}

/** AD is for those who ask for it (RFC 6840 §5.7, §5.8). */
export const wantsAuthentic = (query: Query): boolean => query.dnssecOk || query.authenticData;

const clamp = (time: number, { min, max }: Clamp): number => Math.min(Math.max(time, min), max);

function leastTtl({ body, ttl }: Message): number {
  if (body.answers + body.authorities + body.additionals === 0) return DEFAULT_TIME;
  return ttl >= 0 ? ttl : body.minTtl;
}

const isForQuestion = ({ question }: Message, query: Query): boolean =>
  question === query.rawName || lower(question) === query.name;

const isExcepted = (zones: readonly Name[], name: Name): boolean =>
  zones.length > 0 && zones.some((zone) => isWithin(name, zone));
