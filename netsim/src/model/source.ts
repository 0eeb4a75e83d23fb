/** Where things were written: the line of an object's field, found again in the file when it is to be shown. */
import { charactersOf } from "./bytes.ts";
import { indexLines, listLines, pieceText } from "./parse.ts";
import type { Path } from "./read.ts";
import type { KubeObject, Source } from "./types.ts";

/** Input that is in no file (standard input, a live cluster): it must be kept, to find lines in it. */
const kept = new Map<string, Uint8Array>();

export const keptInput = (name: string): Uint8Array | undefined => kept.get(name);

export function keepInput(name: string, bytes: Uint8Array): void {
  kept.set(name, bytes);
}

type ReadSpan = (file: string, start: number, end: number) => Uint8Array | undefined;
let readSpan: ReadSpan = () => undefined;

/** Says how bytes of a file that is not kept are read again; where there are no files, nobody does. */
export function readSpansBy(read: ReadSpan): void {
  readSpan = read;
}

/** The document in which an object was written, as it stands there now; undefined when it cannot be read again. */
export const sourceText = (source: Source): string | undefined =>
  source.span === undefined ? undefined : spanText(source, source.span);

function spanText(source: Source, [start, end]: readonly [number, number]): string | undefined {
  const bytes = kept.get(source.file)?.subarray(start, end) ?? readSpan(source.file, start, end);
  if (bytes === undefined) return undefined;
  const dash = /^ *- /.exec(charactersOf(bytes, 0, 64))?.[0];
  return pieceText(bytes, {
    start: 0,
    end: bytes.length,
    ...(dash !== undefined && { indent: dash.length - 2 }),
  });
}

/** Lines of fields, counted from the object's own. */
type LineIndex = (path: Path) => number;
const indexes = new WeakMap<Source, LineIndex>();

/** Gives a source the lines of its fields that were found elsewhere, where its text is not at hand. */
export function indexSource(source: Source, index: LineIndex): void {
  indexes.set(source, index);
}

/**
 * The 1-based line of the field at `path` of the object that was read at `source`; of the deepest part of the path that
 * is there; the object's own line where the file has changed or gone since.
 */
export function lineOf(source: Source, path: Path): number {
  if (path.length === 0) return source.line;
  let index = indexes.get(source);
  if (index === undefined) {
    const text = source.span === undefined ? undefined : spanText(source, source.span);
    const at = text === undefined ? () => 0 : indexLines(text);
    index = (fields) => at([...(source.path ?? []), ...fields]);
    indexes.set(source, index);
  }
  return source.line + index(path);
}

/** All fields of the object that was read at `source`, with their lines counted from its own; none where its text is gone. */
export function fieldLines(source: Source): { readonly path: Path; readonly line: number }[] {
  const text = source.span === undefined ? undefined : spanText(source, source.span);
  if (text === undefined) return [];
  const { path: top = [] } = source;
  return listLines(text)
    .filter(({ path }) => path.length > top.length && top.every((part, i) => part === path[i]))
    .map(({ path, line }) => ({ path: path.slice(top.length), line }));
}

/** `NetworkPolicy shop/web`; without a namespace `Node node-a`. */
export function objectName(object: Pick<KubeObject, "kind" | "metadata">): string {
  const { namespace, name } = object.metadata;
  return namespace === "" ? `${object.kind} ${name}` : `${object.kind} ${namespace}/${name}`;
}
