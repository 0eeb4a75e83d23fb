import { directive } from "../../src/directive/index.ts";

export const directiveTable = directive({
  doc: "Tells clients that ask which server it is.",
  args: { data: { type: "text[]", atLeast: 0, doc: "What it is called; default: the host's name." } },
  options: {},
});
