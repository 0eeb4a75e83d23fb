import { definePlugin, type Plugin } from "../../src/plugin.ts";
import { directiveTable } from "./directive.ts";

/** Lets a server block have only the queries that its expressions are true of. */
export const view: Plugin = definePlugin({
  name: "view",
  directive: directiveTable,
  setup({ name, expr }, { settings }) {
    settings.viewName = name;
    return {
      // Whatever is not true, an error too, is no match.
      accepts(query) {
        for (const program of expr) if (program.run(query) !== true) return false;
        return name !== "";
      },
      metadata: (_query, label) => (label === "view/name" ? name : undefined),
      answer: (query, next) => next(query),
    };
  },
});
