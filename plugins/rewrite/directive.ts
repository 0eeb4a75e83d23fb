import type { RE2JS } from "re2js";
import type { Token } from "../../src/corefile/index.ts";
import {
  directive,
  isProblem,
  problem,
  readWords,
  type FreeLine,
  type Problem,
} from "../../src/directive/index.ts";
import { parseRcode } from "../../src/dns/types.ts";
import { readEdns0, type EdnsRule } from "./directive-edns0.ts";

export type Match = "exact" | "prefix" | "suffix" | "substring" | "regex";

/** How a query's name is compared. `text` is lower-cased, and for exact and suffix ends in a dot; a regexp stays as it is. */
export interface Matcher {
  readonly match: Match;
  readonly text: string;
  readonly regexp: RE2JS | undefined;
}

/** Names in an answer, or names in the values of its records, that match become `to`, with groups as `{1}`. */
export interface AnswerRewrite {
  readonly what: "name" | "value";
  readonly from: RE2JS;
  readonly to: string;
}

/** One rule of CoreDNS's rewrite plugin; `stop`: the rules behind it are not looked at if it applies. */
export type Rule = { readonly stop: boolean } & (
  | {
      readonly kind: "name";
      readonly from: Matcher;
      readonly to: string;
      readonly auto: boolean;
      readonly answers: readonly AnswerRewrite[];
    }
  | { readonly kind: "class" | "type"; readonly from: number; readonly to: number }
  | { readonly kind: "ttl"; readonly name: Matcher; readonly min: number; readonly max: number }
  | { readonly kind: "cname"; readonly from: Matcher; readonly to: string }
  | { readonly kind: "rcode"; readonly name: Matcher; readonly from: number; readonly to: number }
  | EdnsRule
);

type Body<T = Rule> = T extends Rule ? Omit<T, "stop"> : never;

const matches: readonly string[] = ["exact", "prefix", "suffix", "substring", "regex"] satisfies Match[];
const lowerWord = (word: Token | undefined): string => word?.text.toLowerCase() ?? "";
const dotted = (text: string): string => (text.endsWith(".") ? text : text + ".").toLowerCase();

/** `[stop|continue] TYPE ...`; a block instead of the words behind `rewrite` is the same words on several lines. */
function readRule({ name, words }: FreeLine, block: readonly Token[] | undefined): Rule | Problem {
  // The block's lines are one rule; CoreDNS reads it only where the line has less than two words.
  if (block !== undefined && words.length >= 2)
    return problem("the rule stands on its line or in braces, not both", block[0]);
  const all = [...words, ...(block ?? [])];
  const mode = lowerWord(all[0]);
  const explicit = mode === "stop" || mode === "continue";
  const [type, ...rest] = explicit ? all.slice(1) : all;
  const read = Object.hasOwn(kinds, lowerWord(type)) ? kinds[lowerWord(type)] : undefined;
  if (type === undefined || read === undefined) {
    return problem(
      `${type === undefined ? "nothing" : `"${type.text}"`} is no rule: write one of ${Object.keys(kinds).join(", ")}`,
      type ?? name,
    );
  }
  const body = read(type, rest);
  return isProblem(body) ? body : { ...body, stop: mode !== "continue" };
}

const kinds: Readonly<Record<string, (type: Token, words: readonly Token[]) => Body | Problem>> = {
  name: readName,
  class: (type, words) => fromTo("class", { type: "qclass", fold: true }, type, words),
  type: (type, words) => fromTo("type", { type: "qtype", fold: true }, type, words),
  ttl: readTtl,
  cname: readCname,
  rcode: readRcode,
  edns0: readEdns0,
};

function fromTo(
  kind: "class" | "type",
  spec: { readonly type: "qclass" | "qtype"; readonly fold: true },
  type: Token,
  words: readonly Token[],
): Body | Problem {
  const read = readWords({ from: spec, to: spec }, type, words);
  return isProblem(read) ? read : { kind, from: read.from, to: read.to };
}

/** The first words as `[exact|...] TEXT`; `rest`: how many words come behind. */
function readMatcher(
  words: readonly Token[],
  explicit: boolean,
  pattern: (text: string) => string,
): Matcher | Problem {
  const match = explicit ? lowerWord(words[0]) : "exact";
  const word = words[explicit ? 1 : 0]!;
  if (!matches.includes(match)) return problem(`"${words[0]!.text}" is not ${matches.join(", ")}`, words[0]);
  if (match !== "regex") return { match: match as Match, text: pattern(word.text), regexp: undefined };
  const regexp = readPattern(word);
  return isProblem(regexp) ? regexp : { match, text: word.text, regexp };
}

function readPattern(word: Token): RE2JS | Problem {
  const read = readWords({ pattern: { type: "regexp" } }, word, [word]);
  return isProblem(read) ? read : read.pattern;
}

const tooFew = (type: Token, usage: string): Problem =>
  problem(`the line is ${type.text} ${usage}`, type, "argument-count");

/** A replacement may use the groups `{0}` to `{100}` that its pattern has. */
function groupsFit(from: RE2JS, to: Token): Problem | undefined {
  const used = new Set(to.text.match(/\{(?:\d|[1-9]\d|100)\}/g));
  return used.size > from.groupCount()
    ? problem(`"${to.text}" has more groups than its pattern: ${from.groupCount()}`, to)
    : undefined;
}

function readName(type: Token, words: readonly Token[]): Body | Problem {
  if (words.length < 2) return tooFew(type, "[exact|prefix|suffix|substring|regex] FROM TO [answer ...]");
  const explicit = words.length > 2;
  const match = lowerWord(explicit ? words[0] : undefined) || "exact";
  const from = readMatcher(words, explicit, dotted);
  if (isProblem(from)) return from;
  const to = words[explicit ? 2 : 1]!;
  // For exact names CoreDNS has it the other way round: the new name must be an expression.
  const exact = from.match === "exact" ? readPattern({ ...to, text: dotted(to.text) }) : from.regexp;
  if (isProblem(exact)) return exact;
  const used = from.match === "exact" ? words[explicit ? 1 : 0]! : to;
  const wrong = exact === undefined ? undefined : groupsFit(exact, used);
  if (wrong !== undefined) return wrong;
  const answers = words.length > 3 ? readAnswers(match, words.slice(3)) : { auto: false, answers: [] };
  return isProblem(answers) ? answers : { kind: "name", from, to: dotted(to.text), ...answers };
}

function readAnswers(
  match: string,
  words: readonly Token[],
): { auto: boolean; answers: AnswerRewrite[] } | Problem {
  const answers: AnswerRewrite[] = [];
  let auto = false;
  if (words[0]!.text !== "answer" || words.length < 2) {
    return problem(
      `only answer auto, answer name FROM TO or answer value FROM TO may follow a ${match} rule`,
      words[0],
    );
  }
  for (let i = 0; i < words.length;) {
    if (words[i]!.text === "answer") i++;
    const what = words[i++];
    if (what?.text === "auto") {
      auto = true;
      continue;
    }
    const [from, to] = [words[i], words[i + 1]];
    if ((what?.text !== "name" && what?.text !== "value") || from === undefined || to === undefined) {
      return problem("answer is followed by auto, name FROM TO or value FROM TO", what ?? words.at(-1));
    }
    const pattern = readPattern(from);
    if (isProblem(pattern)) return pattern;
    const wrong = groupsFit(pattern, to);
    if (wrong !== undefined) return wrong;
    answers.push({ what: what.text, from: pattern, to: dotted(to.text) });
    i += 2;
  }
  const both = auto && answers.some((answer) => answer.what === "name");
  return both
    ? problem("answer auto and answer name exclude each other: leave one of them out", words[0])
    : { auto, answers };
}

function readTtl(type: Token, words: readonly Token[]): Body | Problem {
  if (words.length < 2 || words.length > 3)
    return tooFew(type, "[exact|prefix|suffix|substring|regex] NAME TTL|MIN-MAX");
  const name = readMatcher(words, words.length === 3, dotted);
  if (isProblem(name)) return name;
  const range = words.at(-1)!;
  const [, low, dash, high] = /^(\d*)(-?)(\d*)$/.exec(range.text) ?? [];
  const min = low === "" ? 0 : Number(low);
  const max = dash === "" ? min : high === "" ? 2 ** 31 - 1 : Number(high);
  if (low === undefined || (low === "" && high === "") || max >= 2 ** 32 || min > max) {
    return problem(`"${range.text}" is not a TTL or a range such as 30-300`, range);
  }
  return { kind: "ttl", name, min, max };
}

function readCname(type: Token, words: readonly Token[]): Body | Problem {
  if (words.length < 2 || words.length > 3)
    return tooFew(type, "[exact|prefix|suffix|substring|regex] FROM TO");
  const exact = words.length === 2 || lowerWord(words[0]) === "exact";
  const spell = exact ? dotted : (text: string) => text.toLowerCase();
  const from = readMatcher(words, words.length === 3, spell);
  return isProblem(from) ? from : { kind: "cname", from, to: spell(words.at(-1)!.text) };
}

function readRcode(type: Token, words: readonly Token[]): Body | Problem {
  if (words.length < 3 || words.length > 4)
    return tooFew(type, "[exact|prefix|suffix|substring|regex] NAME FROM TO");
  const [from, to] = words
    .slice(-2)
    .map(({ text }) => (/^\d+$/.test(text) && Number(text) <= 23 ? Number(text) : parseRcode(text)));
  if (from === undefined || to === undefined) {
    return problem(
      `"${words.at(from === undefined ? -2 : -1)!.text}" is not a response code such as NXDOMAIN`,
      words.at(-1),
    );
  }
  const name = readMatcher(words, words.length === 4, dotted);
  return isProblem(name) ? name : { kind: "rcode", name, from, to };
}

export const directiveTable = directive({
  usage: "rewrite [continue|stop] TYPE ...",
  doc: "Changes queries, and answers back.",
  repeat: "each",
  rule: readRule,
});
