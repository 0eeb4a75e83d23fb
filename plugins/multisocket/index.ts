import { availableParallelism } from "node:os";
import { definePlugin, type Plugin } from "../../src/plugin.ts";
import { directiveTable } from "./directive.ts";

/** Lets several threads receive from one address. */
export const multisocket: Plugin = definePlugin({
  name: "multisocket",
  directive: directiveTable,
  setup({ sockets }, { settings }) {
    settings.sockets = sockets ?? availableParallelism();
  },
});
