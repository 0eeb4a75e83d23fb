/** Places: objects, fields and lines of texts in fields. */
import { lineOf, objectName } from "../model/source.ts";
import type { Path } from "../model/read.ts";
import type { Cluster, KubeObject } from "../model/types.ts";
import type { Evidence, Place } from "./types.ts";

export const NOWHERE: Place = { object: null, file: null, line: null };

/** An object, or the field at `path` in it. */
export function placeOf(object: KubeObject, path: Path = []): Place {
  const { file } = object.source;
  const line = file === "" ? 0 : path.length === 0 ? object.source.line : lineOf(object.source, path);
  return { object: objectName(object), file: file === "" ? null : file, line: line === 0 ? null : line };
}

/** A line, counted from 1, of a text that stands as a block scalar in the field at `path`. */
export function placeInText(object: KubeObject, path: Path, line: number): Place {
  const at = placeOf(object, path);
  return at.line === null ? at : { ...at, line: at.line + line };
}

/** What stands for the cluster as a whole: its first node, pod or Service that is in a file. */
export function clusterPlace({ nodes, pods, services }: Pick<Cluster, "nodes" | "pods" | "services">): Place {
  const object = [...nodes.slice(0, 1), ...pods.slice(0, 1), ...services.slice(0, 1)].find(
    (o) => o.source.file !== "",
  );
  return object === undefined ? NOWHERE : placeOf(object);
}

export const evidence = (text: string, place: Place = NOWHERE): Evidence => ({ text, ...place });

/** `a`, `a and b`, `a, b and 3 more`. */
export function listText(items: readonly string[], most = 3): string {
  if (items.length === 0) return "none";
  if (items.length === 1) return items[0] as string;
  if (items.length <= most)
    return `${items.slice(0, -1).join(", ")} and ${items[items.length - 1] as string}`;
  return `${items.slice(0, most).join(", ")} and ${items.length - most} more`;
}

export const count = (n: number, noun: string, plural = `${noun}s`): string =>
  `${n} ${n === 1 ? noun : plural}`;

export const uniqueBy = <T>(items: readonly T[], key: (item: T) => string): T[] => [
  ...new Map(items.map((item) => [key(item), item])).values(),
];
