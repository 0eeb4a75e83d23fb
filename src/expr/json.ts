import { fail } from "./error.ts";
import { kindText, textOf } from "./values.ts";

/** JSON with two spaces a level, keys sorted, and what HTML would mistake written as escapes, as Go does. */
export function json(value: unknown, indent: string): string {
  const deeper = `${indent}  `;
  const block = (open: string, parts: readonly string[], close: string): string =>
    parts.length === 0
      ? open + close
      : `${open}\n${parts.map((part) => deeper + part).join(",\n")}\n${indent}${close}`;
  if (Array.isArray(value))
    return block(
      "[",
      value.map((each) => json(each, deeper)),
      "]",
    );
  if (value instanceof Map) {
    const entries = [...(value as Map<unknown, unknown>)].map(([key, each]) => [textOf(key), each] as const);
    const sorted = entries.sort(([a], [b]) => (a < b ? -1 : 1));
    return block(
      "{",
      sorted.map(([key, each]) => `${text(key)}: ${json(each, deeper)}`),
      "}",
    );
  }
  switch (typeof value) {
    case "string":
      return text(value);
    case "number":
      return Number.isFinite(value) ? String(value) : fail(`${textOf(value)} has no form in JSON`);
    case "bigint":
    case "boolean":
      return String(value);
    default:
      return value === null ? "null" : fail(`${kindText(value)} has no form in JSON`);
  }
}

const text = (value: string): string =>
  JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );

/** All numbers have a fraction, as in JSON. */
export function parseJson(source: string): unknown {
  try {
    return fromPlain(JSON.parse(source));
  } catch (error) {
    return fail(`it is no JSON: ${(error as Error).message}`);
  }
}

function fromPlain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(fromPlain);
  if (typeof value !== "object" || value === null) return value;
  return new Map(Object.entries(value).map(([key, each]) => [key, fromPlain(each)]));
}
