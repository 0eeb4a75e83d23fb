import { directive } from "../../src/directive/index.ts";

export const directiveTable = directive({
  doc: "Gives a small answer to queries of type ANY (RFC 8482).",
  repeat: "first",
});
