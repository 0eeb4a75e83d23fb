/** Medians and spreads out of runs. */
import type { Measured, Run } from "../measure.ts";
import { spreadOf, type Spread } from "../lib/numbers.ts";

/** Microseconds, queries per second, milliseconds. */
export interface Figures {
  readonly workload: string;
  readonly server: string;
  readonly cpu: Spread;
  readonly user: Spread;
  readonly system: Spread;
  /** Queries that one core answers in a second in which it does nothing else. */
  readonly perCore: Spread;
  readonly p50?: Spread;
  readonly p99?: Spread;
  /** CPU for a query at the fixed rate, where batches are small. */
  readonly cpuAtRate?: Spread;
}

export const METRICS = {
  cpu: (run: Run): number => run.user + run.system,
  user: (run: Run): number => run.user,
  system: (run: Run): number => run.system,
  p50: (run: Run): number => run.latency?.p50 ?? Number.NaN,
  p99: (run: Run): number => run.latency?.p99 ?? Number.NaN,
  rate: (run: Run): number => run.rate,
} as const;
export type Metric = keyof typeof METRICS;

export function figuresOf({ workload, server, full, fixed }: Measured): Figures | undefined {
  const of = (runs: readonly Run[], metric: Metric): Spread | undefined =>
    spreadOf(runs.map(METRICS[metric]));
  const cpu = of(full, "cpu");
  if (cpu === undefined) return undefined;
  const figures = {
    workload,
    server,
    cpu,
    user: of(full, "user")!,
    system: of(full, "system")!,
    perCore: spreadOf(full.map((run) => 1e6 / METRICS.cpu(run)))!,
  };
  if (fixed.length === 0) return figures;
  return { ...figures, p50: of(fixed, "p50")!, p99: of(fixed, "p99")!, cpuAtRate: of(fixed, "cpu")! };
}

/** One server's figure by another's, round by round: undefined where they have no round in common. */
export function ratio(of: readonly Run[], to: readonly Run[], metric: Metric): Spread | undefined {
  const pairs = of.flatMap((run) => {
    const other = to.find(({ round }) => round === run.round);
    return other === undefined ? [] : [METRICS[metric](run) / METRICS[metric](other)];
  });
  return spreadOf(pairs.filter((value) => Number.isFinite(value)));
}
