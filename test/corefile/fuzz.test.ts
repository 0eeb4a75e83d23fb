/** No text is too odd: there are blocks or an error of one line, never an exception. */
import fc from "fast-check";
import t from "tap";
import { parseCorefile, tokensOf } from "../../src/corefile/index.ts";
import { parseDirective, zonesOf } from "../../src/directive/index.ts";
import { tables } from "../directive/tables.ts";
import { decoded, filesOf, recorded } from "../support/corefiles.ts";
import { directives } from "../support/directives.ts";

const files = filesOf({ "part.conf": "errors\nlog {\n", "me.conf": "log\nimport me.conf\n" });
const pieces = [
  "{",
  "}",
  "{\n",
  "}\n",
  "\n",
  '"',
  "\\",
  "#",
  "import part.conf\n",
  "import s\n",
  "(s) {\n",
  "{$A}",
  "{%",
  "\r",
  "\u2028",
  ",",
  ":",
  "//",
  "0/9",
];
const sources = recorded.map(({ corefile }) => decoded(corefile)).filter((text) => text.length < 600);

const mutated = fc
  .tuple(
    fc.constantFrom(...sources),
    fc.array(fc.tuple(fc.nat(600), fc.constantFrom(...pieces), fc.nat(4)), { maxLength: 4 }),
  )
  .map(([text, edits]) =>
    edits.reduce((done, [at, piece, gone]) => done.slice(0, at) + piece + done.slice(at + gone), text),
  );

t.test("mutated Corefiles", (t) => {
  let read = 0;
  fc.assert(
    fc.property(mutated, (text) => {
      const corefile = parseCorefile({
        text,
        file: "Corefile",
        directives: new Set(directives),
        env: { A: "{$B}", B: "x" },
        files,
        cwd: "/case",
      });
      const errors = corefile.error === undefined ? [] : [corefile.error];
      for (const block of corefile.error === undefined ? corefile.blocks : []) {
        for (const [name, table] of Object.entries(tables)) {
          const tokens = tokensOf(block, name);
          const parsed =
            tokens.length === 0 ? undefined : parseDirective(name, table, tokens, { zones: zonesOf(block) });
          if (parsed?.error !== undefined) errors.push(parsed.error);
          else if (parsed !== undefined) read++;
        }
      }
      for (const { message, file, line } of errors) {
        if (!/^[^\n\r]+$/.test(message) || !message.startsWith(`${file}:${line}: `))
          t.fail(JSON.stringify(message));
      }
    }),
    { numRuns: 2000 },
  );
  t.ok(read > 200, `${read} directives were read`);
  t.end();
});

t.test("random text", (t) => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 200 }), (text) => {
      const corefile = parseCorefile({
        text,
        file: "Corefile",
        directives: new Set(directives),
        files,
        cwd: "/case",
      });
      return corefile.error === undefined ? corefile.blocks.length > 0 : corefile.error.line > 0;
    }),
    { numRuns: 500 },
  );
  t.end();
});
