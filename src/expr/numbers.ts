import { fail } from "./error.ts";
import { nameOf, overloads, type Builtin } from "./signature.ts";
import { ANY, FLOAT, INT, isNumber, isUnknown, type Type } from "./types.ts";
import { asFloat, asInt, asWhole, int, isNumeric, kindText, less } from "./values.ts";

/** Takes one argument of these kinds, or one that nothing is known of. */
const oneOf =
  (kinds: readonly Type["kind"][], result: (arg: Type) => Type): Builtin["type"] =>
  (args) => {
    const [arg] = args;
    if (arg === undefined || args.length > 1) return `it takes 1 argument, not ${args.length}`;
    return isUnknown(arg) || kinds.includes(arg.kind) ? result(arg) : `it can't take ${nameOf(arg)}`;
  };

const number = oneOf(["int", "float"], () => FLOAT);

const rounding = (name: string, round: (value: number) => number): readonly [string, Builtin] => [
  name,
  { type: number, run: ([value]) => round(asFloat(value)) },
];

function absolute(value: unknown): unknown {
  if (typeof value === "bigint") return value < 0n ? int(-value) : value;
  return Math.abs(asFloat(value));
}

function toInt(value: unknown): bigint {
  if (typeof value !== "string") return asInt(value);
  const whole = /^[+-]?\d+$/.test(value) ? BigInt(value.replace("+", "")) : undefined;
  return whole === undefined || int(whole) !== whole ? fail(`"${value}" is no whole number`) : whole;
}

function toFloat(value: unknown): number {
  if (typeof value !== "string") return asFloat(value);
  if (/^[+-]?(?:inf|infinity|nan)$/i.test(value))
    return /nan/i.test(value) ? NaN : value.startsWith("-") ? -Infinity : Infinity;
  return /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(value)
    ? Number(value)
    : fail(`"${value}" is no number`);
}

/** Numbers, and the numbers in lists. */
function numbersIn(args: readonly unknown[], name: string): (bigint | number)[] {
  return args.flatMap((arg) => {
    if (Array.isArray(arg)) return numbersIn(arg as readonly unknown[], name);
    return isNumeric(arg) ? [arg] : fail(`${name} can't take ${kindText(arg)}`);
  });
}

const aggregate: Builtin["type"] = (args) => {
  if (args.length === 0) return "it takes at least 1 argument";
  for (const arg of args) {
    if (isUnknown(arg) || arg.kind === "array") return ANY;
    if (!isNumber(arg)) return `it can't take ${nameOf(arg)}`;
  }
  return args[0]!;
};

function extreme(name: string, isBetter: (a: unknown, b: unknown) => boolean): readonly [string, Builtin] {
  return [
    name,
    {
      type: aggregate,
      run: (args) =>
        numbersIn(args, name).reduce<unknown>(
          (best, each) => (best === null || isBetter(each, best) ? each : best),
          null,
        ),
    },
  ];
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) return 0;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

const mean = (values: readonly number[]): number =>
  values.length === 0 ? 0 : values.reduce((sum, each) => sum + each, 0) / values.length;

const statistic = (name: string, of: (values: readonly number[]) => number): readonly [string, Builtin] => [
  name,
  { type: aggregate, run: (args) => of(numbersIn(args, name).map(Number)) },
];

const bits = (name: string, run: (x: bigint, y: bigint) => bigint): readonly [string, Builtin] => [
  name,
  { type: overloads({ params: [INT, INT], result: INT }), run: ([x, y]) => run(asWhole(x), asWhole(y)) },
];

/** Shifts by more than all bits leave what a shift by all bits leaves. */
const shift = (name: string, run: (x: bigint, by: bigint) => bigint): readonly [string, Builtin] =>
  bits(name, (x, by) =>
    by < 0n ? fail(`a shift by ${by} makes no sense`) : int(run(x, by > 64n ? 64n : by)),
  );

/** Builtins on numbers. */
export const NUMBERS: ReadonlyMap<string, Builtin> = new Map([
  ["abs", { type: oneOf(["int", "float"], (arg) => arg), run: ([value]) => absolute(value) }],
  rounding("ceil", Math.ceil),
  rounding("floor", Math.floor),
  // Half goes away from zero.
  rounding("round", (value) => Math.sign(value) * Math.round(Math.abs(value))),
  ["int", { type: oneOf(["int", "float", "text"], () => INT), run: ([value]) => toInt(value) }],
  ["float", { type: oneOf(["int", "float", "text"], () => FLOAT), run: ([value]) => toFloat(value) }],
  extreme("max", (a, b) => less(b, a)),
  extreme("min", less),
  statistic("mean", mean),
  statistic("median", median),
  bits("bitand", (x, y) => x & y),
  bits("bitor", (x, y) => x | y),
  bits("bitxor", (x, y) => x ^ y),
  bits("bitnand", (x, y) => x & ~y),
  shift("bitshl", (x, by) => x << by),
  shift("bitshr", (x, by) => x >> by),
  shift("bitushr", (x, by) => BigInt.asUintN(64, x) >> by),
  ["bitnot", { type: overloads({ params: [INT], result: INT }), run: ([value]) => ~asWhole(value) }],
]);
