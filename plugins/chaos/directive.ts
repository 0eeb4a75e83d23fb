import { directive } from "../../src/directive/index.ts";

export const directiveTable = directive({
  doc: "Answers CH TXT queries about the server.",
  repeat: "first",
  args: {
    version: { type: "text", optional: true, doc: "What version.bind. says; default: the program's." },
    authors: { type: "text[]", atLeast: 0, doc: "What authors.bind. says." },
  },
  options: {},
});
