import { directive, problem, type FreeLine, type Problem } from "../../src/directive/index.ts";

/** `[NAME] EXPRESSION`, the expression's words joined with spaces; it is compiled at set-up. */
export interface Expression {
  readonly name: string | undefined;
  readonly source: string;
}

function readVariable({ name, words: [variable, ...words] }: FreeLine): Expression | Problem {
  if (variable === undefined || words.length === 0)
    return problem("the line is var NAME EXPRESSION", name, "argument-count");
  if (!/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(variable.text)) {
    return problem(`"${variable.text}" is not a variable's name: write letters, digits and _`, variable);
  }
  return { name: variable.text, source: words.map((word) => word.text).join(" ") };
}

function readCondition({ name, words }: FreeLine): Expression | Problem {
  if (words.length === 0) return problem("the line is expr EXPRESSION", name, "argument-count");
  return { name: undefined, source: words.map((word) => word.text).join(" ") };
}

const records = (doc: string) => ({ type: "text[]", as: "RECORD", repeat: "join", doc }) as const;

export const directiveTable = directive({
  doc: "Makes answers from the query by a Go template.",
  repeat: "each",
  args: {
    class: { type: "qclass" },
    type: { type: "qtype" },
    zones: {
      type: "zone[]",
      default: "keys",
      doc: "The zones that it answers for; default: the server block's.",
    },
  },
  options: {
    match: {
      type: "regexp[]",
      repeat: "join",
      doc: "Expressions of which the query's name must match one; default: any name.",
    },
    var: {
      usage: "NAME EXPRESSION",
      line: readVariable,
      repeat: "each",
      doc: "A variable for what follows.",
    },
    expr: { usage: "EXPRESSION", line: readCondition, repeat: "each", doc: "What must be true of a query." },
    answer: records("A record of the answer, in the form of a zone file."),
    additional: records("A record of the additional section."),
    authority: records("A record of the authority section."),
    rcode: { loose: true, type: "rcode", default: "NOERROR", doc: "The answer's code." },
    ederror: {
      args: {
        code: { type: "integer", unsigned: true, max: 65535 },
        reason: { type: "text", optional: true },
      },
      doc: "An Extended DNS Error (RFC 8914) goes with the answer.",
    },
    fallthrough: {
      type: "zone[]",
      ifEmpty: ["."],
      doc: "Names of these zones, or all, that match nothing are left to the next template or plugin.",
    },
    upstream: { ignored: true },
  },
});
