/** Text as Go's standard library makes and reads it: strconv.Quote, ParseUint, path.Join, and what is wrong with a duration. */

const SHORT: Readonly<Record<string, string>> = {
  '"': '\\"',
  "\\": "\\\\",
  "\u0007": "\\a",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\v": "\\v",
};

const PRINTABLE = /[\p{L}\p{M}\p{N}\p{P}\p{S} ]/u;

/** `%q`: a Go string literal; what cannot be seen is escaped, by two, four or eight hexadecimal digits. */
export function quote(text: string): string {
  const escaped = [...text].map((c) => {
    const short = SHORT[c];
    if (short !== undefined) return short;
    if (PRINTABLE.test(c)) return c;
    const code = c.codePointAt(0) ?? 0;
    if (code < 0x20 || code === 0x7f) return `\\x${code.toString(16).padStart(2, "0")}`;
    return code < 0x10000
      ? `\\u${code.toString(16).padStart(4, "0")}`
      : `\\U${code.toString(16).padStart(8, "0")}`;
  });
  return `"${escaped.join("")}"`;
}

/** Elements that are not empty, joined by slashes; then `.`, `..` and double slashes are worked off. */
export function joinPath(...elements: readonly string[]): string {
  const joined = elements.filter((e) => e !== "").join("/");
  if (joined === "") return "";
  const rooted = joined.startsWith("/");
  const kept: string[] = [];
  for (const part of joined.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") kept.push(part);
    else if (kept.length > 0 && kept.at(-1) !== "..") kept.pop();
    else if (!rooted) kept.push("..");
  }
  const path = `${rooted ? "/" : ""}${kept.join("/")}`;
  return path === "" ? "." : path;
}

/** Whole numbers as Go's literals are written: `0x1f`, `0b11`, `0o17`, `017`, `1_000`. */
const LITERAL = /^(?:0x(?:_?[\da-f])+|0b(?:_?[01])+|0o(?:_?[0-7])+|0(?:_?[0-7])*|[1-9](?:_?\d)*)$/i;

/** strconv.ParseUint; base 0 takes literals. Text: the error. */
export function parseUint(text: string, base: 0 | 10, bits: number): bigint | string {
  const fault = (what: string): string => `strconv.ParseUint: parsing ${quote(text)}: ${what}`;
  if (!(base === 0 ? LITERAL : /^\d+$/).test(text)) return fault("invalid syntax");
  const plain = text.replaceAll("_", "");
  const isOctal = base === 0 && /^0\d/.test(plain);
  const number = BigInt(isOctal ? `0o${plain}` : plain.toLowerCase());
  return number < 1n << BigInt(bits) ? number : fault("value out of range");
}

const UNITS = ["ns", "us", "\u00b5s", "\u03bcs", "ms", "s", "m", "h"];

/** Why time.ParseDuration takes no such text; undefined for a duration. */
export function durationFault(text: string): string | undefined {
  let rest = text.replace(/^[+-]/, "");
  if (rest === "0") return undefined;
  const invalid = `time: invalid duration ${quote(text)}`;
  if (rest === "") return invalid;
  while (rest !== "") {
    const [number = ""] = /^(?:\d+\.?\d*|\.\d+)/.exec(rest) ?? [];
    if (number === "") return invalid;
    rest = rest.slice(number.length);
    const [unit = ""] = /^[^.\d]*/.exec(rest) ?? [];
    if (unit === "") return `time: missing unit in duration ${quote(text)}`;
    if (!UNITS.includes(unit)) return `time: unknown unit ${quote(unit)} in duration ${quote(text)}`;
    rest = rest.slice(unit.length);
  }
  return undefined;
}
