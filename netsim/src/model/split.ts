/**
 * Cuts a file into the objects in it, as bytes, before anything is parsed: YAML at `---`, a block-style `items:` list at
 * its dashes, a JSON list at its commas. What is parsed at a time is then one object, however large the file.
 */
import { bytesOfText, charactersOf, find, isAt, textOf } from "./bytes.ts";

/** One object's bytes. `indent` > 0: an entry of a YAML list, whose dash stands there. `of`: the list it came out of. */
export interface Piece {
  readonly start: number;
  readonly end: number;
  readonly line: number;
  readonly json: boolean;
  readonly indent?: number;
  readonly of?: { readonly kind: string; readonly apiVersion: string };
}

const SEPARATOR = bytesOfText("\n---");
const NL = 10;
const SPACE = 32;
const DASH = 45;
const isSpace = (c: number | undefined): boolean => c === SPACE || c === NL || c === 13 || c === 9;

/** Counts lines as it is asked about growing offsets. */
function lineCounter(bytes: Uint8Array): (offset: number) => number {
  let line = 1;
  let at = 0;
  return (offset) => {
    for (let i = bytes.indexOf(NL, at); i >= 0 && i < offset; i = bytes.indexOf(NL, i + 1)) {
      line++;
      at = i + 1;
    }
    return line;
  };
}

export function* split(bytes: Uint8Array): Generator<Piece> {
  let start = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
  const lineAt = lineCounter(bytes);
  let first = start;
  while (isSpace(bytes[first])) first++;
  if (bytes[first] === 0x7b || bytes[first] === 0x5b) {
    yield* splitJson(bytes, first, lineAt);
    return;
  }
  if (isSeparator(bytes, start)) start += 3;
  while (start < bytes.length) {
    let end = find(bytes, SEPARATOR, start);
    while (end >= 0 && !isSeparator(bytes, end + 1)) end = find(bytes, SEPARATOR, end + 1);
    if (end < 0) end = bytes.length;
    yield* splitDocument(bytes, start, end, lineAt);
    start = end + 4;
  }
}

/** `---` at the beginning of a line, followed by a space or the line's end. */
function isSeparator(bytes: Uint8Array, at: number): boolean {
  const after = bytes[at + 3];
  return (
    bytes[at] === DASH &&
    bytes[at + 1] === DASH &&
    bytes[at + 2] === DASH &&
    (after === undefined || isSpace(after))
  );
}

/** Where the first line with content begins, or `end`. */
function contentStart(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end) {
    let c = at;
    while (c < end && (bytes[c] === SPACE || bytes[c] === 9 || bytes[c] === 13)) c++;
    if (c < end && bytes[c] !== NL && bytes[c] !== 35 /* # */ && bytes[c] !== 37 /* % */) return at;
    const next = bytes.indexOf(NL, c);
    at = next < 0 ? end : next + 1;
  }
  return end;
}

function* splitDocument(
  bytes: Uint8Array,
  from: number,
  end: number,
  lineAt: (o: number) => number,
): Generator<Piece> {
  const start = contentStart(bytes, from, end);
  if (start >= end) return;
  const list = listEntries(bytes, start, end);
  if (list === undefined) {
    yield { start, end, line: lineAt(start), json: false };
    return;
  }
  const { entries, indent, of } = list;
  for (let i = 0; i + 1 < entries.length; i++) {
    const at = entries[i] as number;
    yield { start: at, end: entries[i + 1] as number, line: lineAt(at), json: false, indent, of };
  }
}

const HEAD = 4096;

/**
 * The entries of a block-style `items:` list at the top of a document (what `kubectl get -o yaml` prints), or undefined
 * when it is none. Anchors may reach from one entry to the next, so a document that has some is left whole.
 */
function listEntries(bytes: Uint8Array, start: number, end: number) {
  const head = charactersOf(bytes, start, Math.min(end, start + HEAD));
  const items = /^items:[ \t]*\r?\n(?:[ \t]*(?:#.*)?\r?\n)*( *)- /m.exec(head);
  if (items === null) return undefined;
  const indent = (items[1] as string).length;
  const dash = bytesOfText(`\n${" ".repeat(indent)}- `);
  const entries: number[] = [];
  let at = start + items.index + items[0].length - indent - 3;
  let stop = end;
  while (at >= 0 && at < stop) {
    entries.push(at + 1);
    stop = listEnd(bytes, at + 1, indent, stop);
    at = find(bytes, dash, at + 1);
  }
  const tail = charactersOf(bytes, stop, end);
  const field = (name: string) =>
    new RegExp(`^${name}:[ \\t]*["']?([\\w./-]+)`, "m").exec(head.slice(0, items.index) + tail)?.[1];
  const kind = field("kind");
  if (kind === undefined || !kind.endsWith("List")) return undefined;
  entries.push(stop);
  return { entries, indent, of: { kind, apiVersion: field("apiVersion") ?? "v1" } };
}

/** The offset of the line that ends the list (a key at the top level) if it comes before the next entry's dash. */
function listEnd(bytes: Uint8Array, from: number, indent: number, end: number): number {
  // A key of the document begins in column 0; an entry's lines are indented further than its dash.
  for (let nl = bytes.indexOf(NL, from); nl >= 0 && nl + 1 < end; nl = bytes.indexOf(NL, nl + 1)) {
    const c = bytes[nl + 1] as number;
    if (c === SPACE || c === NL || c === 13 || c === 35) {
      if (indent > 0 && c === SPACE && isDash(bytes, nl + 1, indent)) return end;
      continue;
    }
    if (c === DASH && indent === 0) return end;
    return nl + 1;
  }
  return end;
}

function isDash(bytes: Uint8Array, lineStart: number, indent: number): boolean {
  for (let i = 0; i < indent; i++) if (bytes[lineStart + i] !== SPACE) return false;
  return bytes[lineStart + indent] === DASH && bytes[lineStart + indent + 1] === SPACE;
}

/** JSON values one after the other; of a `List`, its items. */
function* splitJson(bytes: Uint8Array, from: number, lineAt: (o: number) => number): Generator<Piece> {
  let at = from;
  while (at < bytes.length) {
    const value = scanValue(bytes, at);
    const { items } = value;
    if (items === undefined) yield { start: at, end: value.end, line: lineAt(at), json: true };
    else {
      const of = bytes[at] === 0x5b ? undefined : listKind(bytes, at, value.end, items);
      if (of === null) yield { start: at, end: value.end, line: lineAt(at), json: true };
      else
        for (const item of items) yield { ...item, line: lineAt(item.start), json: true, ...(of && { of }) };
    }
    at = value.end;
    while (isSpace(bytes[at]) || bytes[at] === 44 /* , */) at++;
  }
}

/** The kind of a `{"kind": "List", "items": [...]}`; null when it is an object that has items for another reason. */
function listKind(
  bytes: Uint8Array,
  start: number,
  end: number,
  items: readonly { start: number; end: number }[],
) {
  const first = items[0]?.start ?? end;
  const last = items[items.length - 1]?.end ?? end;
  const head = textOf(bytes, start, Math.min(first, start + HEAD));
  const around = head + textOf(bytes, Math.max(last, end - HEAD), end);
  const kind = /"kind"\s*:\s*"(\w*List)"/.exec(around)?.[1];
  if (kind === undefined) return null;
  return { kind, apiVersion: /"apiVersion"\s*:\s*"([^"]*)"/.exec(around)?.[1] ?? "v1" };
}

interface Scanned {
  readonly end: number;
  readonly items: readonly { readonly start: number; readonly end: number }[] | undefined;
}

const QUOTE = 34;
const BACKSLASH = 92;
const ITEMS = bytesOfText('"items"');

/** Runs over one JSON value by its brackets, noting the entries of a top-level "items" (or of a bare list). */
function scanValue(bytes: Uint8Array, from: number): Scanned {
  const bareList = bytes[from] === 0x5b;
  let items: { start: number; end: number }[] | undefined = bareList ? [] : undefined;
  let itemDepth = bareList ? 1 : 0;
  let depth = 0;
  let itemStart = -1;
  let i = from;
  for (; i < bytes.length; i++) {
    const c = bytes[i] as number;
    if (c === QUOTE) {
      if (depth === 1 && !bareList && items === undefined && isAt(bytes, ITEMS, i)) {
        let j = i + ITEMS.length;
        while (isSpace(bytes[j]) || bytes[j] === 58 /* : */) j++;
        if (bytes[j] === 0x5b) {
          items = [];
          itemDepth = 2;
          i = j - 1;
          continue;
        }
      }
      i = stringEnd(bytes, i);
    } else if (c === 0x7b || c === 0x5b) {
      if (c === 0x7b && depth === itemDepth && items !== undefined && itemStart < 0) itemStart = i;
      depth++;
    } else if (c === 0x7d || c === 0x5d) {
      depth--;
      if (itemStart >= 0 && depth === itemDepth) {
        items?.push({ start: itemStart, end: i + 1 });
        itemStart = -1;
      }
      if (items !== undefined && depth === itemDepth - 1) itemDepth = -1; // past the list: later objects are no items
      if (depth <= 0) return { end: i + 1, items };
    }
  }
  return { end: i, items: undefined };
}

function stringEnd(bytes: Uint8Array, open: number): number {
  let end = bytes.indexOf(QUOTE, open + 1);
  while (end >= 0) {
    let slashes = 0;
    while (bytes[end - 1 - slashes] === BACKSLASH) slashes++;
    if (slashes % 2 === 0) return end;
    end = bytes.indexOf(QUOTE, end + 1);
  }
  return bytes.length;
}
