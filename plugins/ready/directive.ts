import { directive } from "../../src/directive/index.ts";

export const directiveTable = directive({
  doc: "Answers OK on /ready over HTTP when all plugins are ready.",
  args: { address: { type: "hostport", default: ":8181" } },
  options: {
    monitor: {
      type: "word",
      of: ["until-ready", "continuously"],
      default: "until-ready",
      doc: "Whether a plugin that was ready once is asked again.",
    },
  },
});
