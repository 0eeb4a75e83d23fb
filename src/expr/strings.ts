import { fail } from "./error.ts";
import { overloads, type Signature, type Builtin } from "./signature.ts";
import { ANY, BOOL, INT, LIST, TEXT, TEXTS, type Type } from "./types.ts";
import { asInt, asList, asText, textOf } from "./values.ts";

const signature = (result: Type, ...params: readonly Type[]): Signature => ({ params, result });

const builtin = (
  name: string,
  signatures: readonly Signature[],
  run: Builtin["run"],
): readonly [string, Builtin] => [name, { type: overloads(...signatures), run }];

/** Of texts only: the arguments are known to be texts when `run` gets them. */
const ofTexts = (
  name: string,
  result: Type,
  counts: readonly number[],
  run: (...texts: string[]) => unknown,
): readonly [string, Builtin] =>
  builtin(
    name,
    counts.map((count) => signature(result, ...Array<Type>(count).fill(TEXT))),
    (args) => run(...args.map(asText)),
  );

const SPACE = " \t\n\v\f\r\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000";
const BLANKS = new RegExp(`^[${SPACE}]+|[${SPACE}]+$`, "g");

function trim(text: string, cutset?: string): string {
  if (cutset === undefined) return text.replace(BLANKS, "");
  const cut = new Set(cutset);
  const chars = [...text];
  let [from, to] = [0, chars.length];
  while (from < to && cut.has(chars[from]!)) from++;
  while (to > from && cut.has(chars[to - 1]!)) to--;
  return chars.slice(from, to).join("");
}

/** At most `limit` pieces, the last of them the rest; each with its separator where `keep`. */
function pieces(text: string, separator: string, limit: bigint | undefined, keep: boolean): string[] {
  if (limit === 0n) return [];
  const all = separator === "" ? [...text] : text.split(separator);
  const most = limit === undefined || limit < 0n || limit > all.length ? all.length : Number(limit);
  const cut = all.slice(0, most - 1);
  const rest = all.slice(Math.max(0, most - 1)).join(separator);
  const head = keep ? cut.map((piece) => piece + separator) : cut;
  return all.length === 0 ? [] : [...head, rest];
}

function replace(text: string, from: string, to: string, count: bigint): string {
  let left = count < 0n ? Infinity : Number(count);
  // An empty text is before each character and at the end.
  if (from === "") {
    const chars = [...text].map((char) => (left-- > 0 ? to + char : char));
    return chars.join("") + (left > 0 ? to : "");
  }
  const all = text.split(from);
  return all.reduce((before, piece) => before + (left-- > 0 ? to : from) + piece);
}

/** Positions count bytes of UTF-8. */
const position = (text: string, at: number): bigint =>
  BigInt(at < 0 ? -1 : Buffer.byteLength(text.slice(0, at)));

function join(args: readonly unknown[]): string {
  const glue = args.length > 1 ? asText(args[1]) : "";
  return asList(args[0]).map(asText).join(glue);
}

function repeat(text: string, count: bigint, spend: (elements: number) => void): string {
  if (count < 0n) fail(`nothing can be repeated ${count} times`);
  spend(Number(count) * Math.max(1, text.length));
  return text.repeat(Number(count));
}

function decode(text: string): string {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text) || text.length % 4 !== 0) fail("it is no base64");
  return Buffer.from(text, "base64").toString("utf8");
}

const split = [signature(TEXTS, TEXT, TEXT), signature(TEXTS, TEXT, TEXT, INT)];
const limitOf = (args: readonly unknown[]): bigint | undefined =>
  args.length > 2 ? asInt(args[2]) : undefined;

/** Builtins on texts. */
export const STRINGS: ReadonlyMap<string, Builtin> = new Map([
  ofTexts("trim", TEXT, [1, 2], trim),
  ofTexts("trimPrefix", TEXT, [2, 1], (text, prefix = " ") =>
    text.startsWith(prefix) ? text.slice(prefix.length) : text,
  ),
  ofTexts("trimSuffix", TEXT, [2, 1], (text, suffix = " ") =>
    text.endsWith(suffix) ? text.slice(0, text.length - suffix.length) : text,
  ),
  ofTexts("upper", TEXT, [1], (text) => text.toUpperCase()),
  ofTexts("lower", TEXT, [1], (text) => text.toLowerCase()),
  ofTexts("indexOf", INT, [2], (text, part) => position(text, text.indexOf(part))),
  ofTexts("lastIndexOf", INT, [2], (text, part) => position(text, text.lastIndexOf(part))),
  ofTexts("hasPrefix", BOOL, [2], (text, prefix) => text.startsWith(prefix)),
  ofTexts("hasSuffix", BOOL, [2], (text, suffix) => text.endsWith(suffix)),
  ofTexts("toBase64", TEXT, [1], (text) => Buffer.from(text).toString("base64")),
  ofTexts("fromBase64", TEXT, [1], decode),
  builtin("split", split, (args) => pieces(asText(args[0]), asText(args[1]), limitOf(args), false)),
  builtin("splitAfter", split, (args) => pieces(asText(args[0]), asText(args[1]), limitOf(args), true)),
  builtin(
    "replace",
    [signature(TEXT, TEXT, TEXT, TEXT, INT), signature(TEXT, TEXT, TEXT, TEXT)],
    ([text, from, to, count = -1n]) => replace(asText(text), asText(from), asText(to), asInt(count)),
  ),
  builtin("repeat", [signature(TEXT, TEXT, INT)], ([text, count], spend) =>
    repeat(asText(text), asInt(count), spend),
  ),
  builtin(
    "join",
    [
      signature(TEXT, TEXTS, TEXT),
      signature(TEXT, LIST, TEXT),
      signature(TEXT, TEXTS),
      signature(TEXT, LIST),
    ],
    join,
  ),
  builtin("string", [signature(TEXT, ANY)], ([value]) => textOf(value)),
]);
