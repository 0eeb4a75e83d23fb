/** `node:path` for paths with slashes. */
export const isAbsolute = (path: string): boolean => path.startsWith("/");

/** The path without `.`, `..` and empty parts. */
export function join(...parts: readonly string[]): string {
  const path = parts.filter((p) => p !== "").join("/");
  const out: string[] = [];
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue;
    const up = part === ".." && out.length > 0 && out[out.length - 1] !== "..";
    if (up) out.pop();
    else if (part !== ".." || !isAbsolute(path)) out.push(part);
  }
  return isAbsolute(path) ? `/${out.join("/")}` : out.join("/") || ".";
}

/** From the last absolute part on; the working directory is the root. */
export function resolve(...parts: readonly string[]): string {
  const from = parts.findLastIndex((p) => isAbsolute(p));
  return join("/", ...parts.slice(Math.max(0, from)));
}

export const dirname = (path: string): string =>
  path.includes("/") ? join(path.slice(0, path.lastIndexOf("/")) || "/") : ".";
export const basename = (path: string): string => path.slice(path.lastIndexOf("/") + 1);
export const extname = (path: string): string => /[^/](\.[^./]*)$/.exec(path)?.[1] ?? "";

export function relative(from: string, to: string): string {
  const [a, b] = [resolve(from), resolve(to)].map((p) => p.split("/").filter((part) => part !== "")) as [
    string[],
    string[],
  ];
  let same = 0;
  while (same < a.length && same < b.length && a[same] === b[same]) same++;
  return [...a.slice(same).map(() => ".."), ...b.slice(same)].join("/");
}
