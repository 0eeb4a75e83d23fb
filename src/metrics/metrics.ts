/**
 * Counters, gauges and histograms as plain numbers. A cell is found once and then costs an addition; what a scrape wants is
 * made at the scrape (see `page.ts`). A family belongs to the process: whoever asks for the same name gets the same one, so
 * counts live through a reload.
 */
export type MetricType = "counter" | "gauge" | "histogram";

/** One time series. */
export class Cell {
  value = 0;

  inc(by = 1): void {
    this.value += by;
  }
  set(value: number): void {
    this.value = value;
  }
}

/** One histogram's time series: `counts[i]` holds what is at most `bounds[i]` and above the bound before; the last holds the rest. */
export class HistogramCell {
  readonly bounds: readonly number[];
  readonly counts: Float64Array;
  sum = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = new Float64Array(bounds.length + 1);
  }

  observe(value: number): void {
    const { bounds, counts } = this;
    let i = 0;
    while (i < bounds.length && value > bounds[i]!) i++;
    counts[i]!++;
    this.sum += value;
  }
}

export interface Family<T extends Cell | HistogramCell = Cell | HistogramCell> {
  readonly name: string;
  readonly help: string;
  readonly type: MetricType;
  /** In the order in which they stand on the page; Prometheus' own client sorts them. */
  readonly labels: readonly string[];
  /** The series of these label values, made when first asked for. */
  at(...values: string[]): T;
  /** Forgets a series. */
  remove(...values: string[]): void;
  series(): Iterable<{ readonly values: readonly string[]; readonly cell: T }>;
}

/** What a plugin uses. Names get the prefix `coredns_PLUGIN_`; a name that begins with `coredns_` stays as it is. */
export interface Metrics {
  counter(name: string, help: string, labels?: readonly string[]): Family<Cell>;
  gauge(name: string, help: string, labels?: readonly string[]): Family<Cell>;
  histogram(
    name: string,
    help: string,
    labels: readonly string[],
    bounds: readonly number[],
  ): Family<HistogramCell>;
  /** Called before each scrape, to set gauges; returns what ends that. */
  onCollect(update: () => void): () => void;
}

export interface Registry {
  scope(plugin: string): Metrics;
  /** Runs the updates and gives all families, sorted by name. */
  collect(): readonly Family[];
}

export function createRegistry(): Registry {
  const families = new Map<string, Family>();
  const updates = new Set<() => void>();

  const family = <T extends Cell | HistogramCell>(
    name: string,
    help: string,
    type: MetricType,
    labels: readonly string[],
    make: () => T,
  ): Family<T> => {
    const known = families.get(name);
    if (known !== undefined) return known as Family<T>;
    const made = createFamily(name, help, type, labels, make);
    families.set(name, made as unknown as Family);
    return made;
  };

  return {
    scope(plugin) {
      const full = (name: string): string =>
        name.startsWith("coredns_") ? name : `coredns_${plugin}_${name}`;
      return {
        counter: (name, help, labels = []) => family(full(name), help, "counter", labels, () => new Cell()),
        gauge: (name, help, labels = []) => family(full(name), help, "gauge", labels, () => new Cell()),
        histogram: (name, help, labels, bounds) =>
          family(full(name), help, "histogram", labels, () => new HistogramCell(bounds)),
        onCollect(update) {
          updates.add(update);
          return () => updates.delete(update);
        },
      };
    },
    collect() {
      for (const update of updates) update();
      return [...families.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
    },
  };
}

function createFamily<T extends Cell | HistogramCell>(
  name: string,
  help: string,
  type: MetricType,
  labels: readonly string[],
  make: () => T,
): Family<T> {
  const cells = new Map<string, { values: readonly string[]; cell: T }>();
  const found: Family<T> = {
    name,
    help,
    type,
    labels,
    at(...values) {
      const key = values.join("\0");
      let entry = cells.get(key);
      if (entry === undefined) cells.set(key, (entry = { values, cell: make() }));
      return entry.cell;
    },
    remove(...values) {
      cells.delete(values.join("\0"));
    },
    series: () => cells.values(),
  };
  // What has no labels is on the page from the start, with 0.
  if (labels.length === 0) found.at();
  return found;
}
