/**
 * Follows the advice in texts: manifests are changed line by line, so that comments and style stay wherever nothing changes. Each
 * step is tried on the smallest entry, and counts only when the text parses to exactly what the patch says.
 */
import { bytesOfText, textOf } from "../model/bytes.ts";
import { parsePiece, pieceText } from "../model/parse.ts";
import { split } from "../model/split.ts";
import type { Path } from "../model/read.ts";
import { applyOperation, isTarget, partsOf } from "./apply.ts";
import { afterExtent, extentOf, withExtent, yamlLines } from "./lines.ts";
import type { Change, Operation, Target } from "./types.ts";

/** What the loader would read; undefined for what it could not. */
function parseYaml(text: string): unknown {
  const bytes = bytesOfText(text);
  const parsed = parsePiece(bytes, { start: 0, end: bytes.length, line: 1, json: false });
  return "error" in parsed ? undefined : parsed.value;
}

/** A file's text with changes made to it; undefined where one does not fit. New objects are put at the end. */
export function editText(text: string, changes: readonly Change[]): string | undefined {
  let now: string | undefined = text;
  for (const change of changes) {
    if (now === undefined) return undefined;
    if (change.kind === "create") now = withDocument(now, change.object);
    else if (change.kind === "sysctl") now = withSetting(now, change.line, change.key, change.value);
    else for (const operation of change.operations) now = now && editObject(now, change.target, operation);
  }
  return now;
}

/** A new object as a document of its own. */
function withDocument(text: string, object: object): string {
  const yaml = `${yamlLines(object, 0).join("\n")}\n`;
  if (text.trim() === "") return yaml;
  return `${text.replace(/\n*$/, "\n")}---\n${yaml}`;
}

/** `key = value`, as `sysctl -a` writes it; the rest of the line stays. */
function withSetting(text: string, line: number, key: string, value: string): string | undefined {
  const lines = text.split("\n");
  const own = lines[line - 1];
  const match = own === undefined ? null : /^(\s*-?([^\s=]+)\s*=\s*)/.exec(own);
  if (match === null || match[2]?.replaceAll("/", ".") !== key) return undefined;
  lines[line - 1] = (match[1] ?? "") + value;
  return lines.join("\n");
}

function editObject(text: string, target: Target, operation: Operation): string | undefined {
  const bytes = bytesOfText(text);
  for (const piece of split(bytes)) {
    const own = pieceText(bytes, piece);
    const value = parseYaml(own);
    const place = placeIn(value, target);
    if (place === undefined) continue;
    const inside: Operation = { ...operation, path: place + operation.path };
    const edited = piece.json ? editJson(value, inside) : editYaml(own, value, inside);
    if (edited === undefined) return undefined;
    const dash =
      piece.indent === undefined
        ? edited
        : `${edited.slice(0, piece.indent)}-${edited.slice(piece.indent + 1)}`;
    return textOf(bytes, 0, piece.start) + dash + textOf(bytes, piece.end);
  }
  return undefined;
}

/** Pointer to the target: the object itself, or one of a List that stands in one piece. */
function placeIn(value: unknown, target: Target): string | undefined {
  if (isTarget(value, target)) return "";
  const { kind, items } = (value ?? {}) as { kind?: unknown; items?: unknown };
  if (typeof kind !== "string" || !kind.endsWith("List") || !Array.isArray(items)) return undefined;
  const at = items.findIndex((item) => isTarget(item, target));
  return at < 0 ? undefined : `/items/${at}`;
}

function editJson(value: unknown, operation: Operation): string | undefined {
  const next = applyOperation(value, operation);
  return next === undefined ? undefined : JSON.stringify(next, undefined, 2);
}

function editYaml(text: string, value: unknown, operation: Operation): string | undefined {
  const wanted = applyOperation(value, operation);
  if (wanted === undefined) return undefined;
  const goal = JSON.stringify(sorted(wanted));
  const path = partsOf(operation.path);
  for (const quoted of [false, true])
    for (const attempt of attempts(text, value, wanted, operation, path, quoted))
      if (attempt !== undefined && JSON.stringify(sorted(parseYaml(attempt))) === goal) return attempt;
  return undefined;
}

/** From the narrowest change to the whole object written anew. */
function* attempts(
  text: string,
  before: unknown,
  wanted: unknown,
  operation: Operation,
  parts: readonly string[],
  quoted: boolean,
): Generator<string | undefined> {
  yield insertion(text, before, operation, parts, quoted);
  if (operation.op === "remove") yield removal(text, before, parts);
  for (let length = parts.length; length > 0; length--) {
    const path = typed(before, parts.slice(0, length));
    const value = valueAt(wanted, path);
    if (value === undefined || valueAt(before, path) === undefined) continue;
    yield replacement(text, path, value, quoted);
  }
  yield whole(text, wanted, quoted);
}

/** A key that a block mapping does not have yet, or an item at the end of a block list: behind its last entry. */
function insertion(
  text: string,
  before: unknown,
  operation: Operation,
  parts: readonly string[],
  quoted: boolean,
): string | undefined {
  if (operation.op !== "add") return undefined;
  const holder = typed(before, parts.slice(0, -1));
  const container = valueAt(before, holder);
  const last = parts.at(-1) ?? "";
  if (Array.isArray(container)) {
    if (container.length === 0 || (last !== "-" && Number(last) !== container.length)) return undefined;
    const extent = extentOf(text, [...holder, container.length - 1]);
    return extent && afterExtent(text, extent, yamlLines([operation.value], extent.column, quoted));
  }
  if (typeof container !== "object" || container === null || last in container) return undefined;
  const key = Object.keys(container).at(-1);
  const extent = key === undefined ? undefined : extentOf(text, [...holder, key]);
  return extent && afterExtent(text, extent, yamlLines({ [last]: operation.value }, extent.column, quoted));
}

/** An entry with lines of its own, which is not the first of a list's item. */
function removal(text: string, before: unknown, parts: readonly string[]): string | undefined {
  const extent = extentOf(text, typed(before, parts));
  return extent && withExtent(text, extent, []);
}

function replacement(text: string, path: Path, value: unknown, quoted: boolean): string | undefined {
  const extent = extentOf(text, path);
  if (extent === undefined) return undefined;
  const part = path.at(-1) as string | number;
  const written = typeof part === "number" ? [value] : { [part]: value };
  return withExtent(text, extent, yamlLines(written, extent.column, quoted));
}

/** Comments in front of the object stay. */
function whole(text: string, value: unknown, quoted: boolean): string {
  const lines = text.split("\n");
  const first = lines.findIndex((line) => !/^\s*(#.*)?$/.test(line));
  const column = (lines[first] ?? "").length - (lines[first] ?? "").trimStart().length;
  const end = text.endsWith("\n") ? "\n" : "";
  return [...lines.slice(0, first), ...yamlLines(value, column, quoted)].join("\n") + end;
}

/** List indexes as numbers. */
function typed(value: unknown, parts: readonly string[]): Path {
  let at = value;
  return parts.map((part) => {
    const key = Array.isArray(at) ? Number(part) : part;
    at = valueAt(at, [key]);
    return key;
  });
}

function valueAt(value: unknown, path: Path): unknown {
  let at = value;
  for (const part of path) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, part)) return undefined;
    at = (at as Record<string | number, unknown>)[part];
  }
  return at;
}

/** Keys in one order, so that texts can be compared. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([k, v]) => [k, sorted(v)]),
  );
}
