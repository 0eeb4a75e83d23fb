/** Imports, snippets and the environment, where the recorded Corefiles do not say enough. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { parseCorefile, type Corefile, type CorefileInput, type Token } from "../../src/corefile/index.ts";
import { filesOf } from "../support/corefiles.ts";

const parse = (text: string, more: Partial<CorefileInput> = {}): Corefile =>
  parseCorefile({
    text,
    file: "Corefile",
    directives: new Set(["log", "errors", "whoami", "hosts"]),
    files: filesOf({}),
    cwd: "/case",
    ...more,
  });

/** `zones: directive words; ...` of each block, or the error's line. */
const shape = (corefile: Corefile): string[] | string =>
  corefile.error !== undefined
    ? corefile.error.message
    : corefile.blocks.map(
        ({ labels, lines }) => `${labels.join(" ")}: ${lines.map(({ tokens }) => textOf(tokens)).join("; ")}`,
      );

const textOf = (tokens: readonly Token[]): string => tokens.map(({ text }) => text).join(" ");

t.test("files of the file system", (t) => {
  const dir = t.testdir({
    Corefile: "import sites/*.conf",
    sites: {
      "b.conf": "b.example {\n log\n}\n",
      "a.conf": "a.example {\n import ../more\n}\n",
      ".c.conf": "c.example {\n}\n",
    },
    more: "errors\nwhoami\n",
  });
  const read = (text: string) =>
    shape(
      parseCorefile({ text, file: join(dir, "Corefile"), directives: new Set(["log", "errors", "whoami"]) }),
    );
  t.same(
    read("import sites/*.conf"),
    ["c.example: ", "a.example: errors; whoami", "b.example: log"],
    "sorted, hidden ones, too",
  );
  t.same(
    read("import s*s/?.conf"),
    ["a.example: errors; whoami", "b.example: log"],
    "a pattern for folders and one for files",
  );
  t.same(read(`x {\n import ${dir}/more\n}`), ["x: errors; whoami"], "an absolute path");
  mkdirSync(join(dir, "st*r"));
  writeFileSync(join(dir, "st*r/one"), "log\n");
  t.same(
    read("x {\n import st\\*r/o?e\n}"),
    ["x: log"],
    "a backslash takes the meaning from the next character",
  );
  t.match(read("x {\n import sites\n}"), /Corefile:2: can't import "sites": it is a directory/);
  t.end();
});

t.test("what is imported may go on outside", (t) => {
  const files = filesOf({ open: "log {", names: "a.example b.example", body: "{ whoami\n}" });
  t.same(shape(parse("x {\n import open\n class all\n }\n}", { files })), ["x: log { class all }"]);
  t.same(shape(parse("import names\n{\n whoami\n}", { files })), ["a.example b.example: whoami"]);
  t.match(
    shape(parse("x {\n errors import open\n}", { files })),
    ["x: errors import open"],
    "only at a line's start",
  );
  t.end();
});

t.test("snippets within snippets", (t) => {
  t.same(shape(parse("(a) {\n errors\n}\n(b) {\n import a\n log\n}\nx {\n import b\n whoami\n}")), [
    "x: errors; log; whoami",
  ]);
  t.match(
    shape(parse("(a) {\n log\n import b\n}\n(b) {\n import a\n}\nx {\n import b\n}")),
    /^Corefile:\d: more than 10000 imports of snippets/,
  );
  t.match(shape(parse("(a) {\n log {\n}\nx {\n}")), /^Corefile:5: snippet "a" is not closed/);
  t.match(shape(parse("(a)\nlog")), /^Corefile:2: snippet "a" needs \{ behind its name/);
  t.same(shape(parse("(a)")), ["(a): "], "a file that ends with the name has an odd zone");
  t.end();
});

t.test("imports that grow without an end come to one", (t) => {
  const files = filesOf({ me: "log\n".repeat(50) + "import me\n" });
  t.match(shape(parse("x {\n import me\n}", { files })), /imports (make|of files)/);
  t.end();
});

t.test("environment", (t) => {
  const env = {
    A: "one",
    B: "{$A}",
    Q: "two words",
    LOOP: "{$LOOP}x",
    TWICE: "{$TWICE}{$TWICE}",
    "A:1": "odd",
    $: "$&",
  };
  const words = (text: string): string[] | string => shape(parse(`x {\n log ${text}\n}`, { env }));
  t.same(words("{$A}{%A%}-{$B}"), ["x: log oneone-one"], "a value is looked through again");
  t.same(words('"{$Q}" {$Q}'), ["x: log two words two words"]);
  t.same(words("{$A:1} {$$}"), ["x: log odd $&"], "no defaults, and nothing is special in a value");
  t.same(words("{$} {$A {%} {%%} {$toString}"), ["x: log {$} {$A {%} {%%} "]);
  t.same(words("{$}{$A}"), ["x: log {$}{$A}"], "a reference without a name ends it for the word");
  t.match(words("{$LOOP}"), /^Corefile:2: "\{\$LOOP\}" refers to itself/);
  t.match(words("{$TWICE}"), /^Corefile:2: "\{\$TWICE\}" refers to itself/);
  t.end();
});

t.test("a line end in a value counts for the word behind it", (t) => {
  t.same(shape(parse("x {\n log {$V}\n whoami\n}", { env: { V: "a\nb" } })), ["x: log a\nb whoami"]);
  t.end();
});

t.test("an error is one line, whatever it quotes", (t) => {
  const messages = [
    `x {\n "lo\ng" \n}`,
    `x {\n ${"y".repeat(5000)}\n}`,
    'x {\n "a\u2028b\u200f"\n}',
    `${"z".repeat(70)}.${"z".repeat(200)} {\n}`,
  ].map((text) => shape(parse(text)));
  for (const message of messages) {
    t.match(message, /^Corefile:\d+: [^\n\u2028\u200f]+$/);
    t.ok(message.length < 200);
  }
  t.end();
});
