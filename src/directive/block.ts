import { startsLine, suggest, type Token } from "../corefile/index.ts";
import { completeArgs, readArgs, readDefault, type Reading, type Values } from "./args.ts";
import { needed } from "./describe.ts";
import { isProblem, problem, type Problem } from "./problem.ts";
import type { FreeLine, OptionSpec, OptionsSpec } from "./spec.ts";
import type { AnyDirective } from "./table.ts";

/** A position in a directive's words. */
export interface Cursor {
  readonly tokens: readonly Token[];
  at: number;
}

/** The words that follow on the line of the one before the cursor, up to a `{`; the cursor moves behind them. */
export function restOfLine(cursor: Cursor): Token[] {
  const words: Token[] = [];
  for (;;) {
    const before = cursor.tokens[cursor.at - 1];
    const word = cursor.tokens[cursor.at];
    if (before === undefined || word === undefined || word.text === "{" || startsLine(before, word))
      return words;
    words.push(word);
    cursor.at++;
  }
}

/** What the lines of a block said, before defaults; `at`: where each option stands. */
export interface Said {
  readonly values: Values;
  readonly lines: unknown[];
  readonly at: Map<string, Token>;
}

/** Reads a block's lines up to its `}`, or to the end of the words, by the table's options. */
export function readBlock(
  table: AnyDirective,
  cursor: Cursor,
  said: Said,
  reading: Reading,
): Problem | undefined {
  const options = table.options ?? {};
  const names = new Map(Object.keys(options).map((name) => [fold(table, name), name]));
  while (cursor.at < cursor.tokens.length) {
    const token = cursor.tokens[cursor.at++]!;
    if (token.text === "}") return undefined;
    const name = names.get(fold(table, token.text));
    const failed =
      name === undefined
        ? readUnnamed(table, token, cursor, said, reading)
        : readOption(name, options[name]!, token, cursor, said, reading);
    if (failed !== undefined) return problem(failed.text, failed.at ?? token, failed.code);
  }
  return undefined;
}

const fold = (table: AnyDirective, name: string): string => (table.fold === true ? name.toLowerCase() : name);

function readUnnamed(
  table: AnyDirective,
  token: Token,
  cursor: Cursor,
  said: Said,
  reading: Reading,
): Problem | undefined {
  if (table.line === undefined || token.text === "{")
    return problem(unknown(token.text, table.options ?? {}), token, "unknown-option");
  const value = table.line(freeLine(token, restOfLine(cursor), said, reading));
  if (isProblem(value)) return value;
  said.lines.push(value);
  return undefined;
}

const freeLine = (name: Token, words: readonly Token[], said: Said, reading: Reading): FreeLine => ({
  name,
  words,
  zones: reading.zones,
  seen: new Set(said.at.keys()),
});

function unknown(word: string, options: OptionsSpec): string {
  const names = Object.keys(options);
  if (word === "{") return "a { opens a block here, but no option has one: leave it out";
  const near = suggest(word, names);
  if (names.length === 0) return `unknown option "${word}": there are no options, leave it out`;
  return (
    `unknown option "${word}": ` +
    (near === undefined ? `write one of ${names.join(", ")}` : `did you mean "${near}"?`)
  );
}

function readOption(
  name: string,
  spec: OptionSpec,
  token: Token,
  cursor: Cursor,
  said: Said,
  reading: Reading,
): Problem | undefined {
  if ("notYet" in spec) return problem(`${name} is not built yet: leave it out`, token, "not-built-yet");
  if ("ignored" in spec) {
    restOfLine(cursor);
    reading.warn(token, `${name} has no effect: it may be left out`);
    return undefined;
  }
  const before = said.at.get(name);
  if (before !== undefined && spec.repeat === "once") {
    return problem(`${name} is on line ${before.line} already: leave one of them out`, token, "repeated");
  }
  said.at.set(name, token);
  const words = restOfLine(cursor);
  if ("type" in spec && spec.loose === true) cursor.at -= words.splice(spec.type === "flag" ? 0 : 1).length;
  const value = readOptionWords(name, spec, token, words, said, reading);
  if (isProblem(value)) {
    return value.code === "bad-value" ? problem(`${name}: ${value.text}`, value.at, value.code) : value;
  }
  if (spec.repeat === "each") said.values.set(name, [...listOf(said.values.get(name)), value]);
  else if (spec.repeat === "join")
    said.values.set(name, [...listOf(said.values.get(name)), ...listOf(value)]);
  else said.values.set(name, value);
  return undefined;
}

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

type ReadSpec = Exclude<OptionSpec, { readonly notYet: true } | { readonly ignored: true }>;

function readOptionWords(
  name: string,
  spec: ReadSpec,
  token: Token,
  words: readonly Token[],
  said: Said,
  reading: Reading,
): unknown {
  if ("line" in spec) return spec.line(freeLine(token, words, said, reading));
  const named = { ...token, text: name };
  if ("args" in spec) {
    const values = readArgs(spec.args, named, words, spec.surplus, reading);
    return isProblem(values) ? values : completeArgs(spec.args, values, reading.zones);
  }
  if (spec.type === "flag") {
    const none = readArgs({}, named, words, spec.surplus, reading);
    return isProblem(none) ? none : true;
  }
  const values = readArgs({ [spec.as ?? ""]: needed(spec) }, named, words, spec.surplus, reading);
  return isProblem(values) ? values : values.get(spec.as ?? "");
}

/** The options as the set-up gets them: defaults where nothing was written. */
export function completeOptions(options: OptionsSpec, said: Said, reading: Reading): Record<string, unknown> {
  const complete: Record<string, unknown> = {};
  for (const [name, spec] of Object.entries(options)) {
    if ("notYet" in spec || "ignored" in spec) continue;
    complete[name] = said.values.has(name) ? said.values.get(name) : absent(name, spec, said, reading);
  }
  return complete;
}

function absent(name: string, spec: ReadSpec, said: Said, reading: Reading): unknown {
  if ("type" in spec && spec.type === "flag") return false;
  if (spec.repeat === "each") return [];
  if ("default" in spec && spec.default !== undefined) {
    if (!("args" in spec)) return readDefault(spec, spec.default, reading.zones);
    const { file, line } = reading.at;
    const words = spec.default.map((text) => ({ text, file, line }));
    return readOptionWords(name, spec, { text: name, file, line }, words, said, reading);
  }
  return spec.repeat === "join" ? [] : undefined;
}
