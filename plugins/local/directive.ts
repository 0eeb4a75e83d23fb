import { directive } from "../../src/directive/index.ts";

export const directiveTable = directive({
  doc: "Answers for localhost, and for the reverse zones of addresses that mean this host.",
  repeat: "last",
  args: {},
  options: {
    localhost_prefix: {
      type: "word",
      of: ["on", "off"],
      default: "on",
      doc: "Whether names that begin with localhost. are answered, too.",
    },
  },
});
