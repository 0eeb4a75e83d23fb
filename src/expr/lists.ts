import { fail } from "./error.ts";
import { fetch } from "./access.ts";
import { json, parseJson } from "./json.ts";
import { nameOf, overloads, type Builtin } from "./signature.ts";
import {
  ANY,
  ANY_MAP,
  INT,
  isAssignable,
  isUnknown,
  LIST,
  TEXT,
  TEXTS,
  UNKNOWN,
  type Type,
} from "./types.ts";
import { asInt, asList, asMap, asText, equal, kindText, less, lengthOf } from "./values.ts";

/** Checks the count of arguments, and that the first is of one of these kinds. */
const takes =
  (count: number, kinds: readonly Type["kind"][], result: (arg: Type) => Type | string) =>
  (args: readonly Type[]): Type | string => {
    if (args.length !== count)
      return `it takes ${count} argument${count === 1 ? "" : "s"}, not ${args.length}`;
    const arg = args[0]!;
    return isUnknown(arg) || kinds.includes(arg.kind) ? result(arg) : `it can't take ${nameOf(arg)}`;
  };

/** What is known of an element once a list went through a builtin: of a literal, nothing. */
const elementOf = (type: Type): Type => (type.text === LIST.text ? ANY : (type.elem ?? ANY));

const list = (name: string, run: (items: readonly unknown[]) => unknown): readonly [string, Builtin] => [
  name,
  {
    type: takes(1, ["array"], () => LIST),
    run: ([value], spend) => {
      spend(asList(value).length);
      return run(asList(value));
    },
  },
];

const end = (name: string, at: bigint): readonly [string, Builtin] => [
  name,
  {
    type: takes(1, ["array"], elementOf),
    run: ([value]) => (Array.isArray(value) && value.length > 0 ? fetch(value, at) : null),
  },
];

const mapping = (
  name: string,
  run: (map: ReadonlyMap<unknown, unknown>) => unknown,
): readonly [string, Builtin] => [
  name,
  { type: takes(1, ["map"], () => LIST), run: ([value]) => run(asMap(value)) },
];

const get: Builtin = {
  type(args) {
    const [from, key] = args;
    if (from === undefined || key === undefined || args.length > 2)
      return `it takes 2 arguments, not ${args.length}`;
    if (isUnknown(from)) return UNKNOWN;
    const good =
      from.kind === "array" ? key.kind === "int" : from.kind === "map" && isAssignable(key, from.key!);
    if (from.kind !== "array" && from.kind !== "map") return `it can't take ${nameOf(from)}`;
    return good || isUnknown(key) ? from.elem! : `${nameOf(key)} is no key of ${nameOf(from)}`;
  },
  run([from, key]) {
    if (from instanceof Map) return (from as Map<unknown, unknown>).get(key) ?? null;
    if (from === null) return null;
    if (typeof from !== "string" && !Array.isArray(from)) return null;
    const length = typeof from === "string" ? Buffer.byteLength(from) : from.length;
    const at = asInt(key);
    const index = at < 0n ? at + BigInt(length) : at;
    return index >= 0n && index < length ? fetch(from, index) : null;
  },
};

const take: Builtin = {
  type: (args) => {
    const problem = takes(2, ["array"], () => ANY)(args);
    if (typeof problem === "string") return problem;
    const [from, count] = args as [Type, Type];
    if (count.kind !== "int" && !isUnknown(count)) return `it can't take ${nameOf(count)} elements`;
    return from.text === LIST.text ? LIST : from;
  },
  run([value, count]) {
    const n = asInt(count);
    if (typeof count !== "bigint" || n < 0n) return fail(`${kindText(count)} elements can't be taken`);
    return asList(value).slice(0, Number(n));
  },
};

function fromPairs(pairs: readonly unknown[]): Map<unknown, unknown> {
  const map = new Map<unknown, unknown>();
  for (const pair of pairs) {
    const [key, value, ...more] = asList(pair);
    if (value === undefined || more.length > 0) fail("a pair has two elements");
    map.set(key, value);
  }
  return map;
}

function unique(items: readonly unknown[]): unknown[] {
  const found: unknown[] = [];
  for (const item of items) if (!found.some((each) => equal(each, item))) found.push(item);
  return found;
}

const concat: Builtin = {
  type: (args) => {
    if (args.length === 0) return "it takes at least 1 argument";
    const wrong = args.find((arg) => !isUnknown(arg) && arg.kind !== "array");
    return wrong === undefined ? LIST : `it can't take ${nameOf(wrong)}`;
  },
  run(args, spend) {
    const all = args.flatMap(asList);
    spend(all.length);
    return all;
  },
};

/** Whether `order` says that the largest comes first. */
export function isDescending(order: unknown): boolean {
  if (order !== "asc" && order !== "desc")
    return fail(`"${asText(order)}" is no order: write "asc" or "desc"`);
  return order === "desc";
}

/** Sorted by the values that belong to the items; equal ones keep their places. */
export function sortBy(
  items: readonly unknown[],
  values: readonly unknown[],
  descending: boolean,
): unknown[] {
  const order = items.map((_, i) => i);
  const before = (a: number, b: number): boolean =>
    descending ? less(values[b], values[a]) : less(values[a], values[b]);
  return order.sort((a, b) => (before(a, b) ? -1 : before(b, a) ? 1 : 0)).map((i) => items[i]);
}

const sortable = [LIST, TEXTS].flatMap((type) => [
  { params: [type, TEXT], result: LIST },
  { params: [type], result: LIST },
]);

/** Builtins on lists, maps and whatever there is. */
export const LISTS: ReadonlyMap<string, Builtin> = new Map([
  ["len", { type: takes(1, ["array", "map", "text"], () => INT), run: ([value]) => BigInt(lengthOf(value)) }],
  ["get", get],
  end("first", 0n),
  end("last", -1n),
  ["take", take],
  list("reverse", (items) => [...items].reverse()),
  list("uniq", unique),
  list("flatten", (items) => items.flat(Infinity)),
  ["concat", concat],
  [
    "sort",
    {
      type: overloads(...sortable),
      run: ([value, order = "asc"]) => sortBy(asList(value), asList(value), isDescending(order)),
    },
  ],
  mapping("keys", (map) => [...map.keys()]),
  mapping("values", (map) => [...map.values()]),
  mapping("toPairs", (map) => [...map].map(([key, value]) => [key, value])),
  ["fromPairs", { type: takes(1, ["array"], () => ANY_MAP), run: ([value]) => fromPairs(asList(value)) }],
  ["toJSON", { type: overloads({ params: [ANY], result: TEXT }), run: ([value]) => json(value, "") }],
  [
    "fromJSON",
    { type: overloads({ params: [TEXT], result: ANY }), run: ([text]) => parseJson(asText(text)) },
  ],
]);
