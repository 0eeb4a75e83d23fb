/** Lookups and remedies as text for people. */
import type { Hop } from "../ndots/chain/chain.ts";
import type { Break, Dearer } from "../ndots/remedies.ts";
import type { RemedyEntry } from "../ndots/document.ts";
import type { TracedLookup } from "../ndots/trace.ts";

/** Columns of text, each as wide as its widest cell; those of numbers to the right. */
export function columns(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const isNumber = rows[0]!.map((_, column) =>
    rows.slice(1).every((row) => /^(-?\d+(\.\d+)?( (%|s|ms))?|-|)$/.test(row[column]!)),
  );
  return rows
    .map(
      (row) =>
        row
          .map((cell, column) =>
            isNumber[column] === true ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!),
          )
          .join("  ")
          .trimEnd() + "\n",
    )
    .join("");
}

export const count = (n: number, one: string, many: string): string => `${String(n)} ${n === 1 ? one : many}`;

export const HOP_NAMES: Readonly<Record<Hop, string>> = {
  nodelocal: "NodeLocal",
  cluster: "cluster DNS",
  upstream: "upstream",
};

const oneDecimal = (ms: number | null): string => (ms === null ? "-" : ms.toFixed(1));

/** One lookup: a line for each query, and what it came to. In a chain also who answered, and who was asked. */
export function lookupTable(lookup: TracedLookup, hops: readonly Hop[] = []): string {
  const { name, resolver, queries, result, first_address_ms: first } = lookup;
  const inChain = hops.length > 0;
  const names = new Set(queries.map((query) => query.name)).size;
  const outcome = result.ok ? result.addresses.join(", ") : (result.error ?? "failed");
  const summary = `${count(queries.length, "query", "queries")} for ${count(names, "name", "names")} in ${result.ms.toFixed(1)} ms: ${outcome}\n`;
  const title = `${name} by ${resolver}\n`;
  if (queries.length === 0) return title + summary;
  const head = [
    "ms",
    "name",
    "type",
    "over",
    "server",
    "port",
    inChain ? "answered by" : "",
    "took",
    "answer",
  ];
  const lines = queries.map((query) => [
    query.t_ms.toFixed(1),
    query.name,
    query.type,
    query.proto,
    query.server,
    `#${String(query.socket)}`,
    !inChain ? "" : query.by === null ? "nobody" : HOP_NAMES[query.by],
    oneDecimal(query.took_ms),
    query.answer,
  ]);
  const table = [head, ...lines].map((row) => ["", ...row.filter((_, i) => inChain || i !== 6)]);
  const reached = hops.map((hop) => `${String(lookup.hops[hop] ?? 0)} reached the ${HOP_NAMES[hop]}`);
  const address = first === null ? "no address" : `the first address after ${oneDecimal(first)} ms`;
  return title + columns(table) + summary + (inChain ? `${reached.join(", ")}; ${address}\n` : "");
}

/** All remedies for one name and resolver side by side. */
export function remedyTable(
  remedies: readonly RemedyEntry[],
  name: string,
  resolver: string,
  hops: readonly Hop[],
): string {
  const titles = hops.map((hop) => HOP_NAMES[hop]);
  const head = ["remedy", "queries", "names", ...titles, "ms", "first address", "again", "breaks"];
  const rows = remedies.map(({ title, why, lookups, breaks }) => {
    const one = lookups.find((lookup) => lookup.name === name && lookup.resolver === resolver);
    if (one === undefined) return [title, ...head.slice(1, -1).map(() => ""), `not tried: ${why ?? ""}`];
    return [
      title,
      String(one.queries),
      String(one.names),
      ...hops.map((hop) => String(one.hops[hop] ?? 0)),
      oneDecimal(one.ms),
      oneDecimal(one.first_address_ms),
      oneDecimal(one.again.ms),
      breaks.length === 0 ? "" : breakText(breaks),
    ];
  });
  return `Remedies for ${name} by ${resolver}\n` + columns([head, ...rows].map((row) => ["", ...row]));
}

/** `musl-1.2.5: web.shop, web.shop.svc`; resolvers that fail at the same names together. */
export function breakText(breaks: readonly Break[]): string {
  const resolvers = [...new Set(breaks.map(({ resolver }) => resolver))];
  const groups = new Map<string, string[]>();
  for (const resolver of resolvers) {
    const names = breaks.filter((one) => one.resolver === resolver).map(({ name }) => name);
    const key = names.join(", ");
    groups.set(key, [...(groups.get(key) ?? []), resolver]);
  }
  return [...groups].map(([names, who]) => `${who.join(", ")}: ${names}`).join("; ");
}

/** What is still found, at a higher price: a line for each name. */
export function dearerText(remedies: readonly RemedyEntry[]): string {
  const lines: string[] = [];
  for (const { id, title, dearer } of remedies) {
    if (id.includes("+")) continue;
    const groups = new Map<string, string[]>();
    for (const one of dearer) {
      const key = dearerOne(one);
      groups.set(key, [...(groups.get(key) ?? []), one.resolver]);
    }
    for (const [what, who] of groups) lines.push(`  ${title}: ${what} (${who.join(", ")})\n`);
  }
  return lines.length === 0 ? "" : `Still found, with more queries\n${lines.join("")}`;
}

const dearerOne = ({ name, queries, before, leaked }: Dearer): string =>
  `${name} takes ${String(queries)} instead of ${String(before)}` +
  (leaked > 0 ? `, and ${String(leaked)} of them go outside` : "");
