import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { loadFiles, loadObjects } from "../../src/model/load.ts";
import { trace, type TraceOptions } from "../../src/trace/trace.ts";
import type { Hop, Trace, TraceLayer } from "../../src/trace/types.ts";

const find = (dir: string): string =>
  existsSync(join(dir, "examples/guide")) && existsSync(join(dir, "package.json")) ? dir : find(dirname(dir));

/** A file among the examples. */
export const example = (name: string): string =>
  join(find(dirname(fileURLToPath(import.meta.url))), "examples/guide", name);

/** A trace through manifests of the examples. */
export const guide = (
  files: readonly string[],
  from: string,
  to: string,
  options?: TraceOptions,
): Promise<Trace> => trace(loadFiles(files.map((f) => example(`${f}.yaml`))), from, to, options);

export const through = (
  objects: readonly object[],
  from: string,
  to: string,
  options?: TraceOptions,
): Promise<Trace> => trace(loadObjects(objects), from, to, options);

export const layers = ({ hops }: Trace): readonly TraceLayer[] => hops.map((h) => h.layer);

export const at = ({ hops }: Trace, layer: TraceLayer, direction?: string): Hop | undefined =>
  hops.find((h) => h.layer === layer && (direction === undefined || h.details?.["direction"] === direction));

/** Names that were asked for, each once, in order. */
export const names = ({ lookup }: Trace): readonly string[] => [
  ...new Set(lookup?.queries.map((q) => q.name)),
];

/** The part of a path that does not depend on where the checkout is. */
export const placeOf = ({
  file,
  line,
}: {
  readonly file: string | null;
  readonly line: number | null;
}): string => `${file?.replace(/^.*examples\/guide\//, "") ?? ""}:${line ?? ""}`;
