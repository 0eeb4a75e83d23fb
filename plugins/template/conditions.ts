/** `var` and `expr` lines: what must be true of a query beside its name. */
import type { Query } from "../../src/dns/query.ts";
import { SetupError } from "../../src/plugin.ts";
import type { TemplateData } from "./data.ts";
import type { Expression } from "./directive.ts";

/** Sets the variables and says whether all conditions hold; "failed" where an expression could not be evaluated. */
export type Conditions = (query: Query, data: TemplateData) => boolean | "failed";

export function compileConditions(
  variables: readonly Expression[],
  conditions: readonly Expression[],
): Conditions {
  const [first] = [...variables, ...conditions];
  if (first !== undefined)
    throw new SetupError(`expr and var are not built yet: leave out "${first.source}"`);
  return () => true;
}
