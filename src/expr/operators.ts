/** Binary operators by how close they bind; `**` and `^` group from the right, all others from the left. */
export const BINARY: ReadonlyMap<string, number> = new Map([
  ["|", 0],
  ["or", 10],
  ["||", 10],
  ["and", 15],
  ["&&", 15],
  ["==", 20],
  ["!=", 20],
  ["<", 20],
  [">", 20],
  [">=", 20],
  ["<=", 20],
  ["in", 20],
  ["matches", 20],
  ["contains", 20],
  ["startsWith", 20],
  ["endsWith", 20],
  ["..", 25],
  ["+", 30],
  ["-", 30],
  ["*", 60],
  ["/", 60],
  ["%", 60],
  ["**", 100],
  ["^", 100],
  ["??", 500],
]);

export const UNARY: ReadonlyMap<string, number> = new Map([
  ["not", 50],
  ["!", 50],
  ["-", 90],
  ["+", 90],
]);

export const FROM_THE_RIGHT: ReadonlySet<string> = new Set(["**", "^"]);
/** May stand behind `not`. */
export const NEGATABLE: ReadonlySet<string> = new Set([
  "in",
  "matches",
  "contains",
  "startsWith",
  "endsWith",
]);
export const COMPARISONS: ReadonlySet<string> = new Set(["<", ">", "<=", ">="]);

/** Of a builtin that takes a predicate as its second argument: whether that may be missing, and whether a third may follow. */
export interface Predicated {
  readonly optional: boolean;
  readonly third: boolean;
}

export const PREDICATED: ReadonlyMap<string, Predicated> = new Map<string, Predicated>([
  ...[
    ...["all", "none", "any", "one", "filter", "map", "find", "findIndex", "findLast", "findLastIndex"],
    "groupBy",
  ].map((name): [string, Predicated] => [name, { optional: false, third: false }]),
  ["count", { optional: true, third: false }],
  ["sum", { optional: true, third: false }],
  ["sortBy", { optional: false, third: true }],
  ["reduce", { optional: false, third: true }],
]);
