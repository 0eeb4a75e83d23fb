/** Text of one object -> JavaScript values, and the line of any field in it. */
import { CORE_SCHEMA, Type, YAMLException, load } from "js-yaml";
import type { LoadOptions } from "js-yaml";
import { textOf } from "./bytes.ts";
import type { Path } from "./read.ts";
import type { Piece } from "./split.ts";

/**
 * The YAML that kubectl reads: 1.2 with merge keys and 1.1's booleans (an unquoted `yes` as a label's value is an error
 * there, and must be one here).
 */
const TRUE = new Set(["true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"]);
const FALSE = new Set(["false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"]);
const boolean11 = new Type("tag:yaml.org,2002:bool", {
  kind: "scalar",
  resolve: (text: unknown) => typeof text === "string" && (TRUE.has(text) || FALSE.has(text)),
  construct: (text: string) => TRUE.has(text),
});
const merge = new Type("tag:yaml.org,2002:merge", {
  kind: "scalar",
  resolve: (text: unknown) => text === "<<",
});
const SCHEMA = CORE_SCHEMA.extend({ implicit: [boolean11, merge] });

/** A syntax error; `line` counts from the piece's first line (0). */
export interface ParseError {
  readonly message: string;
  readonly line: number;
}

/** A YAML list's entry is parsed as the mapping that it is: its dash becomes a space. */
export function pieceText(bytes: Uint8Array, piece: Pick<Piece, "start" | "end" | "indent">): string {
  const text = textOf(bytes, piece.start, piece.end);
  if (piece.indent === undefined) return text;
  return `${text.slice(0, piece.indent)} ${text.slice(piece.indent + 1)}`;
}

export function parsePiece(bytes: Uint8Array, piece: Piece): { value: unknown } | { error: ParseError } {
  const text = pieceText(bytes, piece);
  if (piece.json) {
    try {
      return { value: JSON.parse(text) as unknown };
    } catch {
      // YAML is a superset of JSON, and its errors have positions.
    }
  }
  try {
    return { value: load(text, { schema: SCHEMA }) };
  } catch (error) {
    if (!(error instanceof YAMLException)) return { error: { message: String(error), line: 0 } };
    // Its `mark` is missing from the errors that have no place.
    const { mark } = error as { mark?: { line: number } };
    return { error: { message: error.reason, line: mark?.line ?? 0 } };
  }
}

/** A node of the document as js-yaml composed it: `inner` are a mapping's keys and values in turn, or a list's entries. */
interface YamlNode {
  readonly line: number;
  result: unknown;
  readonly inner: YamlNode[];
}

interface ListenerState {
  readonly line: number;
  readonly result: unknown;
}

/** Parses the text again, noting where things stand (js-yaml's listener): ten times as dear as reading it. */
function composed(text: string): YamlNode | undefined {
  const root: YamlNode = { line: 0, result: undefined, inner: [] };
  const open = [root];
  const listener = (event: "open" | "close", state: ListenerState) => {
    if (event === "open") open.push({ line: state.line, result: undefined, inner: [] });
    else {
      const node = open.pop() as YamlNode;
      node.result = state.result;
      open[open.length - 1]?.inner.push(node);
    }
  };
  try {
    load(text, { schema: SCHEMA, listener } as unknown as LoadOptions);
  } catch {
    return undefined;
  }
  return root.inner[0];
}

/**
 * The line of the field at a path, counted from the text's first (0); where the path leads nowhere, of the deepest part
 * that is there. Only for what is printed: see `composed`.
 */
export function indexLines(text: string): (path: Path) => number {
  const root = composed(text);
  return (path) => descend(root, path);
}

/** Every field of the text with its line, as `indexLines` has them. */
export function listLines(text: string): { readonly path: Path; readonly line: number }[] {
  const out: { path: Path; line: number }[] = [];
  const walk = (from: YamlNode | undefined, path: Path): void => {
    const node = unwrap(from);
    if (node === undefined) return;
    const { result, inner } = node;
    if (Array.isArray(result)) {
      for (const [i, item] of inner.entries()) {
        const at = [...path, i];
        out.push({ path: at, line: unwrap(item)?.line ?? item.line });
        walk(item, at);
      }
    } else if (typeof result === "object" && result !== null) {
      for (let i = 0; i + 1 < inner.length; i += 2) {
        const key = inner[i] as YamlNode;
        const at = [...path, String(key.result)];
        out.push({ path: at, line: key.line });
        walk(inner[i + 1], at);
      }
    }
  };
  walk(composed(text), []);
  return out;
}

/** js-yaml composes a flow collection in block context twice: first as the key that it turns out not to be. */
function unwrap(node: YamlNode | undefined): YamlNode | undefined {
  const only = node?.inner.length === 1 ? node.inner[0] : undefined;
  const same = only !== undefined && typeof only.result === "object" && only.result === node?.result;
  return same ? unwrap(only) : node;
}

function descend(from: YamlNode | undefined, path: Path): number {
  let node = unwrap(from);
  let line = node?.line ?? 0;
  for (const part of path) {
    if (node === undefined) return line;
    if (typeof part === "number") {
      node = unwrap(node.inner[part]);
      if (node !== undefined) line = node.line;
      continue;
    }
    const { inner }: YamlNode = node;
    const at = inner.findIndex((n, i) => i % 2 === 0 && n.result === part);
    if (at < 0) return line;
    line = (inner[at] as YamlNode).line;
    node = unwrap(inner[at + 1]);
  }
  return line;
}
