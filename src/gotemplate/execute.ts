/** Runs a parsed template over data. */
import { builtins, truth } from "./builtins.ts";
import { formatValue } from "./format.ts";
import { TemplateError } from "./lex.ts";
import { parseTemplate, type Command, type Node, type Operand, type Pipeline } from "./parse.ts";

export type TemplateFunction = (...args: unknown[]) => unknown;

/** A compiled template: text for data; throws a TemplateError where the data has not what is asked of it. */
export type Template = (data: unknown) => string;

/**
 * Compiles a template of Go's text/template. Objects are structs (an unknown field is an error), Maps are maps (an unknown key is
 * its zero value, the empty text), functions in fields are methods. Throws a TemplateError.
 */
export function compileTemplate(
  source: string,
  functions: Readonly<Record<string, TemplateFunction>> = {},
): Template {
  const known: Readonly<Record<string, TemplateFunction>> = { ...builtins, ...functions };
  const nodes = parseTemplate(source, new Set(Object.keys(known)));
  if (nodes.every((node) => node.kind === "text")) {
    const text = nodes.map((node) => (node as { text: string }).text).join("");
    return () => text;
  }
  return (data) => {
    const run: Run = { functions: known, out: "" };
    const scope: Scope = { values: new Map([["", data]]), outer: undefined };
    walk(nodes, run, data, scope);
    return run.out;
  };
}

interface Run {
  readonly functions: Readonly<Record<string, TemplateFunction>>;
  out: string;
}

interface Scope {
  readonly values: Map<string, unknown>;
  readonly outer: Scope | undefined;
}

type Signal = "break" | "continue" | undefined;

/** Turns of a loop, over all loops of one run: a template is no place to compute in. */
const MAX_OUTPUT = 1 << 20;

function walk(nodes: readonly Node[], run: Run, dot: unknown, scope: Scope): Signal {
  for (const node of nodes) {
    if (run.out.length > MAX_OUTPUT) throw new TemplateError("the output grows beyond 1 MiB");
    switch (node.kind) {
      case "text":
        run.out += node.text;
        break;
      case "action": {
        const value = evaluate(node.pipeline, run, dot, scope);
        if (node.pipeline.declares.length === 0) run.out += formatValue(value);
        break;
      }
      case "break":
      case "continue":
        return node.kind;
      default: {
        const signal = branch(node, run, dot, scope);
        if (signal !== undefined) return signal;
      }
    }
  }
  return undefined;
}

function branch(node: Extract<Node, { body: unknown }>, run: Run, dot: unknown, outer: Scope): Signal {
  const scope: Scope = { values: new Map(), outer };
  if (node.kind === "range") {
    loop(node, run, dot, scope);
    return undefined;
  }
  const value = evaluate(node.pipeline, run, dot, scope);
  if (!truth(value)) return walk(node.otherwise, run, dot, scope);
  return walk(node.body, run, node.kind === "with" ? value : dot, scope);
}

function loop(node: Extract<Node, { body: unknown }>, run: Run, dot: unknown, scope: Scope): void {
  const { declares } = node.pipeline;
  const entries = entriesOf(evaluate({ ...node.pipeline, declares: [] }, run, dot, scope));
  if (entries.length === 0) {
    walk(node.otherwise, run, dot, scope);
    return;
  }
  for (const [key, value] of entries) {
    const inner: Scope = { values: new Map(), outer: scope };
    if (declares.length === 1) inner.values.set(declares[0]!, value);
    if (declares.length >= 2) {
      inner.values.set(declares[0]!, key);
      inner.values.set(declares[1]!, value);
    }
    if (walk(node.body, run, value, inner) === "break") return;
  }
}

function entriesOf(value: unknown): (readonly [unknown, unknown])[] {
  if (value === null || value === undefined) return [];
  if (Array.isArray(value)) return value.map((each, i) => [i, each] as const);
  if (value instanceof Map) return [...(value as Map<string, unknown>)].sort(([a], [b]) => (a < b ? -1 : 1));
  if (typeof value === "number")
    return Array.from({ length: Math.min(value, 100_000) }, (_, i) => [i, i] as const);
  throw new TemplateError(`can't range over ${formatValue(value)}`);
}

function evaluate(pipeline: Pipeline, run: Run, dot: unknown, scope: Scope): unknown {
  let value: unknown;
  pipeline.commands.forEach((command, i) => {
    value = evaluateCommand(command, run, dot, scope, i === 0 ? [] : [value]);
  });
  for (const name of pipeline.declares) {
    const target = pipeline.assigns ? findScope(scope, name) : scope;
    target.values.set(name, value);
  }
  return value;
}

function evaluateCommand(
  { head, args }: Command,
  run: Run,
  dot: unknown,
  scope: Scope,
  piped: readonly unknown[],
): unknown {
  const given = (): unknown[] => [...args.map((arg) => valueOf(arg, run, dot, scope, [])), ...piped];
  if (head.base.kind === "function" && head.fields.length === 0) {
    // These two stop at the first argument that decides.
    if ((head.base.name === "and" || head.base.name === "or") && piped.length === 0)
      return shortCircuit(head.base.name, args, run, dot, scope);
    return run.functions[head.base.name]!(...given());
  }
  if (args.length + piped.length > 0 && head.fields.length === 0)
    throw new TemplateError("can't give an argument to what is no function");
  return valueOf(head, run, dot, scope, given());
}

function shortCircuit(
  name: "and" | "or",
  args: readonly Operand[],
  run: Run,
  dot: unknown,
  scope: Scope,
): unknown {
  let value: unknown;
  for (const arg of args) {
    value = valueOf(arg, run, dot, scope, []);
    if (truth(value) === (name === "or")) return value;
  }
  return value;
}

function valueOf(
  { base, fields }: Operand,
  run: Run,
  dot: unknown,
  scope: Scope,
  args: readonly unknown[],
): unknown {
  let value: unknown;
  switch (base.kind) {
    case "literal":
      value = base.value;
      break;
    case "dot":
      value = dot;
      break;
    case "variable":
      value = findScope(scope, base.name).values.get(base.name);
      break;
    case "function":
      value = run.functions[base.name]!();
      break;
    case "pipeline":
      value = evaluate(base.pipeline, run, dot, scope);
      break;
  }
  fields.forEach((field, i) => {
    value = fieldOf(value, field, i === fields.length - 1 ? args : []);
  });
  return value;
}

function fieldOf(value: unknown, field: string, args: readonly unknown[]): unknown {
  if (value === null || value === undefined) throw new TemplateError(`nil has no field ${field}`);
  if (value instanceof Map) return (value as Map<string, unknown>).get(field) ?? "";
  if (typeof value !== "object" || !(field in value))
    throw new TemplateError(`can't evaluate field ${field}`);
  const found = (value as Record<string, unknown>)[field];
  if (typeof found === "function") return (found as TemplateFunction).apply(value, [...args]);
  if (args.length > 0) throw new TemplateError(`${field} has arguments but is no method`);
  return found;
}

function findScope(scope: Scope, name: string): Scope {
  for (let at: Scope | undefined = scope; at !== undefined; at = at.outer) if (at.values.has(name)) return at;
  throw new TemplateError(`undefined variable "$${name}"`);
}
