/** Builtins that look at each element of a list. */
import { spend } from "./binary.ts";
import type { Code, Frame, Run } from "./code.ts";
import { fail } from "./error.ts";
import { isDescending, sortBy } from "./lists.ts";
import { BOOL, groupsOf, INT, isUnknown, LIST, listOf, UNKNOWN, type Type } from "./types.ts";
import { add, asBool, asList } from "./values.ts";

/** What a predicate is run with: an element at a time. */
export interface Each<C> {
  readonly code: Code<C>;
  /** Places of `#`, `#index` and `#acc`. */
  readonly item: number;
  readonly index: number;
  readonly acc: number;
}

/** Those whose predicate must say true or false. */
const TESTS: ReadonlySet<string> = new Set([
  ...["all", "any", "one", "none", "filter", "find", "findIndex", "findLast", "findLastIndex", "count"],
]);

export const needsTest = (name: string): boolean => TESTS.has(name);

/** The type of the result; `made`: of the predicate, where there is one. */
export function predicateType(name: string, list: Type, made: Type | undefined): Type {
  const elem = isUnknown(list) ? UNKNOWN : list.elem!;
  switch (name) {
    case "filter":
      return isUnknown(list) ? LIST : listOf(elem);
    case "map":
      return listOf(made!);
    case "find":
    case "findLast":
      return elem;
    case "findIndex":
    case "findLastIndex":
    case "count":
      return INT;
    case "sum":
      return made ?? elem;
    case "groupBy":
      return groupsOf(elem);
    case "sortBy":
      return list;
    case "reduce":
      return made!;
    default:
      return BOOL;
  }
}

/** `third`: the order of sortBy, or where reduce begins. */
export function predicateRun<C>(
  name: string,
  list: Run<C>,
  each: Each<C> | undefined,
  third: Run<C> | undefined,
): Run<C> {
  const at = (frame: Frame<C>, items: readonly unknown[], i: number): unknown => {
    if (each === undefined) return items[i];
    frame.slots[each.item] = items[i];
    frame.slots[each.index] = BigInt(i);
    return each.code.run(frame);
  };
  /** The first place, from the front or the back, where the predicate says `wanted`; -1 where there is none. */
  const find = (frame: Frame<C>, items: readonly unknown[], wanted: boolean, fromBack = false): number => {
    for (let n = 0; n < items.length; n++) {
      const i = fromBack ? items.length - 1 - n : n;
      if (asBool(at(frame, items, i)) === wanted) return i;
    }
    return -1;
  };
  const found = (frame: Frame<C>, items: readonly unknown[]): unknown[] =>
    items.filter((_, i) => asBool(at(frame, items, i)));
  const mapped = (frame: Frame<C>, items: readonly unknown[]): unknown[] => {
    spend(frame, items.length);
    return items.map((_, i) => at(frame, items, i));
  };

  const run = (frame: Frame<C>, items: readonly unknown[]): unknown => {
    switch (name) {
      case "all":
        return find(frame, items, false) < 0;
      case "any":
        return find(frame, items, true) >= 0;
      case "none":
        return find(frame, items, true) < 0;
      case "one":
        return found(frame, items).length === 1;
      case "filter":
        spend(frame, items.length);
        return found(frame, items);
      case "count":
        return BigInt(found(frame, items).length);
      case "map":
        return mapped(frame, items);
      case "find":
      case "findLast":
        return items[find(frame, items, true, name === "findLast")] ?? null;
      case "findIndex":
      case "findLastIndex": {
        const i = find(frame, items, true, name === "findLastIndex");
        return i < 0 ? null : BigInt(i);
      }
      case "sum":
        return items.reduce((sum: unknown, _, i) => add(sum, at(frame, items, i)), 0n);
      case "groupBy":
        return groups(items, mapped(frame, items));
      case "sortBy":
        return sortBy(items, mapped(frame, items), third !== undefined && isDescending(third(frame)));
      default:
        return reduce(frame, items);
    }
  };

  const reduce = (frame: Frame<C>, items: readonly unknown[]): unknown => {
    if (items.length === 0 && third === undefined)
      return fail("reduce of an empty array needs a third argument");
    let acc = third === undefined ? items[0] : third(frame);
    for (let i = third === undefined ? 1 : 0; i < items.length; i++) {
      frame.slots[each!.acc] = acc;
      acc = at(frame, items, i);
    }
    return acc;
  };

  return (frame) => run(frame, asList(list(frame)));
}

function groups(items: readonly unknown[], keys: readonly unknown[]): Map<unknown, unknown[]> {
  const found = new Map<unknown, unknown[]>();
  for (const [i, key] of keys.entries()) {
    const group = found.get(key);
    if (group === undefined) found.set(key, [items[i]]);
    else group.push(items[i]);
  }
  return found;
}
