import { directive } from "../../src/directive/index.ts";

export const directiveTable = directive({
  doc: "Bounds how long a query may take.",
  repeat: "last",
  args: { timeout: { type: "duration", min: "1ns", default: "5001ms", doc: "How long." } },
  block: "ignored",
});
