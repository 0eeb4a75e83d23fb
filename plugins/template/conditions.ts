/** `var` and `expr` lines: what must be true of a query beside its name. */
import type { Query } from "../../src/dns/query.ts";
import {
  ANY,
  compileExpression,
  EvaluationError,
  functionType,
  isVariableName,
  LIST,
  TEXT,
  type Binding,
  type Program,
  type Type,
} from "../../src/expr/index.ts";
import { QUERY_FUNCTIONS } from "../../src/expr/query.ts";
import { SetupError } from "../../src/plugin.ts";
import type { TemplateData } from "./data.ts";
import type { Expression } from "./directive.ts";

/** Sets the variables and says whether all conditions hold; "failed" where an expression could not be evaluated. */
export type Conditions = (query: Query, data: TemplateData) => boolean | "failed";

/** What expressions read: the query, its data, and the values of the variables so far. */
interface Matched {
  readonly query: Query;
  readonly data: TemplateData;
  readonly values: Map<string, unknown>;
}

type Names = Map<string, Binding<Matched>>;

export function compileConditions(
  variables: readonly Expression[],
  conditions: readonly Expression[],
): Conditions {
  if (variables.length + conditions.length === 0) return () => true;
  const names = environment();
  const vars = variables.map(({ name, source }) => {
    if (names.has(name!) || !isVariableName(name!))
      throw new SetupError(`var: the name "${name}" is taken: choose another`);
    const program = compile("var", source, names);
    names.set(name!, { type: declared(program.type), read: ({ values }) => values.get(name!) });
    return { name: name!, program };
  });
  const tests = conditions.map(({ source }) => compile("expr", source, names));

  return (query, data) => {
    const matched: Matched = { query, data, values: new Map() };
    for (const { name, program } of vars) {
      const value = program.run(matched);
      if (value instanceof EvaluationError) return "failed";
      matched.values.set(name, value);
      data.Var.set(name, forTemplate(value));
    }
    for (const program of tests) {
      const value = program.run(matched);
      if (value instanceof EvaluationError) return "failed";
      if (value !== true) return false;
    }
    return true;
  };
}

/** The functions on a query, and `group(NAME)` or `group(N)`: a group of the expression that the name matched. */
function environment(): Names {
  const names: Names = new Map();
  for (const [name, binding] of QUERY_FUNCTIONS) {
    if ("call" in binding)
      names.set(name, { type: binding.type, call: ({ query }, args) => binding.call(query, args) });
  }
  return names.set("group", {
    type: functionType([ANY], TEXT),
    call: ({ data }, [group]) =>
      typeof group === "string" || typeof group === "bigint" ? (data.Group.get(String(group)) ?? "") : "",
  });
}

function compile(option: string, source: string, names: Names): Program<Matched> {
  const program = compileExpression(source, names);
  if ("error" in program)
    throw new SetupError(`${option}: "${source}": ${program.error} (character ${program.column})`);
  return program;
}

/** What a later expression knows of a variable: that a list is one, not what is in it. */
const declared = ({ kind, text, ...rest }: Type): Type =>
  kind === "unknown" || kind === "nil" ? ANY : text === LIST.text ? LIST : { kind, text, ...rest };

/** Values as templates have them, whose whole numbers are numbers where they can be. */
function forTemplate(value: unknown): unknown {
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  if (Array.isArray(value)) return value.map(forTemplate);
  if (value instanceof Map)
    return new Map([...(value as Map<unknown, unknown>)].map(([key, each]) => [key, forTemplate(each)]));
  return value;
}
