import { QUERY_TIME } from "../../src/capabilities.ts";
import { definePlugin, type Plugin } from "../../src/plugin.ts";
import { directiveTable } from "./directive.ts";

/** Tells plugins that wait for others how long a query may take. */
export const cancel: Plugin = definePlugin({
  name: "cancel",
  directive: directiveTable,
  setup({ timeout }, { provide }) {
    provide(QUERY_TIME, timeout);
  },
});
