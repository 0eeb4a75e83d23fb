/** Lines of a YAML text: where a field's entry begins and ends, and how a value is written in its place. */
import { dump } from "js-yaml";
import { indexLines } from "../model/parse.ts";
import type { Path } from "../model/read.ts";

/** Lines `first` to `last` of a text (from 0), with the column at which the entry's key or value begins. */
export interface Extent {
  readonly first: number;
  readonly last: number;
  readonly column: number;
  /** What stands before the column in the first line: spaces and dashes. */
  readonly before: string;
}

const isBare = (line: string): boolean => /^\s*(#.*)?$/.test(line);
const indentOf = (line: string): number => line.length - line.trimStart().length;

/** The entry of a mapping's key, or of a list's item; undefined where it does not have lines of its own (flow style). */
export function extentOf(text: string, path: Path): Extent | undefined {
  const lines = text.split("\n");
  const part = path.at(-1);
  if (part === undefined) return undefined;
  const first = indexLines(text)(path);
  const line = lines[first] ?? "";
  const opening = typeof part === "number" ? /^\s*(?:- +)*?(?=- )/ : keyPattern(String(part));
  const match = opening.exec(line);
  if (match === null) return undefined;
  const before = match[0];
  const column = before.length;
  if (/[^\s-]/.test(before)) return undefined;
  let last = first;
  for (let i = first + 1; i < lines.length; i++) {
    const next = lines[i] ?? "";
    if (isBare(next)) continue;
    const indent = indentOf(next);
    const isItem = /^\s*-( |$)/.test(next);
    if (indent < column || (indent === column && (typeof part === "number" || !isItem))) break;
    last = i;
  }
  return { first, last, column, before };
}

const keyPattern = (key: string): RegExp => {
  const plain = key.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  return new RegExp(`^\\s*(?:- +)*(?=(?:${plain}|"${plain}"|'${plain}'):(?:\\s|$))`);
};

/** The YAML of a value as lines that begin at a column. `quoted`: every text in quotes. */
export function yamlLines(value: unknown, column: number, quoted = false): string[] {
  const text = dump(value, { lineWidth: -1, noRefs: true, quotingType: '"', forceQuotes: quoted });
  return text
    .replace(/\n$/, "")
    .split("\n")
    .map((line) => (line === "" ? "" : " ".repeat(column) + line));
}

/** With an extent's lines replaced; the first keeps what stands before its column. */
export function withExtent(
  text: string,
  { first, last, column, before }: Extent,
  lines: readonly string[],
): string {
  const all = text.split("\n");
  const [head = "", ...rest] = lines;
  all.splice(first, last - first + 1, ...(lines.length === 0 ? [] : [before + head.slice(column), ...rest]));
  return all.join("\n");
}

/** With lines put in behind an extent. */
export function afterExtent(text: string, { last }: Extent, lines: readonly string[]): string {
  const all = text.split("\n");
  all.splice(last + 1, 0, ...lines);
  return all.join("\n");
}
