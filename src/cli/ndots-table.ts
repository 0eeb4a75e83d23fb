import type { LookupReport } from "../resolver/lookup.ts";

/** Columns of text, each as wide as its widest cell. */
function columns(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map(
      (row) =>
        row
          .map((cell, column) => cell.padEnd(widths[column]!))
          .join("  ")
          .trimEnd() + "\n",
    )
    .join("");
}

const count = (n: number, one: string, many: string): string => `${String(n)} ${n === 1 ? one : many}`;

/** One lookup for people: a line for each query, and what it came to. */
export function lookupTable({ name, resolver, queries, result }: LookupReport): string {
  const names = new Set(queries.map((query) => query.name)).size;
  const outcome = result.ok ? result.addresses.join(", ") : (result.error ?? "failed");
  const summary = `${count(queries.length, "query", "queries")} for ${count(names, "name", "names")} in ${result.ms.toFixed(1)} ms: ${outcome}\n`;
  const title = `${name} by ${resolver}\n`;
  if (queries.length === 0) return title + summary;
  const head = ["ms", "name", "type", "over", "server", "port", "answer"];
  const lines = queries.map((query) => [
    query.t_ms.toFixed(1),
    query.name,
    query.type,
    query.proto,
    query.server,
    `#${String(query.socket)}`,
    query.answer,
  ]);
  return title + columns([head, ...lines].map((row) => ["", ...row])) + summary;
}
