import type { Token } from "../rdata/kind.ts";

/** `$GENERATE START-STOP[/STEP] ENTRY`: the entry again and again, with a number in it (BIND 9 Administrator Reference Manual §3.6). */

/** As many entries as one $GENERATE may make. */
const MOST = 65536;
/** The widest number that `${offset,width,base}` may ask for. */
const WIDEST = 255;

export interface Range {
  readonly start: number;
  readonly stop: number;
  readonly step: number;
}

/** undefined where `text` is no range, runs backwards or has more than 65536 steps. */
export function parseRange(text: string): Range | undefined {
  const m = /^(\d{1,10})-(\d{1,10})(?:\/(\d{1,10}))?$/.exec(text);
  if (m === null) return undefined;
  const range = { start: Number(m[1]), stop: Number(m[2]), step: Number(m[3] ?? 1) };
  const steps = (range.stop - range.start) / range.step;
  return range.step > 0 && steps >= 0 && steps < MOST ? range : undefined;
}

/** The entry as text, its tokens with one blank between them where there was any. */
export const templateOf = (tokens: readonly Token[]): string =>
  tokens
    .map(({ text, quoted, joined }) => (joined ? "" : " ") + (quoted ? `"${text}"` : text))
    .join("")
    .trimStart();

/**
 * The template with each `$` replaced by `n`, and each `${offset,width,base}` by the sum, filled with zeros to the width, in base d, o, x or X.
 * `$$` and `\$` are a dollar sign. A text that says what is wrong with a modifier is an error.
 */
export function expand(template: string, n: number): string | { readonly error: string } {
  let error: string | undefined;
  const out = template.replace(
    /\\\$|\$\$|\$\{([^}]*)(\}?)|\$|\\[^]/g,
    (match: string, modifier?: string, end?: string) => {
      if (match === "$$" || match === "\\$") return "$";
      if (match.startsWith("\\")) return match;
      if (modifier === undefined) return String(n);
      const number = end === "" ? undefined : modified(modifier, n);
      error ??=
        number === undefined
          ? `"${match}": expected \${OFFSET,WIDTH,BASE} with base d, o, x or X, and no number below 0`
          : undefined;
      return number ?? "";
    },
  );
  return error === undefined ? out : { error };
}

function modified(modifier: string, n: number): string | undefined {
  const m = /^([+-]?\d{1,10})(?:,(\d{1,3})(?:,([doxX]))?)?$/.exec(modifier);
  if (m === null) return undefined;
  const value = n + Number(m[1]);
  const width = Number(m[2] ?? 0);
  if (value < 0 || value > 0x7fffffff || width > WIDEST) return undefined;
  const base = m[3] ?? "d";
  const digits = value.toString(base === "d" ? 10 : base === "o" ? 8 : 16);
  return (base === "X" ? digits.toUpperCase() : digits).padStart(width, "0");
}
