/** What must hold, and whether it does. */
import type { Measured, Run } from "../measure.ts";
import { spreadOf, type Spread } from "../lib/numbers.ts";
import { METRICS, ratio, type Metric } from "./figures.ts";

export interface Bound {
  readonly title: string;
  readonly workload: string;
  readonly metric: Metric;
  readonly of: string;
  /** Without it the bound is the figure itself, in the metric's unit. */
  readonly to?: string;
  readonly atRate?: boolean;
  readonly most: number;
}

/** A bound and what was measured; without `value` it was not. */
export interface Verdict {
  readonly title: string;
  readonly most: number;
  readonly unit: string;
  readonly value: Spread | undefined;
}

export const bounds: readonly Bound[] = [
  bound("kubeadm", "cpu", "ours", "coredns", 0.4),
  bound("kubeadm", "cpu", "ours", "knot", 1.35),
  bound("kubeadm", "cpu", "ours-dgram", "coredns", 0.75),
  bound("no-cache", "cpu", "ours", "coredns", 0.35),
  bound("shipped", "cpu", "ours", "coredns", 0.35),
  bound("nxdomain", "cpu", "ours", "coredns", 0.35),
  bound("forward", "cpu", "ours", "coredns", 0.6),
  bound("tcp", "cpu", "ours", "coredns", 0.6),
  bound("srv", "cpu", "ours", "coredns", 0.4),
  bound("log", "cpu", "ours", "coredns", 0.5),
  { ...bound("kubeadm", "p99", "ours", "coredns", 1), atRate: true },
  {
    title: "kubeadm: user time of ours for a query",
    workload: "kubeadm",
    metric: "user",
    of: "ours",
    most: 1.5,
  },
];

function bound(workload: string, metric: Metric, of: string, to: string, most: number): Bound {
  const what = metric === "cpu" ? "CPU for a query" : metric;
  return { title: `${workload}: ${what}, ${of} by ${to}`, workload, metric, of, to, most };
}

export function judge(measured: readonly Measured[]): Verdict[] {
  const runsOf = (name: string, { workload, atRate }: Bound): readonly Run[] => {
    const found = measured.find((one) => one.workload === workload && one.server === name);
    return (atRate === true ? found?.fixed : found?.full) ?? [];
  };
  const verdicts = bounds.map((one): Verdict => {
    const own = runsOf(one.of, one);
    const value =
      one.to === undefined
        ? spreadOf(own.map(METRICS[one.metric]))
        : ratio(own, runsOf(one.to, one), one.metric);
    return { title: one.title, most: one.most, unit: one.to === undefined ? "µs" : "", value };
  });
  return [...verdicts, threads(measured)];
}

/** Two I/O threads answer as many queries in a second as one, within what the runs of one lie apart. */
function threads(measured: readonly Measured[]): Verdict {
  const of = (server: string): readonly number[] =>
    measured.find((one) => one.workload === "kubeadm" && one.server === server)?.full.map(METRICS.rate) ?? [];
  const one = spreadOf(of("ours"));
  const two = spreadOf(of("ours-2-threads"));
  const value =
    one === undefined || two === undefined
      ? undefined
      : spreadOf(of("ours-2-threads").map((rate) => one.median / rate));
  const most = one === undefined ? 1 : one.median / one.min;
  return { title: "kubeadm: queries/s, 1 I/O thread by 2, within the spread of 1", most, unit: "", value };
}

export const isMet = ({ value, most }: Verdict): boolean => value !== undefined && value.median <= most;
