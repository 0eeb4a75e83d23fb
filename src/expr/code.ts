import type { Type } from "./types.ts";

/** What an evaluation has at hand. */
export interface Frame<C> {
  /** What the environment's functions read: a query. */
  context: C;
  /** Values of variables and of predicates' elements, each at a place of its own. */
  readonly slots: unknown[];
  /** How many elements may still be made. */
  budget: number;
}

export type Run<C> = (frame: Frame<C>) => unknown;

/** A part of an expression, checked and ready to run. */
export interface Code<C> {
  readonly type: Type;
  readonly run: Run<C>;
  /** Its value, where that is known before it runs. */
  readonly constant?: { readonly value: unknown };
}
