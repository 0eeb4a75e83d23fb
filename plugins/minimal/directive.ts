import { directive } from "../../src/directive/index.ts";

export const directiveTable = directive({
  doc: "Leaves out of answers what was not asked for.",
  repeat: "first",
  args: {},
  block: "ignored",
});
