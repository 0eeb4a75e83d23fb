/** Text as Go's standard library makes it, where it differs from JavaScript's: strconv.Quote and path.Join. */

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
