import { directive } from "../../src/directive/index.ts";

export const directiveTable = directive({
  doc: "Receives on several sockets per address.",
  args: {
    sockets: {
      type: "integer",
      min: 1,
      max: 1024,
      optional: true,
      doc: "How many; default: as many as there are processors.",
    },
  },
});
