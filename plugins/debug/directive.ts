import { directive } from "../../src/directive/index.ts";

export const directiveTable = directive({
  doc: "Prints debug lines, and ends the process where a plugin breaks.",
  repeat: "first",
  args: {},
  block: "ignored",
});
