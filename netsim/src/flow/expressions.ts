/** Regular expressions in filters, and where an error in one is. */
import { RE2JS } from "re2js";
import { FilterError } from "./patterns.ts";

/** Runs `make`; what it throws says of which filter it speaks. */
export function inside<T>(what: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    throw new FilterError(`invalid ${what} filter: ${(error as Error).message}`);
  }
}

/** RE2, as everywhere in Hubble. Throws FilterError. */
export function regex(text: string): RE2JS {
  try {
    return RE2JS.compile(text);
  } catch (error) {
    throw new FilterError(`${text}: ${(error as Error).message}`);
  }
}
