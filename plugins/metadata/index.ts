import { definePlugin, type Plugin } from "../../src/plugin.ts";
import { directiveTable } from "./directive.ts";

/** Switches on that plugins of the block may ask one another about a query. */
export const metadata: Plugin = definePlugin({
  name: "metadata",
  directive: directiveTable,
  setup({ zones }, { settings }) {
    settings.metadata = zones;
  },
});
