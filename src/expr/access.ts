import { fail } from "./error.ts";
import { nameOf } from "./signature.ts";
import { isAssignable, isUnknown, type Type } from "./types.ts";
import { asInt, kindText, textOf } from "./values.ts";

/** The type of `object[key]`; text: why there is none. */
export function memberType(object: Type, key: Type, name: string | undefined): Type | string {
  switch (object.kind) {
    case "map":
      if (!isUnknown(key) && !isAssignable(key, object.key!)) return `${nameOf(key)} is no key of this map`;
      return object.elem!;
    case "array":
      if (key.kind !== "int" && !isUnknown(key))
        return `elements of an array have whole numbers, not ${nameOf(key)}`;
      return object.elem!;
    default:
      return name === undefined ? `${nameOf(object)} has no elements` : `${nameOf(object)} has no ${name}`;
  }
}

/** `object[key]`: nil for a key that a map has not, a failure for an index out of range. */
export function fetch(object: unknown, key: unknown): unknown {
  if (object instanceof Map) return (object as Map<unknown, unknown>).get(key) ?? null;
  if (typeof object === "string") {
    const bytes = Buffer.from(object);
    return BigInt(bytes[indexIn(key, bytes.length)]!);
  }
  if (Array.isArray(object)) return object[indexIn(key, object.length)] as unknown;
  return fail(`${kindText(object)} has no ${textOf(key)}`);
}

function indexIn(key: unknown, length: number): number {
  const at = Number(asInt(key));
  const index = at < 0 ? length + at : at;
  return index >= 0 && index < length ? index : fail(`index ${at} is out of range: there are ${length}`);
}

/** `object[from:to]`; negative indexes count from the end, those out of range are cut. */
export function slice(object: unknown, from: unknown, to: unknown): unknown {
  if (typeof object !== "string" && !Array.isArray(object))
    return fail(`${kindText(object)} can't be cut into slices`);
  // Texts are cut between bytes.
  const bytes = typeof object === "string" && !/^[\0-\x7f]*$/.test(object) ? Buffer.from(object) : undefined;
  const { length } = bytes ?? object;
  const place = (index: unknown, otherwise: number): number => {
    if (index === undefined) return otherwise;
    const at = Number(asInt(index));
    return Math.min(length, Math.max(0, at < 0 ? length + at : at));
  };
  const end = place(to, length);
  const begin = Math.min(place(from, 0), end);
  return bytes === undefined ? object.slice(begin, end) : bytes.subarray(begin, end).toString("utf8");
}
