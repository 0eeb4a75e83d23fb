import {
  corefileError,
  startsLine,
  type CorefileError,
  type Position,
  type Token,
} from "../corefile/index.ts";
import type { Name } from "../dns/name.ts";
import { completeArgs, readArgs, type Reading, type Values } from "./args.ts";
import { completeOptions, readBlock, restOfLine, type Cursor, type Said } from "./block.ts";
import { isProblem, problem, type Problem } from "./problem.ts";
import type { AnyDirective, OptionsOf } from "./table.ts";

export interface ParseContext {
  /** The zones of the server block: `zonesOf`. */
  readonly zones: readonly Name[];
}

export type Parsed<X> =
  | { readonly error?: undefined; readonly options: X; readonly warnings: readonly string[] }
  | { readonly error: CorefileError };

/** One occurrence as written: the words' values, and the options' that were said. */
interface Occurred {
  readonly at: Token;
  readonly args: Values;
  readonly rule: unknown;
  readonly said: Said;
}

/**
 * Reads all words that a server block has for the directive `name` (`tokensOf`) by its table. `options` is what the
 * plugin's set-up takes: an object, or an array of them where the table says `each`.
 */
export function parseDirective<D extends AnyDirective>(
  name: string,
  table: D,
  tokens: readonly Token[],
  context: ParseContext,
): Parsed<OptionsOf<D>> {
  const warnings: string[] = [];
  const fail = (failed: Problem, at: Position): { readonly error: CorefileError } => ({
    error: corefileError(failed.code, failed.at ?? at, failed.text, name),
  });
  const occurred: Occurred[] = [];
  const cursor: Cursor = { tokens, at: 0 };
  const repeat = table.repeat ?? "once";

  while (cursor.at < tokens.length) {
    const at = tokens[cursor.at++]!;
    if (occurred.length > 0 && repeat === "once") return fail(again(name, at, occurred[0]!.at), at);
    if (occurred.length > 0 && at.text !== name) warnings.push(warning(at, name, stray(name, at.text)));
    const reading: Reading = {
      at,
      zones: context.zones,
      warn: (where, text) => warnings.push(warning(where, name, text)),
    };
    const said = (repeat === "merge" ? occurred[0]?.said : undefined) ?? nothingSaid();
    const occurrence = readOccurrence({ ...at, text: name }, table, cursor, said, reading);
    if (isProblem(occurrence)) {
      return fail(at.text === name ? occurrence : problem(stray(name, at.text), at, "unexpected-token"), at);
    }
    occurred.push(occurrence);
    if (repeat === "first") break;
  }

  const kept = repeat === "merge" ? merged(occurred) : repeat === "last" ? occurred.slice(-1) : occurred;
  const complete: Record<string, unknown>[] = [];
  for (const each of kept) {
    const options = completeOccurrence(table, each, context.zones);
    const failed = (table.check as ((options: unknown, at: unknown) => unknown) | undefined)?.(
      options,
      (option: string) => each.said.at.get(option),
    );
    if (isProblem(failed)) return fail(failed, each.at);
    complete.push(options);
  }
  return { options: (repeat === "each" ? complete : complete[0]) as OptionsOf<D>, warnings };
}

const nothingSaid = (): Said => ({ values: new Map(), lines: [], at: new Map() });

const warning = (at: Token, name: string, text: string): string => `${at.file}:${at.line}: ${name}: ${text}`;

/** A brace on a line of its own, or words behind a closing one, begin an occurrence without saying so. */
const stray = (name: string, word: string): string =>
  `"${word}" begins a ${name} of its own here: a { stands on the line of ${name}, and nothing behind its }`;

function again(name: string, at: Token, first: Token): Problem {
  if (at.text !== name) return problem(stray(name, at.text), at, "unexpected-token");
  const where = at.file === first.file ? `on line ${first.line}` : `at ${first.file}:${first.line}`;
  return problem(
    `it is ${where} already and may stand once in a server block: leave one of them out`,
    at,
    "repeated",
  );
}

/** Reads from behind the directive's name to the end of its line or block. */
function readOccurrence(
  at: Token,
  table: AnyDirective,
  cursor: Cursor,
  said: Said,
  reading: Reading,
): Occurred | Problem {
  const words = restOfLine(cursor);
  const before = cursor.tokens[cursor.at - 1];
  const brace = cursor.tokens[cursor.at];
  const opens = before !== undefined && brace?.text === "{" && !startsLine(before, brace);
  if (table.rule !== undefined) {
    const block = opens && table.options === undefined ? blockWords(cursor) : undefined;
    const rule = table.rule({ name: at, words, zones: reading.zones, seen: new Set() }, block);
    if (isProblem(rule)) return rule;
    const failed = opens && block === undefined ? readOpened(table, cursor, said, reading) : undefined;
    return failed ?? { at, args: new Map(), rule, said };
  }
  const args = readArgs(table.args ?? {}, at, words, table.surplus, reading);
  if (isProblem(args)) return args;
  if (opens && table.options === undefined && table.line === undefined) {
    if (table.block !== "ignored")
      return problem(`it has no block: leave out the braces and what is in them`, brace, "unexpected-token");
    return { at, args, rule: undefined, said };
  }
  const failed = opens ? readOpened(table, cursor, said, reading) : undefined;
  return failed ?? { at, args, rule: undefined, said };
}

function readOpened(table: AnyDirective, cursor: Cursor, said: Said, reading: Reading): Problem | undefined {
  cursor.at++;
  return readBlock(table, cursor, said, reading);
}

/** The words of a block that a function reads, up to the first `}`. */
function blockWords(cursor: Cursor): Token[] {
  const start = ++cursor.at;
  while (cursor.at < cursor.tokens.length && cursor.tokens[cursor.at]!.text !== "}") cursor.at++;
  return cursor.tokens.slice(start, cursor.at++);
}

/** All occurrences as one: their options went into one place already, and a later argument replaces an earlier. */
const merged = (occurred: readonly Occurred[]): Occurred[] =>
  occurred.slice(0, 1).map((first) => ({
    ...first,
    args: new Map(occurred.flatMap((each) => [...each.args])),
    rule: occurred.at(-1)?.rule,
  }));

function completeOccurrence(
  table: AnyDirective,
  { at, args, rule, said }: Occurred,
  zones: readonly Name[],
): Record<string, unknown> {
  const reading: Reading = { at, zones, warn: () => undefined };
  return {
    ...completeArgs(table.args ?? {}, args, zones),
    ...completeOptions(table.options ?? {}, said, reading),
    ...(table.line === undefined ? {} : { lines: said.lines }),
    ...(table.rule === undefined ? {} : { rule }),
    at: { file: at.file, line: at.line },
  };
}

/** For a directive that CoreDNS has and this program does not yet; `at` is the directive's first word. */
export const notBuiltYet = (at: Token): CorefileError =>
  corefileError("not-built-yet", at, "this plugin is not built yet: leave it out", at.text);
