import type { Answer } from "../../src/dns/message.ts";
import { nameText } from "../../src/dns/name.ts";
import type { Peer, Query } from "../../src/dns/query.ts";
import type { Logger, MaybePromise, Next } from "../../src/plugin.ts";
import type { Basis, Entry } from "./entry.ts";
import type { Keeper, Kept } from "./keeper.ts";
import type { CacheSettings } from "./settings.ts";
import type { Store } from "./store.ts";

export interface RefreshParts {
  readonly settings: CacheSettings;
  readonly store: Store;
  readonly keeper: Keeper;
  readonly basisOf: (query: Query) => Basis;
  readonly log: Pick<Logger, "error">;
  /** Seconds since 1970. */
  readonly now: () => number;
}

export interface Refresh {
  /** Asks anew behind the client's back, once for an entry at a time. Returns whether that was begun. */
  behind(entry: Entry, query: Query, next: Next): boolean;
  /**
   * Asks anew while the client waits, for as long as `verify_timeout` says: what came of it, or undefined where the stale
   * entry is the answer. After the time the asking goes on behind.
   */
  before(entry: Entry, query: Query, next: Next): MaybePromise<Kept | undefined>;
}

export function createRefresh({ settings, store, keeper, basisOf, log, now }: RefreshParts): Refresh {
  const { stale } = settings;
  const recheck = stale?.recheck ?? 0;
  const timeout = (stale?.verifyTimeout ?? 0) * 1000;

  const begin = (entry: Entry, isStale: boolean): boolean => {
    if (entry.refreshing || (isStale && recheck > 0 && now() < entry.retryAfter)) return false;
    entry.refreshing = true;
    return true;
  };
  const end = (entry: Entry, isStale: boolean, isDone: boolean): void => {
    entry.retryAfter = isStale && recheck > 0 && !isDone ? now() + recheck : 0;
    entry.refreshing = false;
  };

  const renewed = (answer: Answer, query: Query, basis: Basis): Kept | undefined =>
    answer.kind === "message" ? keeper.renew(answer, query, basis) : undefined;

  const askBehind = async (entry: Entry, query: Query, next: Next, isStale: boolean): Promise<void> => {
    let isDone = false;
    try {
      const basis = basisOf(query);
      const answer = await next(query);
      if (isStale) isDone = renewed(answer, query, basis) !== undefined;
      else if (answer.kind === "message") {
        keeper.keep(answer, query, basis);
        isDone = true;
      }
    } catch (error) {
      log.error(`refreshing ${nameText(query.name)} failed: ${String(error)}`);
    }
    end(entry, isStale, isDone);
    if (!isDone) return;
    // What was popular before is so still.
    const fresh = store.peek(store.keyOf(query));
    if (fresh === undefined) return;
    fresh.hits = entry.hits;
    fresh.lastHit = entry.lastHit;
  };

  const verify = (
    entry: Entry,
    query: Query,
    next: Next,
    isTracked: boolean,
  ): MaybePromise<Kept | undefined> => {
    const basis = basisOf(query);
    const settle = (answer: Answer): Kept | undefined => {
      const kept = renewed(answer, query, basis);
      if (isTracked) end(entry, true, kept !== undefined);
      return kept;
    };
    const result = next(authentic(query));
    if (!(result instanceof Promise)) return settle(result);
    return result.then(settle, (error: unknown) => {
      if (isTracked) end(entry, true, false);
      throw error;
    });
  };

  return {
    behind(entry, query, next) {
      const isStale = entry.left(now()) <= 0;
      if (!begin(entry, isStale)) return false;
      const asked = detached(query);
      // Behind the reply, which goes out in this turn.
      queueMicrotask(() => void askBehind(entry, asked, next, isStale));
      return true;
    },
    before(entry, query, next) {
      const isTracked = recheck > 0;
      if (isTracked && !begin(entry, true)) return undefined;
      const kept = verify(entry, query, next, isTracked);
      if (!(kept instanceof Promise) || timeout === 0) return kept;
      return inTime(kept, timeout, (error) => {
        log.error(`refreshing ${nameText(query.name)} failed: ${String(error)}`);
      });
    },
  };
}

/** `AD` is set on what the source is asked: the cache can tell authentic data from other data then, whoever asks for it next. */
export const authentic = (query: Query): Query =>
  query.authenticData ? query : query.with({ authenticData: true });

/** A query that nobody waits for: it needs no packet, and no datagram limits its answer. */
function detached(query: Query): Query {
  const asked = query.with({ authenticData: true });
  asked.origin = asked;
  asked.questionEnd = 0;
  asked.peer = overTcp(query.peer);
  return asked;
}

function overTcp({ family, address, port, localAddress, localPort }: Peer): Peer {
  const peer: Peer = { protocol: "tcp", family, address, port, localAddress, localPort, keep: () => peer };
  return peer;
}

/** What it comes to within so many milliseconds, else undefined. */
function inTime(
  kept: Promise<Kept | undefined>,
  milliseconds: number,
  onLateError: (error: unknown) => void,
): Promise<Kept | undefined> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(undefined), milliseconds);
    kept.then(
      (one) => {
        clearTimeout(timer);
        resolve(one);
      },
      (error: unknown) => {
        clearTimeout(timer);
        onLateError(error);
        resolve(undefined);
      },
    );
  });
}
