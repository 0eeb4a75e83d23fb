/** nginx's paths: what it matches locations against, and what its `rewrite ... break` makes of them. */
import { expression } from "../expressions.ts";
import { queryOf, pathOnly } from "../request.ts";

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

/** Whether a path has a match of an expression, without regard to case unless asked. */
export const matchPattern = (text: string, path: string, isExact = false): boolean =>
  expression(text, { ignoreCase: !isExact }).find(path) !== undefined;

/** nginx's sizes: `50m`, `8k`, `1g`, plain octets; undefined for `0` (no limit) and for what is none. */
export function parseSize(text: string): number | undefined {
  const parts = /^(\d{1,12})([kmg]?)$/i.exec(text.trim());
  const size =
    Number(parts?.[1] ?? 0) * 1024 ** ["", "k", "m", "g"].indexOf((parts?.[2] ?? "").toLowerCase());
  return size > 0 ? size : undefined;
}

/** Bytes that nginx escapes on the way to the backend. */
const escape = (path: string): string =>
  [...new TextEncoder().encode(path)]
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
export function rewritePath(pattern: string, target: string, requestPath: string): string {
  const found = expression(pattern, { ignoreCase: true }).find(normalPath(pathOnly(requestPath)));
  if (found === undefined) return requestPath;
  const replaced = target.replace(/\$(\d)/g, (_, digit: string) => found.groups[Number(digit)] ?? "");
  const query = queryOf(requestPath);
  if (replaced.endsWith("?")) return escape(replaced.slice(0, -1));
  const [path, own] = [pathOnly(replaced), queryOf(replaced)];
  return escape(path) + (own === "" ? query : own + (query === "" ? "" : `&${query.slice(1)}`));
}
