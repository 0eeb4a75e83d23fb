import { directive, problem, type FreeLine, type Problem } from "../../src/directive/index.ts";
import type { Query } from "../../src/dns/query.ts";
import { compileExpression, type Program } from "../../src/expr/index.ts";
import { QUERY_FUNCTIONS } from "../../src/expr/query.ts";

function readExpression({ name, words }: FreeLine): Program<Query> | Problem {
  const source = words.map((word) => word.text).join(" ");
  const program = compileExpression(source, QUERY_FUNCTIONS);
  return "error" in program
    ? problem(`"${source}": ${program.error} (character ${program.column})`, words[0] ?? name)
    : program;
}

export const directiveTable = directive({
  doc: "Serves only queries that expressions are true of.",
  args: { name: { type: "text", doc: "The view's name, for metrics and metadata." } },
  options: {
    expr: {
      usage: "EXPRESSION",
      line: readExpression,
      repeat: "each",
      doc: "What must be true of a query; of several expressions, each.",
    },
  },
});
