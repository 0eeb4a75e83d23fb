/**
 * What is known of a value before anything runs. `text` is what Go would call the type: two types are the same where their texts
 * are, so `[]string` of `split` and `[]interface {}` of a literal stay apart, while `elem` remembers what a literal holds.
 */
export interface Type {
  readonly kind: "unknown" | "nil" | "bool" | "int" | "float" | "text" | "array" | "map" | "function";
  readonly text: string;
  readonly elem?: Type;
  readonly key?: Type;
  readonly params?: readonly Type[];
  readonly result?: Type;
}

/** Nothing is known: what a variable of no particular type is, or the outcome of mixed branches. */
export const UNKNOWN: Type = { kind: "unknown", text: "unknown" };
/** Anything, by declaration. */
export const ANY: Type = { kind: "unknown", text: "interface {}" };
export const NIL: Type = { kind: "nil", text: "nil" };
export const BOOL: Type = { kind: "bool", text: "bool" };
export const INT: Type = { kind: "int", text: "int" };
export const FLOAT: Type = { kind: "float", text: "float64" };
export const TEXT: Type = { kind: "text", text: "string" };

/** A list that may hold anything and of whose elements `elem` is known. */
export const listOf = (elem: Type): Type => ({ kind: "array", text: "[]interface {}", elem });
export const LIST: Type = listOf(ANY);
export const TEXTS: Type = { kind: "array", text: "[]string", elem: TEXT };

export const MAP: Type = { kind: "map", text: "map[string]interface {}", key: TEXT, elem: ANY };
export const ANY_MAP: Type = { kind: "map", text: "map[interface {}]interface {}", key: ANY, elem: ANY };
export const groupsOf = (elem: Type): Type => ({
  kind: "map",
  text: "map[interface {}][]interface {}",
  key: ANY,
  elem: listOf(elem),
});

export const functionType = (params: readonly Type[], result: Type): Type => ({
  kind: "function",
  text: `func(${params.map(({ text }) => text).join(", ")}) ${result.text}`,
  params,
  result,
});

export const isUnknown = (type: Type): boolean => type.kind === "unknown";
export const isNumber = (type: Type): boolean => type.kind === "int" || type.kind === "float";

/** Whether a value of type `from` may stand where `to` is asked for. */
export function isAssignable(from: Type, to: Type): boolean {
  if (to === ANY) return true;
  if (from.kind === "nil") return to.kind === "array" || to.kind === "map" || to.kind === "function";
  return from.text === to.text && from !== UNKNOWN;
}

export const isComparable = (a: Type, b: Type): boolean =>
  isUnknown(a) ||
  isUnknown(b) ||
  a.kind === "nil" ||
  b.kind === "nil" ||
  (isNumber(a) && isNumber(b)) ||
  (a.kind === "array" && b.kind === "array") ||
  isAssignable(a, b);

/** Whether nothing speaks against both being of one of these kinds: one is unknown, and so is the other, or it is of one of them. */
export function mayBe(a: Type, b: Type, ...kinds: readonly Type["kind"][]): boolean {
  if (isUnknown(a)) return isUnknown(b) || kinds.includes(b.kind);
  return isUnknown(b) && kinds.includes(a.kind);
}

/** Whether both are of one of these kinds. */
export const areBoth = (a: Type, b: Type, kind: Type["kind"]): boolean => a.kind === kind && b.kind === kind;
