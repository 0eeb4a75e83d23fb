import type { Line, ServerBlock, Key } from "./block.ts";
import { substitute, type Environment } from "./environment.ts";
import { corefileError, type CorefileError, type CorefileErrorCode } from "./error.ts";
import { nodeFiles, type FileReader } from "./files.ts";
import { importer } from "./imports.ts";
import { parseKey } from "./keys.ts";
import { lex } from "./lexer.ts";
import { suggest } from "./suggest.ts";
import { startsLine, type Token } from "./token.ts";

export interface CorefileInput {
  readonly text: string;
  /** The file's name, for messages and as the place that imports are relative to. */
  readonly file: string;
  /** The directives that exist. */
  readonly directives: ReadonlySet<string>;
  /** Default: none. */
  readonly env?: Environment;
  /** Default: the file system. */
  readonly files?: FileReader;
  /** What relative names of files are relative to; default: the process's working directory. */
  readonly cwd?: string;
  /** The port of plain DNS keys without one; default 53. */
  readonly port?: number;
}

export type Corefile =
  | {
      readonly error?: undefined;
      /** At least one: a file without any stands for the built-in `.` with `whoami` and `log`. */
      readonly blocks: readonly ServerBlock[];
      readonly warnings: readonly string[];
    }
  | { readonly error: CorefileError };

const MAX_SNIPPETS = 10_000;
const MAX_FILES = 100_000;
// What imports may grow a configuration to; CoreDNS would go on until memory ends.
const MAX_TOKENS = 2_000_000;

const builtIn = ". {\n  whoami\n  log\n}\n";

/**
 * Text -> server blocks, as CoreDNS reads a Corefile. The directives' arguments are not looked at: that is the tables'
 * task (src/directive). Zones that are served twice are found by `findOverlap`, when addresses and views are known.
 */
export function parseCorefile(input: CorefileInput): Corefile {
  const parsed = parseBlocks(input);
  if (parsed.error !== undefined) return parsed;
  const blocks: ServerBlock[] = [];
  for (const block of parsed.blocks) {
    const keys: Key[] = [];
    for (const label of block.labels) {
      const key = parseKey(label.text, input.port);
      if (key.error !== undefined) return { error: corefileError(key.code, label, key.error) };
      const { scheme, port } = key;
      for (const zone of key.zones) keys.push({ scheme, zone, port, file: label.file, line: label.line });
    }
    const { file, line } = block.labels[0]!;
    blocks.push({ keys, labels: block.labels.map((label) => label.text), lines: block.lines, file, line });
  }
  if (blocks.length > 0) return { blocks, warnings: parsed.warnings };
  const whoami = parseCorefile({ ...input, text: builtIn, directives: new Set(["whoami", "log"]) });
  return whoami.error === undefined ? { ...whoami, warnings: parsed.warnings } : whoami;
}

interface RawBlock {
  readonly labels: readonly Token[];
  readonly lines: readonly Line[];
}

type RawBlocks =
  | { readonly error?: undefined; readonly blocks: readonly RawBlock[]; readonly warnings: readonly string[] }
  | { readonly error: CorefileError };

/** The file as blocks of keys and directives, their words not looked at further. */
function parseBlocks({
  text,
  file,
  directives,
  env = {},
  files = nodeFiles,
  cwd = process.cwd(),
}: CorefileInput): RawBlocks {
  const tokens = lex(text, file);
  const importFiles = importer(files, cwd);
  const snippets = new Map<string, readonly Token[]>();
  const blocks: RawBlock[] = [];
  const warnings: string[] = [];
  let cursor = -1;
  let snippetCount = 0;
  let fileCount = 0;

  const here = (): Token => tokens[cursor] ?? { text: "", file, line: tokens[cursor - 1]?.line ?? 1 };
  const startOfLine = (): boolean => {
    const [before, token] = [tokens[cursor - 1], tokens[cursor]];
    return before === undefined || (token !== undefined && startsLine(before, token));
  };
  const next = (): boolean => {
    if (cursor >= tokens.length - 1) return false;
    cursor++;
    return true;
  };
  const nextOnLine = (): boolean => {
    const [token, following] = [tokens[cursor], tokens[cursor + 1]];
    if (token === undefined || following === undefined || startsLine(token, following)) return false;
    cursor++;
    return true;
  };
  const fail = (code: CorefileErrorCode, message: string): CorefileError =>
    corefileError(code, here(), message);
  const replaced = (): string | CorefileError =>
    substitute(here().text, env) ??
    fail("environment", `"${here().text}" refers to itself without an end: look at the variables' values`);

  /** `import` at the cursor gives way to the words that it stands for; the cursor is then on the first of them. */
  function doImport(): CorefileError | undefined {
    const start = cursor;
    if (!nextOnLine())
      return fail(
        "import",
        "import needs a name: write a file, a pattern such as conf.d/*.conf, or a snippet",
      );
    const name = replaced();
    if (typeof name !== "string") return name;
    if (name === "")
      return fail("import", "import needs a name that is not empty: write a file, a pattern or a snippet");
    if (nextOnLine())
      return fail(
        "import",
        `import takes one name: leave out "${here().text}", or import it on a line of its own`,
      );
    let words = snippets.get(name);
    if (words !== undefined) {
      if (++snippetCount > MAX_SNIPPETS) return tooDeep("snippets", MAX_SNIPPETS);
    } else {
      if (++fileCount > MAX_FILES) return tooDeep("files", MAX_FILES);
      const imported = importFiles(name, here().file);
      if (imported.error !== undefined) return fail("import", imported.error);
      if (imported.warning !== undefined) warnings.push(imported.warning);
      words = imported.tokens;
    }
    if (tokens.length + words.length > MAX_TOKENS)
      return fail("import", `imports make more than ${MAX_TOKENS} words: does one import itself?`);
    const after = tokens.splice(start);
    for (const word of words) tokens.push(word);
    for (let i = 2; i < after.length; i++) tokens.push(after[i]!);
    cursor = start;
    return undefined;
  }

  const tooDeep = (what: string, limit: number): CorefileError =>
    fail("import", `more than ${limit} imports of ${what}: one of them imports itself`);

  /** A block's keys; the cursor is then on `{` or on the first directive. `end`: the file ends with them. */
  function parseLabels(): CorefileError | { labels: Token[]; end: boolean } {
    const labels: Token[] = [];
    let more = false;
    for (;;) {
      const label = replaced();
      if (typeof label !== "string") return label;
      if (label === "import" && startOfLine()) {
        const error = doImport();
        if (error !== undefined) return error;
        continue;
      }
      if (label === "{") {
        return more
          ? fail("unexpected-token", "a zone is missing after the comma: write one, or leave the comma out")
          : { labels, end: false };
      }
      if (label !== "") {
        more = label.endsWith(",");
        labels.push({ ...here(), text: more ? label.slice(0, -1) : label });
      }
      if (!next()) {
        return more
          ? fail("unexpected-end", "the file ends after a comma: write another zone, or leave the comma out")
          : { labels, end: true };
      }
      if (!more && startOfLine()) return { labels, end: false };
    }
  }

  /** The words between the braces of a snippet; the cursor is on its `{`, and then on its `}`. */
  function parseSnippet(name: string): CorefileError | undefined {
    if (snippets.has(name))
      return fail("snippet", `snippet "${name}" is there already: give one of them another name`);
    if (here().text !== "{")
      return fail("snippet", `snippet "${name}" needs { behind its name, not "${here().text}"`);
    const words: Token[] = [];
    let depth = 1;
    while (next()) {
      if (here().text === "}" && --depth === 0) break;
      if (here().text === "{") depth++;
      words.push(here());
    }
    if (depth > 0) return fail("unexpected-end", `snippet "${name}" is not closed: a } is missing`);
    for (let i = 0; i + 1 < words.length; i++) {
      const [before, word] = [words[i - 1], words[i]!];
      const atStart = before === undefined || before.file !== word.file || before.line !== word.line;
      if (word.text === "import" && atStart && substitute(words[i + 1]!.text, env) === name)
        return tooDeep("snippets", MAX_SNIPPETS);
    }
    snippets.set(name, words);
    return undefined;
  }

  /** One directive, to the end of its line and of its block; the cursor is then on its last word. */
  function parseLine(): CorefileError | Line {
    const name = replaced();
    if (typeof name !== "string") return name;
    if (!directives.has(name)) return fail("unknown-directive", unknown(name));
    const words: Token[] = [{ ...here(), text: name }];
    let depth = 0;
    while (next()) {
      const word = here();
      if (word.text === "{") {
        depth++;
      } else if (depth === 0 && startOfLine()) {
        cursor--;
        break;
      } else if (word.text === "}") {
        if (depth === 0)
          return fail(
            "unexpected-token",
            `} closes nothing on the line of ${name}: put it on a line of its own`,
          );
        depth--;
      } else if (word.text === "import" && startOfLine()) {
        const error = doImport();
        if (error !== undefined) return error;
        cursor--;
        continue;
      }
      const value = replaced();
      if (typeof value !== "string") return value;
      // In place, for a line end in the value counts when the next word's line is looked at.
      words.push((tokens[cursor] = { ...word, text: value }));
    }
    return depth > 0
      ? fail("unexpected-end", `the block of ${name} is not closed: a } is missing`)
      : { name, tokens: words };
  }

  function unknown(name: string): string {
    if (name === "") return "a directive's name is empty: is its environment variable set?";
    if (name === "{")
      return "{ begins no directive: it stands behind the keys, or behind a directive on its line";
    if (name === "import") return "import can't come from an environment variable here: write it out";
    const near = suggest(name, directives);
    if (near !== undefined) return `unknown directive "${name}": did you mean "${near}"?`;
    const zone = /[.:]/.test(name)
      ? "if it is a zone, end the block before it with } first"
      : "-plugins lists those that there are";
    return `unknown directive "${name}": ${zone}`;
  }

  function parseBlock(): CorefileError | undefined {
    const head = parseLabels();
    if ("code" in head) return head;
    const { labels } = head;
    if (!head.end) {
      const only = labels.length === 1 ? labels[0]!.text : "";
      if (only.startsWith("(") && only.endsWith(")")) return parseSnippet(only.slice(1, -1));
    }
    const lines: Line[] = [];
    if (!head.end) {
      const braces = here().text === "{";
      // Without braces the whole file is one block.
      if (!braces) cursor--;
      while (next() && here().text !== "}") {
        if (here().text === "import") {
          const error = doImport();
          if (error !== undefined) return error;
          cursor--;
          continue;
        }
        const line = parseLine();
        if ("code" in line) return line;
        lines.push(line);
      }
      // Only the last word is looked at: a directive's } that ends the file closes its server block, too.
      if (braces && here().text !== "}")
        return fail("unexpected-end", "the server block is not closed: a } is missing");
    }
    if (labels.length > 0) blocks.push({ labels, lines });
    return undefined;
  }

  while (next()) {
    const error = parseBlock();
    if (error !== undefined) return { error };
  }
  return { blocks, warnings };
}
