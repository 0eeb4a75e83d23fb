import { directive } from "../../src/directive/index.ts";

export const directiveTable = directive({
  doc: "Prints what went wrong with queries.",
  args: {
    target: { type: "word", of: ["stdout"], optional: true, doc: "Where to; there is but one place." },
  },
  options: {
    stacktrace: { type: "flag", loose: true, doc: "The stack of a plugin that broke is printed, too." },
    consolidate: {
      args: {
        period: { type: "duration" },
        pattern: { type: "regexp" },
        level: {
          type: "word",
          of: ["warning", "error", "info", "debug"],
          like: /^(warning|error|info|debug)$/,
        },
        show_first: { type: "word", of: ["show_first"], like: /^show_first$/ },
      },
      repeat: "each",
      doc: "Errors that match are counted, and the count is printed at the period's end; the first that matches decides.",
    },
  },
});
