import fc from "fast-check";
import t from "tap";
import {
  ANY,
  compileExpression,
  EvaluationError,
  functionType,
  isVariableName,
  TEXT,
  type Binding,
} from "../../src/expr/index.ts";

interface Context {
  readonly text: string;
}
const environment = new Map<string, Binding<Context>>([
  ["text", { type: TEXT, read: ({ text }) => text }],
  ["something", { type: ANY, read: () => new Map([["key", 1n]]) }],
  ["shout", { type: functionType([TEXT], TEXT), call: ({ text }, [word]) => `${text} ${String(word)}!` }],
]);

const problem = (source: string): string => {
  const program = compileExpression(source, environment);
  return "error" in program ? `${program.column}: ${program.error}` : "";
};

const value = (source: string, text = "abc"): unknown => {
  const program = compileExpression(source, environment);
  return "error" in program ? program : program.run({ text });
};

t.test("an environment has variables and functions", (t) => {
  t.equal(value("text + 'd'"), "abcd");
  t.equal(value("shout('x')", "say"), "say x!");
  t.equal(value("something.key + 1"), 2n);
  t.equal(value("something.none ?? 'nothing'"), "nothing");
  t.end();
});

t.test("a program runs again and again", (t) => {
  const program = compileExpression(
    "let a = text; map([1, 2], #index) | len() == 2 and a == text",
    environment,
  );
  if ("error" in program) return t.fail(program.error);
  for (const text of ["x", "y"]) t.equal(program.run({ text }), true);
  const many = compileExpression("len(1..900000) > 0", environment);
  if ("error" in many) return t.fail(many.error);
  t.equal(many.run({ text: "" }), true);
  t.equal(many.run({ text: "" }), true, "what one run makes is not counted against the next");
  t.end();
});

t.test("errors say what is wrong and where", (t) => {
  t.equal(problem("nosuch() == 1"), "1: nosuch is not known: there are shout, something, text");
  t.equal(problem("text == 1"), "6: a text == a whole number makes no sense");
  t.equal(problem("shout()"), "1: shout: it takes 1 argument: add 1");
  t.equal(problem("shout(1)"), "1: shout: argument 1 must be a text, not a whole number");
  t.equal(problem("(text"), "6: it ends too early");
  t.equal(problem("text )"), '6: ")" is unexpected');
  t.equal(problem("'abc"), "1: a text is not closed: a quote is missing");
  t.match(problem("text matches '('"), /^14: it is no regular expression of RE2's syntax: /);
  t.equal(problem("now().Hour() > 8"), "1: now is not built yet: there are no dates");
  t.end();
});

t.test("evaluation errors are values", (t) => {
  t.match(value("something.key + 'x'"), { message: "int + string makes no sense" });
  t.type(value("[1][5]"), EvaluationError);
  t.type(value("1..2000000000"), EvaluationError);
  t.type(value("int(text)"), EvaluationError);
  t.end();
});

t.test("depth and size are bounded", (t) => {
  t.match(problem("(".repeat(5000)), /more than 200 levels deep/);
  t.match(problem("not ".repeat(5000) + "true"), /more than 200 levels deep/);
  t.match(problem(Array(5000).fill("1").join("+")), /more than 2000 operators/);
  t.match(problem(`[${"1,".repeat(10_001)}]`), /more than 10000 parts/);
  t.equal(problem(`text in [${"'a',".repeat(9000)}]`), "");
  t.end();
});

t.test("names of variables", (t) => {
  for (const name of ["a", "_x1", "third"]) t.ok(isVariableName(name), name);
  for (const name of ["", "1a", "a b", "a.b", "not", "in", "true", "nil", "len", "filter", "$env", "let"])
    t.notOk(isVariableName(name), name);
  t.end();
});

t.test("nothing throws", (t) => {
  const words = fc.constantFrom(
    ...[
      "text",
      "something",
      "shout(",
      "(",
      ")",
      "[",
      "]",
      "{",
      "}",
      "#",
      ".",
      "?.",
      "??",
      "?",
      ":",
      "|",
      ",",
      ";",
    ],
    ...[
      "1",
      "2.5",
      "'a'",
      "nil",
      "true",
      "==",
      "<",
      "+",
      "-",
      "*",
      "/",
      "%",
      "**",
      "..",
      "not",
      "in",
      "and",
      "let",
    ],
    ...[
      "map(",
      "filter(",
      "len(",
      "get(",
      "sort(",
      "reduce(",
      "if",
      "else",
      "=",
      "x",
      "$env",
      "matches",
      " ",
    ],
  );
  fc.assert(
    fc.property(fc.array(words, { maxLength: 12 }), fc.string(), (parts, junk) => {
      for (const source of [parts.join(" "), parts.join(""), junk]) {
        const program = compileExpression(source, environment);
        if (!("error" in program)) program.run({ text: "abc" });
      }
    }),
    { numRuns: 3000 },
  );
  t.end();
});
