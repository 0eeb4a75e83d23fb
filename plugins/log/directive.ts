import { directive, type FreeLine } from "../../src/directive/index.ts";
import { lower, parseName, ROOT, type Name } from "../../src/dns/name.ts";

export interface LogRule {
  /** What is no name is left out: no query can be below it. */
  readonly zones: readonly Name[];
  /** Undefined: the common format. */
  readonly format: string | undefined;
}

/** `[NAMES...] [FORMAT]`: a format has a brace in it and is never the only word. */
function readRule({ words }: FreeLine): LogRule {
  const last = words.length > 1 ? words.at(-1)!.text : "";
  const format = last.includes("{") ? last : undefined;
  const names = format === undefined ? words : words.slice(0, -1);
  if (names.length === 0) return { zones: [ROOT], format };
  const zones = names.flatMap(({ text }) => {
    const name = parseName(text);
    return name === undefined ? [] : [lower(name)];
  });
  return { zones, format };
}

export const directiveTable = directive({
  usage: "log [NAMES...] [FORMAT] { class all|success|denial|error... }",
  doc: "Prints a line for each query.",
  repeat: "each",
  rule: readRule,
  options: {
    class: {
      type: "word[]",
      of: ["all", "success", "denial", "error"],
      repeat: "join",
      doc: "Only queries with such answers; default all.",
    },
  },
});
