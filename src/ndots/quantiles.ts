/** In the unit of the values. */
export interface Quantiles {
  readonly mean: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
}

const round = (value: number): number => Math.round(value * 100) / 100;

/** Of any number of values; all 0 where there are none. Nearest ranks. */
export function quantiles(values: readonly number[]): Quantiles {
  const sorted = Float64Array.from(values).sort();
  const { length } = sorted;
  const at = (part: number): number => round(sorted[Math.min(length - 1, Math.ceil(part * length) - 1)] ?? 0);
  const mean = length === 0 ? 0 : sorted.reduce((sum, value) => sum + value, 0) / length;
  return { mean: round(mean), p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) };
}
