import { RE2JS } from "re2js";
import type { Code, Frame, Run } from "./code.ts";
import { fail } from "./error.ts";
import {
  areBoth,
  BOOL,
  FLOAT,
  INT,
  isAssignable,
  isComparable,
  isNumber,
  isUnknown,
  listOf,
  mayBe,
  NIL,
  TEXT,
  UNKNOWN,
  type Type,
} from "./types.ts";
import { add, arithmetic, asBool, asFloat, asInt, asText, equal, kindText, less } from "./values.ts";

/** The type of a binary operation; undefined where its sides can't go together. */
export function binaryType(operator: string, left: Type, right: Type): Type | undefined {
  const numbers = isNumber(left) && isNumber(right);
  switch (operator) {
    case "==":
    case "!=":
      return isComparable(left, right) ? BOOL : undefined;
    case "or":
    case "||":
    case "and":
    case "&&":
      return areBoth(left, right, "bool") || mayBe(left, right, "bool") ? BOOL : undefined;
    case "<":
    case ">":
    case "<=":
    case ">=":
      return numbers || areBoth(left, right, "text") || mayBe(left, right, "int", "float", "text")
        ? BOOL
        : undefined;
    case "+":
      if (areBoth(left, right, "text")) return TEXT;
      if (numbers) return areBoth(left, right, "int") ? INT : FLOAT;
      return mayBe(left, right, "int", "float", "text") ? UNKNOWN : undefined;
    case "-":
    case "*":
      if (numbers) return areBoth(left, right, "int") ? INT : FLOAT;
      return mayBe(left, right, "int", "float") ? UNKNOWN : undefined;
    case "/":
    case "**":
    case "^":
      return numbers || mayBe(left, right, "int", "float") ? FLOAT : undefined;
    case "%":
      return areBoth(left, right, "int") || mayBe(left, right, "int") ? INT : undefined;
    case "..":
      return areBoth(left, right, "int") || mayBe(left, right, "int") ? listOf(INT) : undefined;
    case "matches":
    case "contains":
    case "startsWith":
    case "endsWith":
      return areBoth(left, right, "text") || mayBe(left, right, "text") ? BOOL : undefined;
    case "in":
      return isMember(left, right) ? BOOL : undefined;
    case "??":
      if (left.kind === "nil") return right.kind === "nil" ? NIL : right;
      if (right.kind === "nil") return left;
      return isAssignable(right, left) ? left : UNKNOWN;
    default:
      return undefined;
  }
}

function isMember(value: Type, of: Type): boolean {
  if (of.kind === "map") return isUnknown(value) || isAssignable(value, of.key!);
  if (of.kind === "array") return isComparable(value, of.elem!);
  return isUnknown(of) || (isUnknown(value) && of.kind === "text");
}

/** What runs a binary operation whose types are right. */
export function binaryRun<C>(operator: string, left: Code<C>, right: Code<C>): Run<C> {
  const [a, b] = [left.run, right.run];
  switch (operator) {
    case "==":
      return (frame) => equal(a(frame), b(frame));
    case "!=":
      return (frame) => !equal(a(frame), b(frame));
    case "or":
    case "||":
      return (frame) => asBool(a(frame)) || b(frame);
    case "and":
    case "&&":
      return (frame) => asBool(a(frame)) && b(frame);
    case "<":
      return (frame) => less(a(frame), b(frame));
    case ">":
      return (frame) => flipped(less, a(frame), b(frame));
    case "<=":
      return (frame) => !flipped(less, a(frame), b(frame));
    case ">=":
      return (frame) => !less(a(frame), b(frame));
    case "+":
      return (frame) => add(a(frame), b(frame));
    case "-":
    case "*":
      return (frame) => arithmetic(a(frame), b(frame), operator);
    case "/":
      return (frame) => asFloat(a(frame)) / asFloat(b(frame));
    case "**":
    case "^":
      return (frame) => asFloat(a(frame)) ** asFloat(b(frame));
    case "%":
      return (frame) => remainder(a(frame), b(frame));
    case "..":
      return (frame) => range(frame, asInt(a(frame)), asInt(b(frame)));
    case "matches":
      return matches(left, right);
    case "contains":
      return texts(a, b, (x, y) => x.includes(y));
    case "startsWith":
      return texts(a, b, (x, y) => x.startsWith(y));
    case "endsWith":
      return texts(a, b, (x, y) => x.endsWith(y));
    case "in":
      return member(left, right);
    default:
      return (frame) => a(frame) ?? b(frame);
  }
}

const flipped = <T>(test: (a: unknown, b: unknown) => T, a: unknown, b: unknown): T => test(b, a);

function remainder(a: unknown, b: unknown): bigint {
  if (typeof a !== "bigint" || typeof b !== "bigint")
    return fail(`${kindText(a)} % ${kindText(b)} makes no sense: both must be whole numbers`);
  return b === 0n ? fail("division by zero") : a % b;
}

function range<C>(frame: Frame<C>, from: bigint, to: bigint): bigint[] {
  const size = to - from + 1n;
  if (size <= 0n) return [];
  spend(frame, size > MAX_SIZE ? Infinity : Number(size));
  return Array.from({ length: Number(size) }, (_, i) => from + BigInt(i));
}

const MAX_SIZE = 10n ** 9n;

/** Takes note of elements that are made: an expression must not fill the memory. */
export function spend<C>(frame: Frame<C>, elements: number): void {
  frame.budget -= elements;
  if (frame.budget < 0) fail("it makes too many elements");
}

/** Where one side is nil there is no match. */
const texts =
  <C>(a: Run<C>, b: Run<C>, test: (a: string, b: string) => boolean): Run<C> =>
  (frame) => {
    const [x, y] = [a(frame), b(frame)];
    return x !== null && y !== null && test(asText(x), asText(y));
  };

/** Compiles Go's regular expressions; the error's text where it is none. */
export function compilePattern(pattern: string): RE2JS | string {
  try {
    return RE2JS.compile(pattern);
  } catch (error) {
    return (error as Error).message;
  }
}

function matches<C>(left: Code<C>, right: Code<C>): Run<C> {
  const fixed = typeof right.constant?.value === "string" ? compilePattern(right.constant.value) : undefined;
  if (fixed instanceof RE2JS) {
    const a = left.run;
    return (frame) => {
      const text = a(frame);
      return text !== null && fixed.matcher(asText(text)).find();
    };
  }
  return texts(left.run, right.run, (text, pattern) => {
    const compiled = compilePattern(pattern);
    return compiled instanceof RE2JS
      ? compiled.matcher(text).find()
      : fail(`"${pattern}" is no regular expression of RE2's syntax: ${compiled}`);
  });
}

function member<C>(left: Code<C>, right: Code<C>): Run<C> {
  const a = left.run;
  const fixed = right.constant?.value;
  if (Array.isArray(fixed) && fixed.every((each) => typeof each === "string")) {
    const set = new Set<unknown>(fixed);
    return (frame) => set.has(a(frame));
  }
  const b = right.run;
  return (frame) => {
    const value = a(frame);
    const of = b(frame);
    if (of === null) return false;
    if (Array.isArray(of)) return of.some((each) => equal(each, value));
    if (of instanceof Map) return of.has(value);
    return fail(`in needs an array or a map, not ${kindText(of)}`);
  };
}
