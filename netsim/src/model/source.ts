/** Where things were written: the line of an object's field, found again in the file when it is to be shown. */
import { indexLines, pieceText } from "./parse.ts";
import type { Path } from "./read.ts";
import type { KubeObject, Source } from "./types.ts";

/** Input that is in no file (standard input, a live cluster): it must be kept, to find lines in it. */
const kept = new Map<string, Buffer>();

export const keptInput = (name: string): Buffer | undefined => kept.get(name);

export function keepInput(name: string, bytes: Buffer): void {
  kept.set(name, bytes);
}

type ReadSpan = (file: string, start: number, end: number) => Buffer | undefined;
let readSpan: ReadSpan = () => undefined;

/** Says how bytes of a file that is not kept are read again; where there are no files, nobody does. */
export function readSpansBy(read: ReadSpan): void {
  readSpan = read;
}

function spanText(source: Source, [start, end]: readonly [number, number]): string | undefined {
  const bytes = kept.get(source.file)?.subarray(start, end) ?? readSpan(source.file, start, end);
  if (bytes === undefined) return undefined;
  const dash = /^ *- /.exec(bytes.toString("latin1", 0, 64))?.[0];
  return pieceText(bytes, {
    start: 0,
    end: bytes.length,
    ...(dash !== undefined && { indent: dash.length - 2 }),
  });
}

const indexes = new WeakMap<Source, (path: Path) => number>();

/**
 * The 1-based line of the field at `path` of the object that was read at `source`; of the deepest part of the path that
 * is there; the object's own line where the file has changed or gone since.
 */
export function lineOf(source: Source, path: Path): number {
  if (source.span === undefined || path.length === 0) return source.line;
  let index = indexes.get(source);
  if (index === undefined) {
    const text = spanText(source, source.span);
    index = text === undefined ? () => 0 : indexLines(text);
    indexes.set(source, index);
  }
  return source.line + index([...(source.path ?? []), ...path]);
}

/** `NetworkPolicy shop/web`; without a namespace `Node node-a`. */
export function objectName(object: Pick<KubeObject, "kind" | "metadata">): string {
  const { namespace, name } = object.metadata;
  return namespace === "" ? `${object.kind} ${name}` : `${object.kind} ${namespace}/${name}`;
}
