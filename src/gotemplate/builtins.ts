/** The functions that every Go template has (text/template, "Functions"). */
import type { TemplateFunction } from "./execute.ts";
import { formatValue, sprintf } from "./format.ts";
import { TemplateError } from "./lex.ts";

/** Whether a value counts as true: not the zero value of its type, not empty. */
export function truth(value: unknown): boolean {
  if (value === undefined || value === null || value === false || value === "" || value === 0 || value === 0n)
    return false;
  if (Array.isArray(value)) return value.length > 0;
  return value instanceof Map ? value.size > 0 : true;
}

function compare(a: unknown, b: unknown): number {
  const isNumber = (x: unknown): x is number | bigint => typeof x === "number" || typeof x === "bigint";
  if ((isNumber(a) && isNumber(b)) || (typeof a === "string" && typeof b === "string"))
    return a < b ? -1 : a > b ? 1 : 0;
  if (typeof a === typeof b && (typeof a === "boolean" || a === null || a === undefined))
    return a === b ? 0 : 1;
  throw new TemplateError("incompatible types for comparison");
}

function index(collection: unknown, ...keys: unknown[]): unknown {
  let value = collection;
  for (const key of keys) {
    if (value instanceof Map) {
      value = (value as Map<unknown, unknown>).get(key) ?? "";
      continue;
    }
    const list = typeof value === "string" ? [...Buffer.from(value)] : value;
    if (!Array.isArray(list)) throw new TemplateError(`can't index ${formatValue(value)}`);
    const at = Number(key);
    if (!Number.isInteger(at) || at < 0 || at >= list.length)
      throw new TemplateError(`index out of range: ${formatValue(key)}`);
    value = (list as unknown[])[at];
  }
  return value;
}

function slice(value: unknown, ...bounds: unknown[]): unknown {
  const [from = 0, to] = bounds.map(Number);
  const length = typeof value === "string" || Array.isArray(value) ? value.length : -1;
  if (length < 0) throw new TemplateError(`can't slice ${formatValue(value)}`);
  const end = to ?? length;
  if (from < 0 || end > length || from > end) throw new TemplateError("slice bounds out of range");
  return (value as string | unknown[]).slice(from, end);
}

/** Operands get a space between them where neither is a text. */
function print(...args: unknown[]): string {
  return args
    .map(
      (arg, i) =>
        (i > 0 && typeof arg !== "string" && typeof args[i - 1] !== "string" ? " " : "") + formatValue(arg),
    )
    .join("");
}

function size(value: unknown): number {
  if (typeof value === "string") return Buffer.byteLength(value);
  if (Array.isArray(value)) return value.length;
  if (value instanceof Map) return value.size;
  throw new TemplateError(`len of ${formatValue(value)}`);
}

const HTML: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&#34;",
  "'": "&#39;",
};

export const builtins: Readonly<Record<string, TemplateFunction>> = {
  and: (...args) => args.find((arg) => !truth(arg)) ?? args.at(-1),
  or: (...args) => args.find(truth) ?? args.at(-1),
  not: (value) => !truth(value),
  eq: (a, ...others) => others.some((b) => compare(a, b) === 0),
  ne: (a, b) => compare(a, b) !== 0,
  lt: (a, b) => compare(a, b) < 0,
  le: (a, b) => compare(a, b) <= 0,
  gt: (a, b) => compare(a, b) > 0,
  ge: (a, b) => compare(a, b) >= 0,
  len: size,
  index,
  slice,
  print,
  println: (...args) => `${args.map(formatValue).join(" ")}\n`,
  printf: (format, ...args) => sprintf(String(format), args),
  html: (...args) => print(...args).replace(/[&<>"']/g, (c) => HTML[c]!),
  js: (...args) => JSON.stringify(print(...args)).slice(1, -1),
  urlquery: (...args) => encodeURIComponent(print(...args)).replaceAll("%20", "+"),
};
