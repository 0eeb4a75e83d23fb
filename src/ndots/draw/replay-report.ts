/** The pictures and the page of a replay. */
import type { Hop } from "../chain/chain.ts";
import type { Point, ReplayDocument } from "../replay/replay.ts";
import type { Parameter } from "../replay/vary.ts";
import { lines } from "./lines.ts";
import { page, table, type Cell } from "./page.ts";
import { element, escape, heading, inlineSvg, stack, type Part } from "./svg.ts";
import { HOP_SERIES } from "./timeline.ts";

export const PARAMETER_TITLES: Readonly<Record<Parameter, string>> = {
  cache: "entries of each cache",
  ttl: "TTL in seconds",
  ndots: "ndots",
};

const short = (value: number): string => (value >= 100 ? value.toFixed(0) : value.toFixed(1));

interface Drawn {
  readonly title: string;
  readonly part: Part;
}

function chartsOf({ points, hops }: ReplayDocument): Drawn[] {
  const parameters = [...new Set(points.map(({ parameter }) => parameter!))];
  return parameters.flatMap((parameter): Drawn[] => {
    const own = points.filter((point) => point.parameter === parameter);
    const places = own.map(({ value }) => String(value));
    const load = {
      series: hops.map((hop) => HOP_SERIES[hop]),
      places,
      values: hops.map((hop) => own.map(({ per_second }) => per_second[hop])),
      format: short,
    };
    const times = {
      series: [
        { title: "mean", colour: "a" as const },
        { title: "99th percentile", colour: "c" as const },
      ],
      places,
      values: [own.map(({ load }) => load.lookup_ms.mean), own.map(({ load }) => load.lookup_ms.p99)],
      format: short,
    };
    const title = PARAMETER_TITLES[parameter];
    return [
      { title: `Queries a second by ${title}`, part: lines(load) },
      { title: `Milliseconds of a lookup by ${title}`, part: lines(times) },
    ];
  });
}

/** All charts below each other. */
export const replayPicture = (document: ReplayDocument): Part =>
  stack(
    chartsOf(document).flatMap(({ title, part }) => [heading(title), part]),
    14,
  );

const ratio = (value: number | null): Cell => (value === null ? null : Math.round(value * 1000) / 10);

function row(label: string, { per_second, queries_per_lookup, load }: Point, hops: readonly Hop[]): Cell[] {
  const { lookup_ms, hit_ratio, failed } = load;
  return [
    label,
    queries_per_lookup,
    ...hops.map((hop) => per_second[hop]),
    ratio(hit_ratio.nodelocal),
    ratio(hit_ratio.cluster),
    lookup_ms.mean,
    lookup_ms.p99,
    failed,
  ];
}

/** Head and rows of all runs. */
export function replayRows({ as_it_is, points, hops }: ReplayDocument): Cell[][] {
  const titles = hops.map((hop) => `${HOP_SERIES[hop].title}/s`);
  const head = [
    "",
    "queries a lookup",
    ...titles,
    "hits NodeLocal %",
    "hits cluster DNS %",
    "mean ms",
    "p99 ms",
    "not found",
  ];
  const label = ({ parameter, value }: Point): string => `${parameter!} ${String(value)}`;
  return [head, row("as it is", as_it_is, hops), ...points.map((point) => row(label(point), point, hops))];
}

export function replayPage(document: ReplayDocument): string {
  const { seconds, pods, as_it_is } = document;
  const what = `${String(as_it_is.load.lookups)} lookups of ${String(pods)} pods in ${String(seconds)} s.`;
  const charts = chartsOf(document).flatMap(({ title, part }) => [
    element("h2", {}, escape(title)),
    inlineSvg(part, title),
  ]);
  return page(
    "Load on each server",
    [
      element("p", {}, escape(what)),
      ...charts,
      element("h2", {}, "All runs"),
      table(replayRows(document)),
    ].join("\n"),
  );
}
