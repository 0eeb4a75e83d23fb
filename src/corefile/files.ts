import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";

/** How `import` reaches files; an argument of the parser, so that a test or a browser can give its own. */
export interface FileReader {
  /** The text of a file, or why it can't be had. `path` is absolute. */
  read(path: string): { readonly text: string } | { readonly error: string };
  /** Whether there is anything at `path`. */
  exists(path: string): boolean;
  /** The names in a directory; empty where it is none. */
  list(path: string): readonly string[];
}

export const nodeFiles: FileReader = {
  read(path) {
    try {
      if (statSync(path).isDirectory()) return { error: "it is a directory" };
      return { text: readFileSync(path, "utf8") };
    } catch (error) {
      return {
        error: (error as NodeJS.ErrnoException).code === "EACCES" ? "permission denied" : "it can't be read",
      };
    }
  },
  exists: (path) => statSync(path, { throwIfNoEntry: false }) !== undefined,
  list(path) {
    try {
      return readdirSync(path);
    } catch {
      return [];
    }
  },
};

/** Files that match an absolute `pattern` of Go's filepath.Match (`*`, `?`, `\`), sorted; undefined: no right pattern. */
export function glob(pattern: string, files: FileReader): string[] | undefined {
  // The caller refuses a bracket pair, so one that is left is never closed.
  if (pattern.includes("[")) return undefined;
  if (!/[*?\\]/.test(pattern)) return files.exists(pattern) ? [pattern] : [];
  const directory = dirname(pattern);
  const name = matcher(pattern.slice(directory.length).replace(/^\//, ""));
  if (name === undefined) return undefined;
  const directories = directory === pattern ? [] : glob(directory, files);
  return directories?.flatMap((dir) =>
    [...files.list(dir)]
      .filter((entry) => name.test(entry))
      .sort(byBytes)
      .map((entry) => join(dir, entry)),
  );
}

const byBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

function matcher(pattern: string): RegExp | undefined {
  if (/^(?:[^\\]|\\.)*\\$/s.test(pattern)) return undefined;
  const source = pattern.replace(/\\(.)|[*?]|[^*?\\]/gsu, (part, escaped: string | undefined) => {
    if (part === "*") return "[^/]*";
    if (part === "?") return "[^/]";
    return (escaped ?? part).replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
  });
  return new RegExp(`^${source}$`, "su");
}
