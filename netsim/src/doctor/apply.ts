/** Follows the advice on parsed objects: JSON Patch (RFC 6902), as far as changes use it. */
import type { Change, Operation, Target } from "./types.ts";

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** The parts of a JSON pointer. */
export const partsOf = (path: string): string[] =>
  path
    .split("/")
    .slice(1)
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));

/** The object with one operation done; undefined where it cannot be done (RFC 6902 §5). Nothing is changed in place. */
export function applyOperation(value: unknown, operation: Operation): unknown {
  return step(value, partsOf(operation.path), operation);
}

function step(value: unknown, parts: readonly string[], operation: Operation): unknown {
  const [part, ...rest] = parts;
  if (part === undefined) return operation.op === "remove" ? undefined : operation.value;
  if (Array.isArray(value)) return inList(value, part, rest, operation);
  if (typeof value !== "object" || value === null) return undefined;
  const map = value as Readonly<Record<string, unknown>>;
  if (rest.length > 0) {
    const inner = Object.hasOwn(map, part) ? step(map[part], rest, operation) : undefined;
    return inner === undefined ? undefined : { ...map, [part]: inner };
  }
  if (operation.op === "add") return { ...map, [part]: operation.value };
  if (!Object.hasOwn(map, part)) return undefined;
  if (operation.op === "replace") return { ...map, [part]: operation.value };
  const { [part]: _, ...others } = map;
  return others;
}

function inList(
  list: readonly unknown[],
  part: string,
  rest: readonly string[],
  operation: Operation,
): unknown {
  const index = part === "-" ? list.length : Number(part);
  if (!Number.isInteger(index) || index < 0 || index > list.length) return undefined;
  if (rest.length > 0) {
    const inner = index < list.length ? step(list[index], rest, operation) : undefined;
    return inner === undefined ? undefined : list.toSpliced(index, 1, inner);
  }
  if (operation.op === "add") return list.toSpliced(index, 0, operation.value);
  if (index === list.length) return undefined;
  return operation.op === "replace" ? list.toSpliced(index, 1, operation.value) : list.toSpliced(index, 1);
}

interface Raw {
  readonly apiVersion?: unknown;
  readonly kind?: unknown;
  readonly metadata?: { readonly name?: unknown; readonly namespace?: unknown } | null;
}

const groupOf = (apiVersion: unknown): string => {
  const text = typeof apiVersion === "string" ? apiVersion : "";
  return text.includes("/") ? text.slice(0, text.indexOf("/")) : "";
};

/** Whether an object as it is written is the one that a patch is for: a namespace that is left out is "default". */
export function isTarget(object: unknown, { apiVersion, kind, namespace, name }: Target): boolean {
  const { apiVersion: version, kind: own, metadata } = (object ?? {}) as Raw;
  if (own !== kind || groupOf(version) !== groupOf(apiVersion)) return false;
  // Components' configurations have no metadata: they are known by their kind.
  if (metadata === undefined || metadata === null) return name === kind;
  if (metadata.name !== name) return false;
  return (
    (metadata.namespace ?? "default") === (namespace === "" ? (metadata.namespace ?? "default") : namespace)
  );
}

/** Objects after the changes (those to sysctl files aside), new ones at the end. Undefined where a patch does not fit. */
export function applyChanges(objects: readonly unknown[], changes: readonly Change[]): unknown[] | undefined {
  const out = [...objects];
  for (const change of changes) {
    if (change.kind === "create") out.push(change.object);
    if (change.kind !== "patch") continue;
    const at = out.findIndex((o) => isTarget(o, change.target));
    if (at < 0) return undefined;
    for (const operation of change.operations) {
      const next = applyOperation(out[at], operation);
      if (next === undefined) return undefined;
      out[at] = next;
    }
  }
  return out;
}
