import { lineOf, objectName } from "../model/source.ts";
import type { KubeObject } from "../model/types.ts";
import type { Path } from "../model/read.ts";
import type { Hop, Note, TraceLayer, TraceVerdict } from "./types.ts";
import { NOWHERE, type Origin } from "./types.ts";

export interface ObjectOrigin {
  readonly object: string;
  readonly file: string | null;
  readonly line: number | null;
}

/** Where an object, or the field at `path` in it, is written. */
export function originOfObject(object: KubeObject, path: Path = []): ObjectOrigin {
  const { file } = object.source;
  const line = file === "" ? 0 : path.length === 0 ? object.source.line : lineOf(object.source, path);
  return { object: objectName(object), file: file === "" ? null : file, line: line === 0 ? null : line };
}

export const hop = (
  layer: TraceLayer,
  verdict: TraceVerdict,
  what: string,
  origin: Partial<Origin> = {},
  details?: Hop["details"],
): Hop => ({ layer, verdict, what, ...NOWHERE, ...origin, ...(details !== undefined && { details }) });

export const note = (code: string, text: string, object?: KubeObject, path?: Path): Note => ({
  code,
  text,
  ...(object === undefined ? { object: null, file: null, line: null } : originOfObject(object, path)),
});
