import type { Token } from "../corefile/index.ts";
import type { Name } from "../dns/name.ts";
import { argsUsage } from "./describe.ts";
import { isProblem, problem, type Problem } from "./problem.ts";
import {
  elementType,
  isCustom,
  isList,
  isWord,
  mayMiss,
  type ArgsOf,
  type ArgsSpec,
  type ValueSpec,
  type WordOf,
} from "./spec.ts";
import { readWord } from "./values.ts";

/** What reading words may need and leave behind. */
export interface Reading {
  /** Where the directive stands. */
  readonly at: Token;
  /** The zones of the server block. */
  readonly zones: readonly Name[];
  readonly warn: (at: Token, text: string) => void;
}

/** Values by argument's name; one that was not written has no entry. */
export type Values = Map<string, unknown>;

/** Distributes the words behind `name` over positional arguments. */
export function readArgs(
  args: ArgsSpec,
  name: Token,
  words: readonly Token[],
  surplus: "ignored" | undefined,
  reading: Reading,
): Values | Problem {
  const values: Values = new Map();
  const specs = Object.entries(args);
  const list = specs.findIndex(([, spec]) => isList(spec));
  const behind = list < 0 ? 0 : specs.length - 1 - list;
  const rest = [...words];
  const tail = rest.splice(Math.max(0, rest.length - behind));

  for (const [i, [key, spec]] of specs.entries()) {
    const own = i > list && list >= 0 ? tail : rest;
    if (i === list) {
      const value = readList(spec, name, own.splice(0), reading, args);
      if (isProblem(value)) return value;
      if (value !== undefined) values.set(key, value);
      continue;
    }
    const word = own[0];
    if (word === undefined || spec.like?.test(word.text) === false) {
      if (!mayMiss(spec)) return miscount(name, args, words);
      continue;
    }
    own.shift();
    const value = readOne(spec, word, reading);
    if (isProblem(value)) return value;
    values.set(key, value);
  }
  const extra = rest[0];
  if (extra === undefined) return values;
  if (surplus === undefined) return miscount(name, args, words, extra);
  reading.warn(extra, `"${extra.text}" is ignored: ${takes(name, args)}`);
  return values;
}

/** The value of a list: undefined where it has no words and need not have. */
function readList(spec: ValueSpec, name: Token, words: Token[], reading: Reading, args: ArgsSpec): unknown {
  if (words.length === 0) {
    if (spec.ifEmpty !== undefined) return readDefault(spec, spec.ifEmpty, reading.zones);
    if (spec.atLeast === 0) return [];
    return mayMiss(spec) ? undefined : miscount(name, args, words);
  }
  if (words.length < (spec.atLeast ?? 1) || words.length > (spec.atMost ?? Infinity)) {
    const limit =
      words.length < (spec.atLeast ?? 1) ? `at least ${spec.atLeast!}` : `at most ${spec.atMost!}`;
    return problem(
      `${words.length} words are behind ${name.text}: it takes ${limit}`,
      name,
      "argument-count",
    );
  }
  const values: unknown[] = [];
  for (const word of words) {
    const value = readWord(spec, word.text);
    if (!isProblem(value)) {
      values.push(...value);
    } else if (isLenient(spec)) {
      reading.warn(word, `${value.text}: it is left out`);
    } else {
      return problem(value.text, word);
    }
  }
  return values;
}

const isLenient = (spec: ValueSpec): boolean =>
  !isCustom(spec) && !isWord(spec) && (spec.lenient === true || elementType(spec) === "zone");

function readOne(spec: ValueSpec, word: Token, reading: Reading): unknown {
  const values = readWord(spec, word.text);
  if (isProblem(values)) return problem(values.text, word);
  if (values.length > 1) {
    reading.warn(
      word,
      `"${word.text}" stands for ${values.length} zones, and only the first of them is used: write a line for each`,
    );
  }
  return values[0];
}

/** The value that words of a table, not of a Corefile, stand for. */
export function readDefault(
  spec: ValueSpec,
  words: string | number | readonly string[],
  zones: readonly Name[],
): unknown {
  if (words === "keys") return zones;
  const values = (typeof words === "object" ? words : [String(words)]).flatMap((word) => {
    const value = readWord(spec, word);
    return isProblem(value) ? [] : value;
  });
  return isList(spec) ? values : values[0];
}

/** The arguments as the set-up gets them: defaults where nothing was written. */
export function completeArgs(
  args: ArgsSpec,
  values: Values,
  zones: readonly Name[],
): Record<string, unknown> {
  const complete: Record<string, unknown> = {};
  for (const [key, spec] of Object.entries(args)) {
    if (values.has(key)) complete[key] = values.get(key);
    else complete[key] = spec.default === undefined ? undefined : readDefault(spec, spec.default, zones);
  }
  return complete;
}

const takes = (name: Token, args: ArgsSpec): string => {
  const usage = argsUsage(args);
  return usage === "" ? `${name.text} takes nothing behind it` : `the line is ${name.text} ${usage}`;
};

function miscount(name: Token, args: ArgsSpec, words: readonly Token[], extra?: Token): Problem {
  const last = words.at(-1) ?? name;
  const what =
    extra === undefined
      ? `something is missing behind ${last.text === "" ? '""' : last.text}`
      : extra.text === "}"
        ? "a } closes a block only where it begins a line"
        : `"${extra.text}" is too much`;
  return problem(`${what}: ${takes(name, args)}`, extra ?? last, "argument-count");
}

/** For free-form functions: the value of one word, by a spec as in a table. */
export function readValue<const S extends ValueSpec>(spec: S, word: Token): WordOf<S> | Problem {
  const values = readWord(spec, word.text);
  return isProblem(values) ? problem(values.text, word) : (values[0] as WordOf<S>);
}

/** For free-form functions: words as positional arguments. `name`: the word before them, for the errors. */
export function readWords<const A extends ArgsSpec>(
  args: A,
  name: Token,
  words: readonly Token[],
  zones: readonly Name[] = [],
): ArgsOf<A> | Problem {
  const values = readArgs(args, name, words, undefined, { at: name, zones, warn: () => undefined });
  return isProblem(values) ? values : (completeArgs(args, values, zones) as ArgsOf<A>);
}
