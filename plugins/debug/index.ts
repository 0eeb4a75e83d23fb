import { definePlugin, type Plugin } from "../../src/plugin.ts";
import { directiveTable } from "./directive.ts";

/** Switches debug lines on, and stops the process at an exception of a plugin. */
export const debug: Plugin = definePlugin({
  name: "debug",
  directive: directiveTable,
  setup(_options, { settings }) {
    settings.debug = true;
  },
});
