import { dirname, join, isAbsolute, resolve } from "node:path";
import { glob, type FileReader } from "./files.ts";
import { lex } from "./lexer.ts";
import type { Token } from "./token.ts";

/** Words that stand for an `import` of files, or why there are none. `warning`: a pattern that matches nothing. */
export type Imported =
  | { readonly tokens: readonly Token[]; readonly warning?: string; readonly error?: undefined }
  | { readonly error: string };

/** Reads what `import PATTERN` names from files; `from` is the file that holds the line. Files are read once. */
export function importer(files: FileReader, cwd: string): (pattern: string, from: string) => Imported {
  const read = new Map<string, Imported>();

  function one(path: string, shown: string): Imported {
    const known = read.get(path);
    if (known !== undefined) return known;
    const file = files.read(path);
    const result: Imported =
      "error" in file
        ? { error: `can't import "${shown}": ${file.error}` }
        : { tokens: lex(file.text, path) };
    read.set(path, result);
    return result;
  }

  return (pattern, from) => {
    const path = isAbsolute(pattern) ? pattern : join(dirname(resolve(cwd, from)), pattern);
    if (count(path, "*") > 1 || count(path, "?") > 1 || /\[.*\]|\].*\[/s.test(path)) {
      return { error: `"${pattern}" has too many wildcards: write at most one * and one ?, and no [...]` };
    }
    const matches = glob(path, files);
    if (matches === undefined)
      return { error: `"${pattern}" is no right pattern: a [ or a final \\ can't stand in it` };
    if (matches.length === 0 && !/[*?[\]]/.test(path)) {
      return {
        error: `there is no file or snippet "${pattern}" to import: a snippet must come before its use`,
      };
    }
    const tokens: Token[] = [];
    for (const match of matches) {
      const imported = one(match, pattern);
      if (imported.error !== undefined) return imported;
      for (const token of imported.tokens) tokens.push(token);
    }
    if (matches.length > 0) return { tokens };
    return { tokens, warning: `No files matching import glob pattern: ${pattern}` };
  };
}

const count = (text: string, char: string): number => text.split(char).length - 1;
