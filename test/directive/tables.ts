/** The tables of all plugins that there are. */
import { registry } from "../../plugins/index.ts";
import type { AnyDirective } from "../../src/directive/index.ts";

export const tables: Readonly<Record<string, AnyDirective>> = Object.fromEntries(
  await Promise.all(
    registry.order
      .filter(({ load }) => load !== undefined)
      .map(async ({ name, load }) => [name, (await load!()).directive] as const),
  ),
);
