import { LISTS } from "./lists.ts";
import { NUMBERS } from "./numbers.ts";
import type { Builtin } from "./signature.ts";
import { STRINGS } from "./strings.ts";

/** All builtins but those that take a predicate. */
export const FUNCTIONS: ReadonlyMap<string, Builtin> = new Map([...STRINGS, ...NUMBERS, ...LISTS]);
