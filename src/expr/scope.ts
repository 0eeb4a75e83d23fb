import type { Node } from "./ast.ts";
import type { Code } from "./code.ts";
import { SyntaxProblem } from "./error.ts";
import type { Type } from "./types.ts";

/** A name of the environment: a function that is called with the context and its arguments, or a variable that is read from it. */
export type Binding<C> =
  | { readonly type: Type; readonly call: (context: C, args: readonly unknown[]) => unknown }
  | { readonly type: Type; readonly read: (context: C) => unknown };

export type Environment<C> = ReadonlyMap<string, Binding<C>>;

export interface Variable {
  readonly name: string;
  readonly type: Type;
  readonly slot: number;
}

/** What `#`, under the empty name, `#index` and `#acc` are. */
export type Pointers = ReadonlyMap<string, { readonly type: Type; readonly slot: number }>;

/** What is in sight while a tree becomes code. */
export interface Scope<C> {
  readonly environment: Environment<C>;
  /** Those declared with `let`, the innermost last. */
  readonly variables: Variable[];
  /** Of the predicates around, the innermost last. */
  readonly pointers: Pointers[];
  /** A place for a value that no other value has. */
  newSlot(): number;
  visit(node: Node): Code<C>;
}

export const refuse = (node: Node, text: string): never => {
  throw new SyntaxProblem(text, node.at);
};

/** Stands for the value of a chain that met nil. */
export const CUT: unique symbol = Symbol("cut");
