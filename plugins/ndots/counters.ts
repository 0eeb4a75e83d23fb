import type { Cell, Metrics } from "../../src/metrics/metrics.ts";

/** The series of one namespace. */
export interface NamespaceCells {
  readonly queries: Cell;
  readonly needless: Cell;
  readonly seconds: Cell;
}

/** What has no series of its own, and what nobody can tell. */
const OTHER = "other";
const UNKNOWN = "unknown";

/**
 * Series by namespace, so many at most: names in questions are the clients' to choose. `exists`: whether there is such a namespace,
 * where that is known.
 */
export function createCounters(
  metrics: Metrics,
  most: number,
  exists: (namespace: string) => boolean,
): (namespace: string | undefined) => NamespaceCells {
  const queries = metrics.counter(
    "queries_total",
    "Counter of queries by the namespace of who asks, as far as it is known.",
    ["namespace"],
  );
  const needless = metrics.counter(
    "needless_queries_total",
    "Counter of queries that were needless steps of a search list.",
    ["namespace"],
  );
  const seconds = metrics.counter(
    "needless_seconds_total",
    "Time that answers to needless queries took, in seconds.",
    ["namespace"],
  );
  const cells = new Map<string, NamespaceCells>();
  const make = (namespace: string): NamespaceCells => {
    const made = {
      queries: queries.at(namespace),
      needless: needless.at(namespace),
      seconds: seconds.at(namespace),
    };
    cells.set(namespace, made);
    return made;
  };
  return (namespace = UNKNOWN) => {
    const known = cells.get(namespace);
    if (known !== undefined) return known;
    const isOwn = namespace === UNKNOWN || (cells.size < most && exists(namespace));
    return isOwn ? make(namespace) : (cells.get(OTHER) ?? make(OTHER));
  };
}
