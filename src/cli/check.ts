/** `clusterdns check [FILE] [--json]`: whether a Corefile is right, without running it. */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import {
  findOverlap,
  keyText,
  parseCorefile,
  startsLine,
  tokensOf,
  type CorefileError,
  type CorefileInput,
  type ServerBlock,
} from "../corefile/index.ts";
import { notBuiltYet, parseDirective, zonesOf } from "../directive/index.ts";
import type { Registry } from "../server/registry.ts";

/** What `--json` prints. */
export interface Report {
  readonly file: string;
  readonly ok: boolean;
  readonly errors: readonly CorefileError[];
  readonly warnings: readonly string[];
  /** Empty where the language itself is broken. */
  readonly blocks: readonly { readonly keys: readonly string[]; readonly directives: readonly string[] }[];
}

/**
 * Reads a Corefile by the tables of the registry's plugins and sets nothing up: files that plugins would open, names that
 * they would look up and addresses that interfaces have stay unknown. All wrong directives are reported, not the first alone.
 */
export async function checkCorefile(
  input: Omit<CorefileInput, "directives">,
  registry: Registry,
): Promise<Report> {
  const { file } = input;
  const corefile = parseCorefile({ ...input, directives: new Set(registry.order.map(({ name }) => name)) });
  if (corefile.error !== undefined) {
    return { file, ok: false, errors: [corefile.error], warnings: [], blocks: [] };
  }
  const errors: CorefileError[] = [];
  const warnings = [...corefile.warnings];
  for (const { name, load } of registry.order) {
    for (const block of corefile.blocks) {
      const tokens = tokensOf(block, name);
      if (tokens.length === 0) continue;
      if (load === undefined) {
        errors.push(notBuiltYet(tokens[0]!));
        continue;
      }
      const { directive } = await load();
      const parsed = parseDirective(name, directive, tokens, { zones: zonesOf(block) });
      if (parsed.error !== undefined) errors.push(parsed.error);
      else warnings.push(...parsed.warnings);
    }
  }
  const overlap = findOverlap(
    corefile.blocks.map((block) => ({
      block,
      addresses: boundTo(block),
      view: tokensOf(block, "view").length > 0,
    })),
  );
  if (overlap !== undefined) errors.push(overlap);
  errors.sort((a, b) => (a.file === b.file ? a.line - b.line : 0));
  const blocks = corefile.blocks.map(({ keys, lines }) => ({
    keys: keys.map(keyText),
    directives: lines.map(({ name }) => name),
  }));
  return { file, ok: errors.length === 0, errors, warnings, blocks };
}

/** The words behind `bind`: interfaces stand for themselves, since only the machine that serves knows their addresses. */
function boundTo(block: ServerBlock): readonly string[] {
  const lines = block.lines.filter(({ name }) => name === "bind");
  if (lines.length === 0) return [""];
  return lines.flatMap(({ tokens }) => {
    const end = tokens.findIndex(
      (word, i) => i > 0 && (word.text === "{" || startsLine(tokens[i - 1]!, word)),
    );
    return tokens.slice(1, end < 0 ? tokens.length : end).map((word) => word.text);
  });
}

/** The command. Exits with 0 where the file is right, 1 where it is not or can't be read, 2 where the command line is wrong. */
export async function run(argv: readonly string[], registry: Registry): Promise<number> {
  let json: boolean;
  let files: string[];
  try {
    const { values, positionals } = parseArgs({
      args: [...argv],
      options: { json: { type: "boolean" } },
      allowPositionals: true,
    });
    json = values.json === true;
    files = positionals;
  } catch (error) {
    return complain(`${(error as Error).message}\n`);
  }
  if (files.length > 1) return complain(`one file at a time: leave out ${files.slice(1).join(" ")}\n`);
  const file = files[0] === "stdin" ? "/dev/stdin" : (files[0] ?? "Corefile");
  let text: string;
  try {
    text = readFileSync(file === "/dev/stdin" ? 0 : file, "utf8");
  } catch (error) {
    process.stderr.write(
      `${file}: it can't be read (${(error as NodeJS.ErrnoException).code ?? "error"}): write the path of a Corefile\n`,
    );
    return 1;
  }
  const report = await checkCorefile({ text, file, env: process.env }, registry);
  if (json) process.stdout.write(JSON.stringify(report, undefined, 2) + "\n");
  else print(report);
  return report.ok ? 0 : 1;
}

function print({ file, ok, errors, warnings, blocks }: Report): void {
  for (const warning of warnings) process.stderr.write(`warning: ${warning}\n`);
  for (const { message } of errors) process.stderr.write(`${message}\n`);
  const zones = blocks.reduce((sum, { keys }) => sum + keys.length, 0);
  const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? "" : "s"}`;
  if (ok)
    process.stdout.write(
      `${file} is right: ${count(blocks.length, "server block")}, ${count(zones, "zone")}\n`,
    );
}

function complain(text: string): number {
  process.stderr.write(`${text}usage: clusterdns check [FILE] [--json]\n`);
  return 2;
}
