/** Changes, as a check writes them down. */
import type { KubeObject, Pod, Workload } from "../model/types.ts";
import { fieldName, type Path } from "../model/read.ts";
import { hunkOf } from "./hunk.ts";
import type { Change, Fix, KubernetesObject, Operation, Target } from "./types.ts";

/** A JSON pointer (RFC 6901). */
export const pointer = (path: Path): string =>
  path.map((part) => `/${String(part).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");

export const targetOf = ({ apiVersion, kind, metadata }: KubeObject): Target => ({
  apiVersion,
  kind,
  namespace: metadata.namespace,
  name: metadata.name,
});

/** Sets a field: in a mapping whether it is there or not. A list's last place is "-". */
export const set = (path: Path, value: unknown): Operation => ({ op: "add", path: pointer(path), value });
export const replace = (path: Path, value: unknown): Operation => ({
  op: "replace",
  path: pointer(path),
  value,
});
export const remove = (path: Path): Operation => ({ op: "remove", path: pointer(path) });

/** Puts an item at the end of a list, which need not be there yet. */
export const append = (path: Path, list: readonly unknown[] | undefined | null, item: unknown): Operation =>
  list === undefined || list === null ? set(path, [item]) : set([...path, "-"], item);

export function patch(object: KubeObject, ...operations: readonly Operation[]): Change {
  const { file, line } = object.source;
  return {
    kind: "patch",
    target: targetOf(object),
    file: file === "" ? null : file,
    line: line === 0 ? null : line,
    operations,
  };
}

/** A field that holds a text of many lines, of which few change. */
export function textChange(object: KubeObject, path: Path, before: string, after: string): Change {
  const hunk = hunkOf(before, after);
  const gone = before.split("\n").slice((hunk?.first ?? 1) - 1, hunk?.last ?? 0);
  const shown = [
    `${fieldName(path)}, line ${hunk?.first ?? 1}:`,
    ...gone.map((line) => `- ${line}`),
    ...(hunk?.lines ?? []).map((line) => `+ ${line}`),
  ];
  return {
    ...(patch(object, replace(path, after)) as Change & { readonly kind: "patch" }),
    shown,
    base: before,
  };
}

/** A new object, to be kept beside another. */
export const create = (beside: KubeObject, object: KubernetesObject): Change => ({
  kind: "create",
  file: beside.source.file === "" ? null : beside.source.file,
  object,
});

export const fix = (text: string, ...changes: readonly Change[]): Fix => ({ text, changes });

/** Where a pod's spec is written: in the pod itself, or in the template that it is made from. */
export interface Holder {
  readonly object: Pod | Workload;
  /** Path to the PodSpec. */
  readonly path: Path;
}

export const podHolder = (pod: Pod): Holder => ({ object: pod, path: ["spec"] });
export const templateHolder = (workload: Workload): Holder => ({
  object: workload,
  path: ["spec", "template", "spec"],
});
