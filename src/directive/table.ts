import type { ServerBlock } from "../corefile/index.ts";
import { lower, parseName, type Name } from "../dns/name.ts";
import type { ArgsSpec, DirectiveTable, Options, OptionsSpec, Repeat } from "./spec.ts";

declare const optionsType: unique symbol;

/** A table whatever it declares: for lists of plugins. */
export type AnyDirective = Omit<DirectiveTable, "check"> & {
  // A method, whose parameter is compared both ways: so a table with a precise `check` may stand in such a list.
  check?(options: never, at: never): unknown;
};

/** A table that carries the type of what it makes. */
export type Directive<X> = AnyDirective & { readonly [optionsType]: X };

type Part<D, K extends string, Otherwise> = D extends { readonly [P in K]: infer V } ? V : Otherwise;
type Result<F> = F extends (...args: never[]) => infer V ? V : never;

/** What the set-up of the plugin with table `D` gets. */
export type OptionsOf<D> = D extends { readonly [optionsType]: infer X }
  ? X
  : Options<
      Part<D, "args", Record<never, never>>,
      Part<D, "options", Record<never, never>>,
      Result<Part<D, "line", never>>,
      Result<Part<D, "rule", never>>,
      Part<D, "repeat", never>
    >;

/** The table as given, with its types kept: for tables in a file of their own, and for those with a `check`. */
export const directive = <
  const A extends ArgsSpec,
  const O extends OptionsSpec,
  L = never,
  T = never,
  const R extends Repeat = never,
>(
  table: DirectiveTable<A, O, L, T, R>,
): Directive<Options<A, O, L, T, R>> => table as unknown as Directive<Options<A, O, L, T, R>>;

/** The zones of a block's keys as names, in order; a key that is no possible name of the DNS is left out. */
export const zonesOf = (block: ServerBlock): Name[] =>
  block.keys.flatMap((key) => {
    const name = parseName(key.zone);
    return name === undefined ? [] : [lower(name)];
  });
