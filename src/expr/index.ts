/**
 * Expressions of https://expr-lang.org, the language of conditions in Corefiles (`view`, `template`): compiled once, types checked
 * as far as they are known, and then run for each query.
 *
 * The language as its definition has it at version 1.17, without dates, bytes and methods of values.
 */
import type { Frame } from "./code.ts";
import { compile, isBuiltin } from "./compile.ts";
import { EvaluationError, SyntaxProblem } from "./error.ts";
import { tokenize } from "./lexer.ts";
import { parse } from "./parse.ts";
import type { Environment } from "./scope.ts";
import type { Type } from "./types.ts";

export { EvaluationError } from "./error.ts";
export type { Binding, Environment } from "./scope.ts";
export { ANY, BOOL, functionType, INT, LIST, TEXT, type Type } from "./types.ts";
export { textOf } from "./values.ts";

/** An expression that is ready to run. */
export interface Program<C> {
  /** What is known of its value. */
  readonly type: Type;
  /** Its value for this context (see `values.ts` for what values are), or why it has none. Not to be called while it runs. */
  run(context: C): unknown;
}

/** Why an expression can't be compiled: one line, and the character where, counted from 1. */
export interface CompileError {
  readonly error: string;
  readonly column: number;
}

/** How many elements one evaluation may make. */
const BUDGET = 1_000_000;

/** Compiles `source`; `environment` has the names that it may use beside the language's own. Names of the environment hide builtins. */
export function compileExpression<C>(source: string, environment: Environment<C>): Program<C> | CompileError {
  try {
    const tree = parse(source, { isBuiltin: (name) => isBuiltin(name) && !environment.has(name) });
    const { code, slots } = compile(tree, environment);
    const frame = { slots: new Array<unknown>(slots).fill(null), budget: BUDGET } as unknown as Frame<C>;
    return {
      type: code.type,
      run(context) {
        frame.context = context;
        frame.budget = BUDGET;
        try {
          return code.run(frame);
        } catch (error) {
          if (error instanceof EvaluationError) return error;
          throw error;
        }
      },
    };
  } catch (error) {
    if (!(error instanceof SyntaxProblem)) throw error;
    return { error: error.message, column: error.column };
  }
}

/** Whether `text` could be a variable's name: no word of the language and no builtin. */
export function isVariableName(text: string): boolean {
  if (isBuiltin(text) || ["true", "false", "nil", "$env"].includes(text)) return false;
  try {
    const tokens = tokenize(text);
    return tokens.length === 2 && tokens[0]!.kind === "name" && tokens[0]!.text === text;
  } catch {
    return false;
  }
}
