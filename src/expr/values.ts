/**
 * Values while an expression runs. Whole numbers are bigints (of 64 bits), other numbers are numbers, so the two stay apart as
 * they do in Go; nil is null, lists are arrays, maps are Maps.
 */
import { fail } from "./error.ts";

/** Wraps around as 64 bits do. */
export const int = (value: bigint): bigint => BigInt.asIntN(64, value);

export const isNumeric = (value: unknown): value is bigint | number =>
  typeof value === "bigint" || typeof value === "number";

/** What a value is, for errors. */
export function kindText(value: unknown): string {
  if (value === null || value === undefined) return "nil";
  if (typeof value === "bigint") return "int";
  if (typeof value === "number") return "float";
  if (typeof value === "boolean") return "bool";
  if (Array.isArray(value)) return "array";
  return value instanceof Map ? "map" : typeof value;
}

export const asText = (value: unknown): string =>
  typeof value === "string" ? value : fail(`a text is needed, not ${kindText(value)}`);

export const asBool = (value: unknown): boolean =>
  typeof value === "boolean" ? value : fail(`true or false is needed, not ${kindText(value)}`);

export const asList = (value: unknown): readonly unknown[] =>
  Array.isArray(value) ? (value as readonly unknown[]) : fail(`an array is needed, not ${kindText(value)}`);

export const asMap = (value: unknown): ReadonlyMap<unknown, unknown> =>
  value instanceof Map ? (value as Map<unknown, unknown>) : fail(`a map is needed, not ${kindText(value)}`);

/** A whole number, and no other will do. */
export const asWhole = (value: unknown): bigint =>
  typeof value === "bigint" ? value : fail(`a whole number is needed, not ${kindText(value)}`);

/** A whole number; the fraction of another is cut off. */
export function asInt(value: unknown): bigint {
  if (typeof value === "bigint") return value;
  if (typeof value === "number" && Number.isFinite(value)) return int(BigInt(Math.trunc(value)));
  return fail(`a whole number is needed, not ${kindText(value)}`);
}

export const asFloat = (value: unknown): number =>
  isNumeric(value) ? Number(value) : fail(`a number is needed, not ${kindText(value)}`);

/** `==`: numbers by value, lists and maps by what they hold. */
export function equal(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  // Loosely, so that 1 is 1.0.
  if (isNumeric(a) && isNumeric(b)) return a == b;
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((each, i) => equal(each, b[i]));
  if (a instanceof Map && b instanceof Map) {
    return a.size === b.size && [...a].every(([key, value]) => b.has(key) && equal(value, b.get(key)));
  }
  return false;
}

/** `<` of numbers and of texts. */
export function less(a: unknown, b: unknown): boolean {
  if (isNumeric(a) && isNumeric(b)) return a < b;
  if (typeof a === "string" && typeof b === "string") return a < b;
  return fail(`${kindText(a)} and ${kindText(b)} have no order`);
}

export function add(a: unknown, b: unknown): unknown {
  if (typeof a === "string" && typeof b === "string") return a + b;
  return arithmetic(a, b, "+");
}

export function arithmetic(a: unknown, b: unknown, operator: "+" | "-" | "*"): bigint | number {
  if (typeof a === "bigint" && typeof b === "bigint")
    return int(operator === "+" ? a + b : operator === "-" ? a - b : a * b);
  if (!isNumeric(a) || !isNumeric(b)) return fail(`${kindText(a)} ${operator} ${kindText(b)} makes no sense`);
  const [x, y] = [Number(a), Number(b)];
  return operator === "+" ? x + y : operator === "-" ? x - y : x * y;
}

/** As Go's `%v` prints it. */
export function textOf(value: unknown): string {
  if (value === null || value === undefined) return "<nil>";
  if (typeof value === "number") return floatText(value);
  if (Array.isArray(value)) return `[${value.map(textOf).join(" ")}]`;
  if (value instanceof Map) {
    const entries = [...(value as Map<unknown, unknown>)].map(([key, each]) => [textOf(key), textOf(each)]);
    return `map[${entries
      .sort(([a], [b]) => (a! < b! ? -1 : 1))
      .map((entry) => entry.join(":"))
      .join(" ")}]`;
  }
  return typeof value === "function" ? "func" : String(value as string | bigint | boolean);
}

/** With an exponent below 1e-4 and from 1e6 on, of two digits at least. */
function floatText(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
  const size = Math.abs(value);
  if (Object.is(value, -0)) return "-0";
  if (size === 0 || (size >= 1e-4 && size < 1e6)) return String(value);
  return value.toExponential().replace(/([+-])(\d)$/, "$10$2");
}

/** Elements or characters. */
export function lengthOf(value: unknown): number {
  if (typeof value === "string") return /^[\0-\x7f]*$/.test(value) ? value.length : [...value].length;
  if (value instanceof Map) return value.size;
  return Array.isArray(value) ? value.length : fail(`${kindText(value)} has no length`);
}
