import { directive } from "../../src/directive/index.ts";

export const directiveTable = directive({
  doc: "Where relative names of files begin.",
  repeat: "last",
  args: { path: { type: "path" } },
});
