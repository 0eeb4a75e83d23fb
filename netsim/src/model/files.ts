/** What the user named -> the files to read: paths, directories (recursively), patterns with `*`, `**` and `?`, `-`. */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";

const MANIFEST = /\.(ya?ml|json)$/i;

const entries = (directory: string) =>
  readdirSync(directory, { withFileTypes: true })
    .filter((e) => !e.name.startsWith(".") && e.name !== "node_modules")
    .sort((a, b) => (a.name < b.name ? -1 : 1));

function* walk(directory: string, wanted: (path: string) => boolean, depth = 0): Generator<string> {
  for (const entry of entries(directory)) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) {
      if (depth < 32) yield* walk(path, wanted, depth + 1);
    } else if (wanted(path)) yield path;
  }
}

function pattern(glob: string): RegExp {
  const source = glob
    .split(/(\*\*\/|\*\*|\*|\?)/)
    .map((part) => {
      if (part === "**/") return "(?:.*/)?";
      if (part === "**") return ".*";
      if (part === "*") return "[^/]*";
      if (part === "?") return "[^/]";
      return part.replace(/[\\^$+.()|{}[\]]/g, "\\$&");
    })
    .join("");
  return new RegExp(`^${source}$`);
}

/** The files that `input` stands for, in a stable order; none when it is a pattern or directory without any. Throws ENOENT. */
export function expand(input: string): string[] {
  if (input === "-") return [input];
  if (/[*?]/.test(input)) {
    const glob = input.replace(/^\.\//, "");
    const fixed = glob.slice(0, glob.search(/[*?]/));
    const base = fixed.includes("/") ? fixed.slice(0, fixed.lastIndexOf("/")) || "/" : ".";
    const matcher = pattern(glob);
    return [...walk(base, (path) => matcher.test(path))];
  }
  if (!statSync(input).isDirectory()) return [input];
  return [...walk(input, (path) => MANIFEST.test(path))];
}
