/** The pictures and the page of a lookup's document. */
import type { Hop } from "../chain/chain.ts";
import type { Cost, Document, RemedyEntry } from "../document.ts";
import type { TracedLookup } from "../trace.ts";
import { bars } from "./bars.ts";
import { page, table, type Cell } from "./page.ts";
import { element, escape, heading, inlineSvg, stack, type Part } from "./svg.ts";
import { HOP_SERIES, timeline } from "./timeline.ts";

const milliseconds = (ms: number): string => `${ms.toFixed(1)} ms`;

interface Drawn {
  readonly title: string;
  readonly part: Part;
}

/** Null where such a server is not on the way at all. */
const reached = ({ hops }: Cost, hop: Hop): number | null =>
  hop === "nodelocal" ? (hops.nodelocal ?? null) : (hops[hop] ?? 0);

/** What is drawn of one name and resolver: the lookup over time; with remedies, questions and times under each. */
function chartsOf({ lookups, chain, remedies = [] }: Document, lookup: TracedLookup): Drawn[] {
  const drawn: Drawn[] = [
    {
      title: `${lookup.name}, ${lookup.resolver}`,
      part: timeline(lookup, chain?.hops ?? []),
    },
  ];
  if (remedies.length === 0 || lookups.length === 0) return drawn;
  const of = ({ lookups }: RemedyEntry) =>
    lookups.find(({ name, resolver }) => name === lookup.name && resolver === lookup.resolver);
  const hops: readonly Hop[] = chain === undefined ? [] : ["nodelocal", "cluster", "upstream"];
  const asked =
    hops.length === 0 ? [{ title: "queries", colour: "a" as const }] : hops.map((hop) => HOP_SERIES[hop]);
  drawn.push({
    title: "Queries that each server gets for one lookup",
    part: bars({
      series: asked,
      format: String,
      rows: remedies.map((remedy) => {
        const one = of(remedy);
        return {
          title: remedy.title,
          note: `not tried: ${remedy.why ?? ""}`,
          values: asked.map((_, i) =>
            one === undefined ? null : hops.length === 0 ? one.queries : reached(one, hops[i]!),
          ),
        };
      }),
    }),
  });
  drawn.push({
    title: "Time until the resolver returns",
    part: bars({
      series: [
        { title: "nothing cached", colour: "a" },
        { title: "again", colour: "d" },
      ],
      format: milliseconds,
      rows: remedies.map((remedy) => {
        const one = of(remedy);
        return {
          title: remedy.title,
          note: `not tried: ${remedy.why ?? ""}`,
          values: one === undefined ? [null, null] : [one.ms, one.again.ms],
        };
      }),
    }),
  });
  return drawn;
}

/** All charts below each other. */
export const documentPicture = (document: Document): Part =>
  stack(
    document.lookups.flatMap((lookup) =>
      chartsOf(document, lookup).flatMap(({ title, part }) => [heading(title), part]),
    ),
    14,
  );

const hopTitle = (hop: Hop | null): string => (hop === null ? "" : HOP_SERIES[hop].title);

function queryTable({ queries }: TracedLookup): string {
  const head = ["ms", "name", "type", "over", "server", "answered by", "took ms", "answer"];
  return table([
    head,
    ...queries.map((query): Cell[] => [
      query.t_ms,
      query.name,
      query.type,
      query.proto,
      query.server,
      hopTitle(query.by),
      query.took_ms,
      query.answer,
    ]),
  ]);
}

function remedyTable(remedies: readonly RemedyEntry[], { name, resolver }: TracedLookup): string {
  const head = ["remedy", "queries", "names", ...Object.values(HOP_SERIES).map(({ title }) => title)];
  const times = ["ms", "first address", "again"];
  const rows = remedies.map(({ title, why, lookups }): Cell[] => {
    const one = lookups.find((lookup) => lookup.name === name && lookup.resolver === resolver);
    if (one === undefined)
      return [`${title} (not tried: ${why ?? ""})`, ...[...head, ...times].slice(1).map(() => null)];
    const hops = (Object.keys(HOP_SERIES) as Hop[]).map((hop) => reached(one, hop));
    return [title, one.queries, one.names, ...hops, one.ms, one.first_address_ms, one.again.ms];
  });
  return table([[...head, ...times], ...rows]);
}

/** What each remedy does to names that were found without it. */
function breakTable(remedies: readonly RemedyEntry[]): string {
  const rows = remedies
    .filter(({ id }) => !id.includes("+"))
    .flatMap(({ title, breaks, dearer }): Cell[][] => [
      ...breaks.map(({ name, resolver, outcome }) => [title, name, resolver, outcome]),
      ...dearer.map(({ name, resolver, queries, before }) => [
        title,
        name,
        resolver,
        `found, with ${String(queries)} queries instead of ${String(before)}`,
      ]),
    ]);
  return table([["remedy", "name", "resolver", "what becomes of it"], ...rows]);
}

/** A page of its own: charts and tables of every lookup. */
export function documentPage(document: Document): string {
  const { lookups, remedies = [], chain } = document;
  const names = [...new Set(lookups.map(({ name }) => name))].join(", ");
  const where =
    chain === undefined
      ? "Measured with a running server."
      : `Asked by a pod of namespace ${chain.namespace}. Round-trip times: ` +
        `${String(chain.rtt_ms.node)} ms on the node, ${String(chain.rtt_ms.cluster)} ms to the cluster DNS, ` +
        `${String(chain.rtt_ms.upstream)} ms to the upstream.`;
  const sections = lookups.map((lookup) => {
    const [first, ...charts] = chartsOf(document, lookup);
    const { queries, result } = lookup;
    const outcome = result.ok ? result.addresses.join(", ") : (result.error ?? "failed");
    return [
      element("h2", {}, escape(first!.title)),
      element("p", {}, escape(`${String(queries.length)} queries in ${milliseconds(result.ms)}: ${outcome}`)),
      inlineSvg(first!.part, first!.title),
      element("h3", {}, "Queries"),
      queryTable(lookup),
      ...charts.flatMap(({ title, part }) => [element("h3", {}, escape(title)), inlineSvg(part, title)]),
      ...(remedies.length === 0 ? [] : [element("h3", {}, "Remedies"), remedyTable(remedies, lookup)]),
    ].join("\n");
  });
  const breaks =
    remedies.length === 0 ? [] : [element("h2", {}, "What the remedies break"), breakTable(remedies)];
  return page(
    `What it costs to look up ${names}`,
    [element("p", {}, escape(where)), ...sections, ...breaks].join("\n"),
  );
}
