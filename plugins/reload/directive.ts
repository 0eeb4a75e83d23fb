import { directive, problem } from "../../src/directive/index.ts";

export const directiveTable = directive({
  doc: "Takes over a Corefile that has changed.",
  repeat: "first",
  args: {
    interval: { type: "duration", min: "2s", default: "30s", doc: "How often the Corefile is looked at." },
    jitter: {
      type: "duration",
      default: "15s",
      doc: "By how much the interval varies, to both sides; at most half of it.",
    },
  },
  block: "ignored",
  check: ({ jitter }) =>
    jitter !== 0 && jitter < 1000 ? problem("the jitter must be 0 or at least 1s") : undefined,
});
