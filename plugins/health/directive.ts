import { directive } from "../../src/directive/index.ts";

export const directiveTable = directive({
  doc: "Answers OK on /health over HTTP.",
  repeat: "merge",
  args: { address: { type: "hostport", default: ":8080" } },
  options: {
    lameduck: {
      type: "duration",
      default: "0s",
      doc: "At the end, how long everything goes on before the process stops.",
    },
  },
});
