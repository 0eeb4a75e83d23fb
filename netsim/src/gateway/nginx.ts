/** nginx's paths: what it matches locations against, and what its `rewrite ... break` makes of them. */
import { queryOf, pathOnly } from "./request.ts";

/** As nginx normalises it before it looks for a location: decoded, `//` merged, `.` and `..` gone. Query excluded. */
export function normalPath(path: string): string {
  let decoded = path;
  try {
    decoded = decodeURIComponent(path);
  } catch {
    // A broken escape is a bad request to nginx; what stands there is matched as it is.
  }
  const kept: string[] = [];
  const parts = decoded.split("/");
  for (const part of parts) {
    if (part === "..") kept.pop();
    else if (part !== "." && part !== "") kept.push(part);
  }
  const last = parts.at(-1) ?? "";
  const isFolder = last === "" || last === "." || last === "..";
  return `/${kept.join("/")}${isFolder && kept.length > 0 ? "/" : ""}`;
}

const compiled = new Map<string, RegExp | undefined>();

/** Perl's expressions, without regard to case. JavaScript's are close; one that is none matches nothing. */
function pattern(text: string): RegExp | undefined {
  if (!compiled.has(text)) {
    let made: RegExp | undefined;
    try {
      made = new RegExp(text, "i");
    } catch {
      made = undefined;
    }
    if (compiled.size > 1000) compiled.clear();
    compiled.set(text, made);
  }
  return compiled.get(text);
}

export const matchPattern = (text: string, path: string): boolean => pattern(text)?.test(path) ?? false;

/** Bytes that nginx escapes on the way to the backend. */
const escape = (path: string): string =>
  [...Buffer.from(path)]
    .map((byte) => {
      const c = String.fromCharCode(byte);
      const isPlain = byte > 0x20 && byte < 0x7f && !/["#%?<>\\^`{|}]/.test(c);
      return isPlain ? c : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
    })
    .join("");

/**
 * `rewrite "(?i)PATTERN" TARGET break;`: all of the path is replaced when the pattern is found anywhere in it; `$1` and so on are its
 * groups, empty where there is none. The query stays unless the target ends with `?`.
 */
export function rewritePath(expression: string, target: string, requestPath: string): string {
  const found = pattern(expression)?.exec(normalPath(pathOnly(requestPath)));
  if (found === null || found === undefined) return requestPath;
  const replaced = target.replace(/\$(\d)/g, (_, digit: string) => found[Number(digit)] ?? "");
  const query = queryOf(requestPath);
  if (replaced.endsWith("?")) return escape(replaced.slice(0, -1));
  const [path, own] = [pathOnly(replaced), queryOf(replaced)];
  return escape(path) + (own === "" ? query : own + (query === "" ? "" : `&${query.slice(1)}`));
}
