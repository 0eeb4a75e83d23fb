import { definePlugin, type Plugin } from "../../src/plugin.ts";
import { directiveTable } from "./directive.ts";

/** Lowers the size that clients say they can take, so that answers over UDP are not broken into fragments. */
export const bufsize: Plugin = definePlugin({
  name: "bufsize",
  directive: directiveTable,
  setup({ size }) {
    return {
      answer(query, next) {
        query.limitSize(size);
        return next(query);
      },
    };
  },
});
