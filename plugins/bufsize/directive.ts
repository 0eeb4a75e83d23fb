import { directive } from "../../src/directive/index.ts";

export const directiveTable = directive({
  doc: "Limits the size of answers over UDP.",
  repeat: "first",
  args: {
    size: {
      type: "integer",
      min: 512,
      max: 4096,
      default: 1232,
      doc: "Bytes that clients may ask for at most.",
    },
  },
  block: "ignored",
});
