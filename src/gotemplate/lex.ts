/** Words of Go's text/template actions. */

export type Word =
  | { readonly kind: "string"; readonly value: string }
  | { readonly kind: "number"; readonly value: number | bigint }
  | { readonly kind: "field"; readonly name: string }
  | { readonly kind: "variable"; readonly name: string }
  | { readonly kind: "name"; readonly name: string }
  /** `.` alone, parentheses, `|`, `,`, `:=`, `=`. */
  | { readonly kind: "mark"; readonly text: string }
  /** White space: a field behind it is an argument of its own. */
  | { readonly kind: "space" };

/** A part of a template: text, or the words of one action. */
export type Part =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "action"; readonly words: readonly Word[]; readonly source: string };

/** What is wrong with a template, in words for the operator. */
export class TemplateError extends Error {}

/** Cuts a template into text and actions; `{{-` and `-}}` take the white space beside them, comments are left out. */
export function cutTemplate(source: string): Part[] {
  const parts: Part[] = [];
  let at = 0;
  let trimNext = false;
  const text = (raw: string, trimEnd: boolean): void => {
    const begun = trimNext ? raw.trimStart() : raw;
    const ended = trimEnd ? begun.trimEnd() : begun;
    if (ended !== "") parts.push({ kind: "text", text: ended });
    trimNext = false;
  };
  for (;;) {
    const open = source.indexOf("{{", at);
    if (open < 0) {
      text(source.slice(at), false);
      return parts;
    }
    const trims = /^\{\{-\s/.test(source.slice(open, open + 4));
    text(source.slice(at, open), trims);
    const begin = open + (trims ? 3 : 2);
    const close = closing(source, begin);
    if (close < 0) throw new TemplateError(`unclosed action: ${source.slice(open)}`);
    const inner = source.slice(begin, close);
    trimNext = /\s-$/.test(inner);
    const body = trimNext ? inner.slice(0, -1) : inner;
    at = close + 2;
    if (/^\s*\/\*[\s\S]*\*\/\s*$/.test(body)) continue;
    parts.push({ kind: "action", words: lexAction(body), source: body.trim() });
  }
}

/** Where the action's `}}` is, strings passed over. */
function closing(source: string, from: number): number {
  let quote = "";
  for (let i = from; i < source.length; i++) {
    const c = source[i]!;
    if (quote !== "") {
      if (c === "\\" && quote !== "`") i++;
      else if (c === quote) quote = "";
    } else if (c === '"' || c === "`" || c === "'") {
      quote = c;
    } else if (source.startsWith("}}", i)) {
      return i;
    }
  }
  return -1;
}

const PATTERNS: readonly (readonly [RegExp, (match: RegExpExecArray) => Word])[] = [
  [/\s+/y, () => ({ kind: "space" })],
  [/"((?:[^"\\\n]|\\.)*)"/y, (m) => ({ kind: "string", value: unquote(m[1]!) })],
  [/`([^`]*)`/y, (m) => ({ kind: "string", value: m[1]! })],
  [/'((?:[^'\\\n]|\\.[^']*))'/y, (m) => ({ kind: "number", value: unquote(m[1]!).codePointAt(0)! })],
  [
    /[+-]?(?:0[xX][\da-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+|\d[\d_]*(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+)/y,
    (m) => ({ kind: "number", value: number(m[0]) }),
  ],
  [/\.([\p{L}_][\p{L}\p{Nd}_]*)/uy, (m) => ({ kind: "field", name: m[1]! })],
  [/\$([\p{L}\p{Nd}_]*)/uy, (m) => ({ kind: "variable", name: m[1]! })],
  [/[\p{L}_][\p{L}\p{Nd}_]*/uy, (m) => ({ kind: "name", name: m[0] })],
  [/:=|[.|(),=]/y, (m) => ({ kind: "mark", text: m[0] })],
];

function lexAction(source: string): Word[] {
  const words: Word[] = [];
  for (let at = 0; at < source.length;) {
    const found = PATTERNS.map(([pattern, make]) => {
      pattern.lastIndex = at;
      const match = pattern.exec(source);
      return match === null ? undefined : { match, make };
    }).find((one) => one !== undefined);
    if (found === undefined) throw new TemplateError(`unexpected "${source[at]}" in {{${source}}}`);
    words.push(found.make(found.match));
    at += found.match[0].length;
  }
  while (words[0]?.kind === "space") words.shift();
  while (words.at(-1)?.kind === "space") words.pop();
  return words;
}

function number(text: string): number | bigint {
  const plain = text.replaceAll("_", "");
  const value = Number(plain.replace(/^\+/, ""));
  return Number.isSafeInteger(value) || !/^[+-]?\d+$/.test(plain) ? value : BigInt(plain);
}

const ESCAPES: Readonly<Record<string, string>> = {
  n: "\n",
  t: "\t",
  r: "\r",
  a: "\x07",
  b: "\b",
  f: "\f",
  v: "\v",
};

function unquote(text: string): string {
  return text.replace(
    /\\(x[\da-fA-F]{2}|u[\da-fA-F]{4}|U[\da-fA-F]{8}|[0-7]{3}|.)/g,
    (_all, code: string) => {
      if (/^[xuU]./.test(code)) return String.fromCodePoint(parseInt(code.slice(1), 16));
      if (/^[0-7]{3}$/.test(code)) return String.fromCodePoint(parseInt(code, 8));
      return ESCAPES[code] ?? code;
    },
  );
}
