/** `key=value` as Helm's --set reads it, and values.yaml: both to one tree. */
import { fields, type Fields } from "./fields.ts";

type Tree = Record<string, unknown>;

/** Splits at commas that are neither escaped nor in braces. */
const assignments = (text: string): string[] => text.match(/(?:\\.|\{[^}]*\}|[^,\\])+/g) ?? [];

/** `a.b[0].c`: keys and indices; a dot in a key is written `\.`. */
function pathOf(key: string): (string | number)[] {
  return (key.match(/(?:\\.|[^.\\])+/g) ?? []).flatMap((part) => {
    const [name = "", ...indices] = part.replace(/\\(.)/g, "$1").split("[");
    return [...(name === "" ? [] : [name]), ...indices.map((i) => Number.parseInt(i, 10))];
  });
}

/** Helm's types: true, false, null, whole numbers; `{a,b}` is a list; all else text. */
function valueOf(text: string): unknown {
  if (text === "true" || text === "false") return text === "true";
  if (text === "null") return null;
  if (/^-?(0|[1-9]\d{0,14})$/.test(text)) return Number(text);
  if (text.startsWith("{") && text.endsWith("}"))
    return text === "{}"
      ? []
      : text
          .slice(1, -1)
          .split(",")
          .map((part) => valueOf(part.trim()));
  return text.replace(/\\(.)/g, "$1");
}

const UNSAFE = new Set(["__proto__", "constructor", "prototype"]);
const MAX_INDEX = 1000;

/** The tree of `values` with each of `sets` put in; a text that is no assignment comes back in `wrong`. */
export function settingsOf(values: unknown, sets: readonly string[]): { tree: Fields; wrong: string[] } {
  const tree = structuredClone(fields(values)) as Tree;
  const wrong: string[] = [];
  for (const assignment of sets.flatMap(assignments)) {
    const equals = assignment.indexOf("=");
    const path = pathOf(assignment.slice(0, Math.max(0, equals)).trim());
    const bad = path.some((p) => (typeof p === "number" ? !(p >= 0 && p < MAX_INDEX) : UNSAFE.has(p)));
    if (equals < 1 || path.length === 0 || typeof path[0] === "number" || bad) wrong.push(assignment);
    else put(tree, path, valueOf(assignment.slice(equals + 1).trim()));
  }
  return { tree, wrong };
}

function put(tree: Tree, path: readonly (string | number)[], value: unknown): void {
  let at = tree as Record<string | number, unknown>;
  for (const [i, key] of path.slice(0, -1).entries()) {
    const next = at[key];
    const wanted = typeof path[i + 1] === "number";
    if (typeof next !== "object" || next === null || Array.isArray(next) !== wanted)
      at[key] = wanted ? [] : {};
    at = at[key] as Record<string | number, unknown>;
  }
  at[path.at(-1)!] = value;
}

/** The value at `a.b.c` of a tree. */
export function at(tree: Fields, path: string): unknown {
  let value: unknown = tree;
  for (const key of path.split(".")) value = fields(value)[key];
  return value;
}
