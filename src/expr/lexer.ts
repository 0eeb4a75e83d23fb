import { SyntaxProblem } from "./error.ts";

/** `operator` is also what brackets and the words of the language are. */
export type TokenKind = "name" | "number" | "text" | "operator" | "end";

export interface Token {
  readonly kind: TokenKind;
  /** As written; of a text, what it stands for. */
  readonly text: string;
  /** Where it begins in the source. */
  readonly at: number;
}

const WORDS: ReadonlySet<string> = new Set([
  ...["not", "in", "or", "and", "matches", "contains", "startsWith", "endsWith", "let", "if", "else"],
]);

const SPACE = /(?:\s|\/\/[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/)+/y;
const NAME = /[\p{L}_$][\p{L}\p{Nd}_$]*/uy;
// The dot of a range, `1..3`, belongs to no number.
const NUMBER =
  /(?:0[xX][\da-fA-F_]*|0[oO][0-7_]*|0[bB][01_]*|(?:\d[\d_]*(?:\.(?!\.)[\d_]*)?|\.\d[\d_]*)(?:[eE][+-]?[\d_]*)?)/y;
const OPERATOR = /\.\.|\?[.?]?|\|\|?|::?|[&!=*<>][&=*]?|[()[\]{},;%+\-^/.#]/y;
const QUOTED = /"(?:[^"\\\n]|\\[\s\S])*"|'(?:[^'\\\n]|\\[\s\S])*'/y;
const RAW = /`(?:[^`]|``)*`/y;

/** The words of an expression, in order, with an `end` behind the last. Throws a SyntaxProblem. */
export function tokenize(source: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    const found = pattern.exec(source)?.[0];
    if (found !== undefined) at += found.length;
    return found;
  };
  for (;;) {
    take(SPACE);
    const from = at;
    const push = (kind: TokenKind, text: string): void => void tokens.push({ kind, text, at: from });
    if (at >= source.length) {
      push("end", "");
      return tokens;
    }
    const name = take(NAME);
    if (name !== undefined) {
      if (/^[bB]$/.test(name) && /["']/.test(source[at] ?? ""))
        throw new SyntaxProblem("bytes are not built yet: write a text, without the b", from);
      push(WORDS.has(name) ? "operator" : "name", name);
      continue;
    }
    const number = take(NUMBER);
    if (number !== undefined) {
      if (take(NAME) !== undefined) throw new SyntaxProblem(`"${source.slice(from, at)}" is no number`, from);
      push("number", number);
      continue;
    }
    const quoted = take(QUOTED);
    if (quoted !== undefined) {
      push("text", unescape(quoted.slice(1, -1), quoted[0]!, from + 1));
      continue;
    }
    const raw = take(RAW);
    if (raw !== undefined) {
      push("text", raw.slice(1, -1).replaceAll("``", "`"));
      continue;
    }
    if (/["'`]/.test(source[at]!)) throw new SyntaxProblem("a text is not closed: a quote is missing", from);
    if (source.startsWith("/*", at)) throw new SyntaxProblem("a comment is not closed: */ is missing", from);
    const operator = take(OPERATOR);
    if (operator === undefined)
      throw new SyntaxProblem(`${JSON.stringify(source[at])} has no meaning here`, from);
    push("operator", operator);
  }
}

const SIMPLE: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  "\\": "\\",
};
const ESCAPE =
  /\\(?:x([\da-fA-F]{2})|u([\da-fA-F]{4})|u\{([\da-fA-F]{1,6})\}|U([\da-fA-F]{8})|([0-3][0-7]{2})|([\s\S]))/g;

/** The text between quotes; `at`: where it begins. */
function unescape(text: string, quote: string, at: number): string {
  return text.replace(/\r\n?/g, "\n").replace(ESCAPE, (all: string, ...rest: (string | undefined)[]) => {
    const [x, u, braced, wide, octal, simple] = rest;
    const hex = x ?? u ?? braced ?? wide;
    const code = hex !== undefined ? parseInt(hex, 16) : octal !== undefined ? parseInt(octal, 8) : undefined;
    if (code !== undefined && code <= 0x10ffff) return String.fromCodePoint(code);
    const known = simple === quote ? quote : SIMPLE[simple ?? ""];
    if (known === undefined) throw new SyntaxProblem(`"${all}" is no escape: write a backslash as \\\\`, at);
    return known;
  });
}

const MAX_INT = 2n ** 63n - 1n;

/** The value of a number. Whole numbers are bigints, as they have 64 bits; those with a point or an exponent are numbers. */
export function numberOf({ text, at }: Token): bigint | number {
  const digits = text.replaceAll("_", "");
  const isWhole = /^(?:\d+|0[xX][\da-fA-F]+|0[oO][0-7]+|0[bB][01]+)$/.test(digits);
  const value = isWhole ? BigInt(digits) : Number(digits);
  if (typeof value === "bigint" ? value > MAX_INT : !Number.isFinite(value))
    throw new SyntaxProblem(`${text} is no number that can be held`, at);
  return value;
}
