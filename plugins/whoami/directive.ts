import { directive } from "../../src/directive/index.ts";

export const directiveTable = directive({
  doc: "Tells the client its address, port and transport.",
  repeat: "first",
});
