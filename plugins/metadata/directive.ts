import { directive } from "../../src/directive/index.ts";

export const directiveTable = directive({
  doc: "Lets plugins ask what other plugins know of a query.",
  args: {
    zones: { type: "zone[]", default: "keys", doc: "Of queries for these names, and those below them." },
  },
  options: {},
});
