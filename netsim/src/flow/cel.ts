/**
 * `--cel-expression`: expressions of the Common Expression Language over `_flow`, a flow.Flow of Hubble's API, with protobuf's
 * rules: what is not set reads as its default, `has()` tells, enums are whole numbers (`Verdict.DROPPED`), counts unsigned ones.
 */
import { Environment, evaluate, ParseError, TypeError as CelTypeError } from "@marcbachmann/cel-js";
import type { Test } from "./filter.ts";
import { FilterError } from "./patterns.ts";
import { enums, messages, type Field } from "./schema.ts";
import { parseTime } from "./time.ts";
import type { Flow } from "./types.ts";

type Fields = Readonly<Record<string, unknown>>;
type Value = object;

/** Prefix of the fields that `has()` is turned into. */
const HAS = "has_";
const WRAPPERS = new Set(["BoolValue", "Int32Value", "UInt32Value", "Any"]);
/** The library's class of unsigned numbers, which it does not export. */
const UnsignedInt = (evaluate("0u") as object).constructor as new (value: bigint) => object;
/** What a flow is made of; the rest of the schema is never seen from it. */
const ROOT = "Flow";

const typeName = (type: string): string => `flow.${type}`;

function celType({ type, repeated }: Field): string {
  if (repeated) return `list<${celType({ name: "", type, repeated: false, oneof: false })}>`;
  if (type === "string" || type === "bool") return type;
  if (type === "uint32" || type === "uint64") return "uint";
  if (type === "int32" || type === "int64" || enums.has(type)) return "int";
  if (type === "Timestamp") return "google.protobuf.Timestamp";
  return WRAPPERS.has(type) ? "dyn" : typeName(type);
}

/** Messages that can be reached from `type`, inner ones first: a type must be known before it is named. */
function reachable(type: string, found: Set<string> = new Set(), open: Set<string> = new Set()): Set<string> {
  if (found.has(type) || open.has(type)) return found;
  open.add(type);
  for (const field of messages.get(type) ?? [])
    if (messages.has(field.type)) reachable(field.type, found, open);
  found.add(type);
  return found;
}

const classes: ReadonlyMap<string, new (held: Fields | undefined) => Value> = new Map(
  [...reachable(ROOT)].map((type) => [type, classOf(type)]),
);

/** Fields are converted when they are asked for: an expression looks at few of them. */
function classOf(type: string): new (held: Fields | undefined) => Value {
  class Message {
    readonly held: Fields;
    constructor(held: Fields | undefined) {
      this.held = held ?? {};
    }
  }
  for (const field of messages.get(type) ?? []) {
    Object.defineProperty(Message.prototype, field.name, {
      get(this: Message) {
        return valueOf(this.held[field.name], field);
      },
    });
    Object.defineProperty(Message.prototype, HAS + field.name, {
      get(this: Message) {
        return this.held[field.name] !== undefined;
      },
    });
  }
  return Message;
}

function valueOf(held: unknown, field: Field): unknown {
  const { type, repeated } = field;
  if (repeated) return ((held ?? []) as unknown[]).map((one) => valueOf(one, { ...field, repeated: false }));
  const own = classes.get(type);
  if (own !== undefined) return new own(held as Fields | undefined);
  const names = enums.get(type);
  if (names !== undefined)
    return BigInt(typeof held === "string" ? (names.get(held) ?? 0) : Number(held ?? 0));
  switch (type) {
    case "string":
      return held ?? "";
    case "bool":
      return held ?? false;
    case "uint32":
    case "uint64":
      return new UnsignedInt(BigInt((held ?? 0) as string | number));
    case "int32":
    case "int64":
      return BigInt((held ?? 0) as string | number);
    case "Int32Value":
      return held === undefined ? null : BigInt(held as number);
    case "UInt32Value":
      return held === undefined ? null : new UnsignedInt(BigInt(held as number));
    case "Timestamp":
      return new Date(Number((parseTime(String(held ?? "")) ?? 0n) / 1_000_000n));
    default:
      return held ?? null;
  }
}

/** Enums of flows as maps: `Verdict.DROPPED`, and with their package `flow.Verdict.DROPPED`. */
function environment(): Environment {
  const env = new Environment();
  for (const [type, ctor] of classes) {
    const fields = (messages.get(type) ?? []).flatMap((f) => [
      [f.name, celType(f)] as const,
      [HAS + f.name, "bool"] as const,
    ]);
    env.registerType(typeName(type), { ctor, fields: Object.fromEntries(fields) });
  }
  const numbers = new Map(
    [...enums].map(([type, values]) => [type, new Map([...values].map(([name, n]) => [name, BigInt(n)]))]),
  );
  for (const [type, values] of numbers) env.registerConstant(type, "map<string, int>", values);
  env.registerConstant("flow", "map<string, map<string, int>>", numbers);
  env.registerVariable("_flow", typeName(ROOT));
  return env;
}

let made: Environment | undefined;

/** Text outside of string literals in which `has(a.b)` reads `(a.has_b)`: the library's own has() knows no defaults. */
const withoutHas = (text: string): string =>
  text.replace(
    /("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|\bhas\(\s*([\w.\s]+?)\s*\.\s*(\w+)\s*\)/g,
    (whole, literal: string | undefined, object: string, field: string) =>
      literal === undefined ? `(${object}.${HAS}${field})` : whole,
  );

/** Any of the expressions holds. One that fails on a flow does not hold for it. Throws FilterError. */
export function byExpression(texts: readonly string[]): Test {
  const programs = texts.map(compile);
  return (flow) => programs.some((program) => program(flow));
}

function compile(text: string): Test {
  const env = (made ??= environment());
  const rewritten = withoutHas(text);
  let program: ReturnType<Environment["parse"]>;
  try {
    program = env.parse(rewritten);
  } catch (error) {
    throw fault(error, rewritten, text);
  }
  const { valid, type, error } = program.check();
  if (!valid) throw fault(error, rewritten, text);
  if (type !== "bool")
    throw new FilterError(`error compiling CEL expression: got "${type}", wanted "bool" result type`);
  const root = classes.get(ROOT)!;
  return (flow: Flow | undefined) => {
    try {
      return program({ _flow: new root(flow as Fields | undefined) }) === true;
    } catch {
      return false;
    }
  };
}

/** In the words of cel-go, for the usual faults; then the source with a mark below the place, as it has them. */
function fault(error: unknown, rewritten: string, text: string): FilterError {
  if (!(error instanceof ParseError || error instanceof CelTypeError)) throw error;
  const { summary, range } = error as { summary?: string; range?: { start: number } };
  const [message, at] = inGo(summary ?? error.message, rewritten, range?.start ?? 0);
  const place = `ERROR: <input>:1:${at + 1}: ${message}`;
  const source = text === "" ? "" : `\n | ${text}\n | ${".".repeat(at)}^`;
  return new FilterError(`error compiling CEL expression: ${place}${rewritten === text ? source : ""}`);
}

function inGo(message: string, text: string, start: number): readonly [message: string, at: number] {
  const overload = /^no such overload: (\S+) (==|!=|<=?|>=?|\+|-|\*|\/|%|in) (\S+)$/.exec(message);
  if (overload !== null) {
    const [, left, operator = "", right] = overload;
    const name = operator === "in" ? "@in" : `_${operator}_`;
    return [
      `found no matching overload for '${name}' applied to '(${left}, ${right})'`,
      Math.max(start, text.indexOf(operator, start)),
    ];
  }
  const field = /^No such key: (\w+)$/.exec(message)?.[1];
  if (field !== undefined)
    return [`undefined field '${field}'`, Math.max(0, text.lastIndexOf(`.${field}`, start))];
  const variable = /^Unknown variable: (\w+)$/.exec(message)?.[1];
  if (variable !== undefined) return [`undeclared reference to '${variable}' (in container 'flow')`, start];
  return [message, start];
}
