import { directive } from "../../src/directive/index.ts";

const number = { type: "integer", min: 0, max: 2 ** 31 - 1 } as const;
const amount = { ...number, default: 2 } as const;

export const directiveTable = directive({
  doc: "Answers badly: for tests of clients.",
  repeat: "merge",
  args: { ignored: { type: "text[]", atLeast: 0, doc: "Not looked at." } },
  options: {
    drop: {
      args: { amount: { ...number, optional: true } },
      doc: "Drops the first of every AMOUNT queries; 0: none.",
    },
    delay: {
      args: { amount, duration: { type: "duration", default: "100ms" } },
      doc: "Answers the first of every AMOUNT queries so much later.",
    },
    truncate: {
      args: { amount },
      doc: "Sets TC where the query's number and AMOUNT have no bit in common.",
    },
    large: { type: "flag", doc: "Gives 30 equal records instead of one." },
  },
});
