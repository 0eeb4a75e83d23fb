/** Expressions against what expr-lang itself makes of them. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import {
  BOOL,
  compileExpression,
  EvaluationError,
  functionType,
  INT,
  TEXT,
  textOf,
  type Binding,
  type Type,
} from "../../src/expr/index.ts";
import { QUERY_FUNCTIONS } from "../../src/expr/query.ts";
import { root } from "../support/paths.ts";

interface Recorded {
  readonly expr: string;
  readonly refused?: true;
  readonly fails?: true;
  readonly text?: string;
}

const recorded = readFileSync(join(root, "test/expr/data/recorded.jsonl"), "utf8")
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line) as Recorded);

const value = (type: Type, what: unknown): Binding<undefined> => ({
  type: functionType([], type),
  call: () => what,
});
const environment = new Map<string, Binding<undefined>>([
  ["type", value(TEXT, "A")],
  ["name", value(TEXT, "www.corp.example.")],
  ["class", value(TEXT, "IN")],
  ["proto", value(TEXT, "udp")],
  ["client_ip", value(TEXT, "127.0.0.2")],
  ["server_ip", value(TEXT, "127.0.0.1")],
  ["port", value(TEXT, "33333")],
  ["server_port", value(TEXT, "53")],
  ["size", value(INT, 34n)],
  ["id", value(INT, 777n)],
  ["opcode", value(INT, 0n)],
  ["bufsize", value(INT, 1232n)],
  ["do", value(BOOL, true)],
  ["metadata", { type: functionType([TEXT], TEXT), call: (_, [label]) => (label === "a/b" ? "c" : "") }],
  ["incidr", { ...(QUERY_FUNCTIONS.get("incidr") as unknown as Binding<undefined>) }],
]);

t.test("as recorded", (t) => {
  t.ok(recorded.length > 1700, `${recorded.length} expressions`);
  for (const { expr, refused, fails, text } of recorded) {
    const program = compileExpression(expr, environment);
    if ("error" in program) {
      if (refused !== true) t.fail(`refused: ${expr}: ${program.error}`);
      continue;
    }
    if (refused === true) {
      t.fail(`not refused: ${expr}`);
      continue;
    }
    const result = program.run(undefined);
    const outcome = result instanceof EvaluationError ? "fails" : textOf(result);
    const wanted = fails === true ? "fails" : text;
    if (outcome !== wanted) t.equal(outcome, wanted, expr);
  }
  t.end();
});
