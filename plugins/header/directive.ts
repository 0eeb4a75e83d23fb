import { directive, readWords, type FreeLine, type Problem } from "../../src/directive/index.ts";

export interface HeaderRule {
  readonly set: boolean;
  /** In the order written. */
  readonly flags: readonly ("aa" | "ra" | "rd")[];
}

function readRule({ name, words }: FreeLine): HeaderRule | Problem {
  const read = readWords(
    {
      action: { type: "word", of: ["set", "clear"], fold: true },
      flags: { type: "word[]", of: ["aa", "ra", "rd"], fold: true },
    },
    name,
    words,
  );
  return "code" in read ? read : { set: read.action === "set", flags: read.flags };
}

const rule = (doc: string) =>
  ({ usage: "set|clear aa|ra|rd...", line: readRule, repeat: "each", doc }) as const;

export const directiveTable = directive({
  doc: "Sets and clears flags of queries and answers.",
  repeat: "each",
  // CoreDNS looks at nothing behind the name.
  args: { ignored: { type: "text[]", atLeast: 0, doc: "Not looked at." } },
  fold: true,
  options: {
    query: rule("Flags of the query that the following plugins get."),
    response: rule("Flags of the answer that they give."),
  },
});
