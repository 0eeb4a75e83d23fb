import fc from "fast-check";
import t from "tap";
import { lex } from "../../src/corefile/lexer.ts";

const words = (text: string): string[] => lex(text, "f").map((token) => token.text);

t.test("words", (t) => {
  const cases: [text: string, wanted: string[], why: string][] = [
    [
      "a b\tc\u3000d\u00a0e\u2028f\u0085g\fh\vi",
      ["a", "b", "c", "d", "e", "f", "g", "h", "i"],
      "Unicode white space",
    ],
    ["a\ufeffb\u200bc", ["a\ufeffb\u200bc"], "what is no white space to Go"],
    ["\ufeff\ufeffa", ["\ufeffa"], "one byte order mark is dropped"],
    ["who\rami\r\n", ["whoami"], "a carriage return vanishes"],
    ["a # b c\nd", ["a", "d"], "a comment to the line's end"],
    ["a#b\nc", ["a", "c"], "a comment in a word"],
    ["a#b c # d", ["a", "c"], "such a comment ends where the word would"],
    ['"a b" "" c', ["a b", "", "c"], "quotes"],
    ['"a""b"', ["a", "b"], "quoted words need no space between"],
    ['v"1 2"', ['v"1', '2"'], "a quote inside a word is a character"],
    ['"a\\"b" "c\\\\" d', ['a"b', "c\\\\", "d"], "a backslash covers the quote only"],
    ['"a\\nb"', ["a\\nb"], "any other backslash stays"],
    ['"a # b"', ["a # b"], "no comment within quotes"],
    ['"a\rb"', ["a\rb"], "a carriage return within quotes stays"],
    ['x "a b\nc', ["x", "a b\nc"], "an open quote runs to the end"],
    ['x "', ["x"], "and is nothing if it is empty"],
    ['x "abc\\', ["x", "abc"], "a last backslash covers nothing"],
    ["{}{ a{", ["{}{", "a{"], "braces are parts of words"],
  ];
  for (const [text, wanted, why] of cases) t.same(words(text), wanted, why);
  t.end();
});

t.test("lines", (t) => {
  const lines = (text: string): number[] => lex(text, "f").map((token) => token.line);
  t.same(lines("a\nb c\n\n# x\nd"), [1, 2, 2, 5]);
  t.same(lines('a "b\nc" d\n"e\\\nf" g'), [1, 1, 2, 3, 4], "a quoted word's line is its first");
  t.end();
});

t.test("any word can be quoted, except one that ends in a backslash", (t) => {
  const word = fc.string({ unit: "binary" }).filter((text) => !/\\$|\\"/.test(text));
  fc.assert(
    fc.property(fc.array(word, { minLength: 1, maxLength: 5 }), (list) => {
      const text = list.map((each) => `"${each.replaceAll('"', '\\"')}"`).join(" ");
      t.same(words(text), list);
    }),
    { numRuns: 200 },
  );
  t.end();
});
