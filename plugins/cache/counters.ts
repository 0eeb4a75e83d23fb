import type { Cell, Family, Metrics } from "../../src/metrics/metrics.ts";

/** What one cache counted under one server's label since the last scrape. */
export class Counters {
  readonly server: string;
  requests = 0;
  misses = 0;
  prefetches = 0;
  drops = 0;
  stale = 0;
  answerHits = 0;
  denialHits = 0;
  answerEvictions = 0;
  denialEvictions = 0;
  /** Something was stored, so that the number of entries is shown. */
  filled = false;

  constructor(server: string) {
    this.server = server;
  }
}

export interface CacheMetrics {
  /** Those of a server; found once, then by a comparison. */
  of(server: string): Counters;
  close(): void;
}

export interface CacheLabels {
  /** Comma-separated, as on the `cache` line. */
  readonly zones: string;
  readonly view: string;
}

/** `sizes`: how many answers and denials are kept. A series appears with its first event, as CoreDNS's do. */
export function createMetrics(
  metrics: Metrics,
  { zones, view }: CacheLabels,
  sizes: () => { readonly answers: number; readonly denials: number },
): CacheMetrics {
  const plain = (name: string, help: string): Family<Cell> =>
    metrics.counter(name, help, ["server", "view", "zones"]);
  const typed = (name: string, help: string): Family<Cell> =>
    metrics.counter(name, help, ["server", "type", "view", "zones"]);
  const requests = plain("requests_total", "The count of cache requests.");
  const misses = plain(
    "misses_total",
    "The count of cache misses. Deprecated, derive misses from cache hits/requests counters.",
  );
  const prefetches = plain("prefetch_total", "The number of times the cache has prefetched a cached item.");
  const drops = plain(
    "drops_total",
    "The number responses that are not cached, because the reply is malformed.",
  );
  const stale = plain("served_stale_total", "The number of requests served from stale cache entries.");
  const hits = typed("hits_total", "The count of cache hits.");
  const evictions = typed("evictions_total", "The count of cache evictions.");
  const entries = metrics.gauge("entries", "The number of elements in the cache.", [
    "server",
    "type",
    "view",
    "zones",
  ]);

  const known = new Map<string, Counters>();
  let last = new Counters("");

  const collect = (): void => {
    const { answers, denials } = sizes();
    for (const counted of known.values()) {
      const { server } = counted;
      const add = (family: Family<Cell>, count: number, ...type: string[]): void => {
        if (count > 0) family.at(server, ...type, view, zones).inc(count);
      };
      add(requests, counted.requests);
      add(misses, counted.misses);
      add(prefetches, counted.prefetches);
      add(drops, counted.drops);
      add(stale, counted.stale);
      add(hits, counted.answerHits, "success");
      add(hits, counted.denialHits, "denial");
      add(evictions, counted.answerEvictions, "success");
      add(evictions, counted.denialEvictions, "denial");
      Object.assign(counted, { ...new Counters(server), filled: counted.filled });
      if (!counted.filled) continue;
      entries.at(server, "success", view, zones).set(answers);
      entries.at(server, "denial", view, zones).set(denials);
    }
  };
  const end = metrics.onCollect(collect);

  return {
    of(server) {
      if (last.server === server) return last;
      last = known.get(server) ?? new Counters(server);
      known.set(server, last);
      return last;
    },
    close() {
      collect();
      end();
    },
  };
}
