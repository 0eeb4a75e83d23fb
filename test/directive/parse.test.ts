/** The engine: how words become options, and what is said where they can't. */
import t from "tap";
import { parseCorefile, tokensOf } from "../../src/corefile/index.ts";
import {
  directive,
  parseDirective,
  problem,
  usage,
  zonesOf,
  type AnyDirective,
  type OptionsOf,
} from "../../src/directive/index.ts";
import { nameOf } from "../../src/dns/name.ts";

/** What the lines of a block `shop.test 10.0.0.0/23` say by `table`: the options, or the error without its file. */
function read<D extends AnyDirective>(table: D, lines: string): OptionsOf<D> | string {
  const corefile = parseCorefile({
    text: `shop.test 10.0.0.0/23 {\n${lines}\n}\n`,
    file: "Corefile",
    directives: new Set(["d"]),
  });
  if (corefile.error !== undefined) return corefile.error.message;
  const [block] = corefile.blocks;
  const parsed = parseDirective("d", table, tokensOf(block!, "d"), { zones: zonesOf(block!) });
  return parsed.error === undefined ? parsed.options : parsed.error.message.replace("Corefile:", "");
}

const warnings = (table: AnyDirective, lines: string): readonly string[] => {
  const corefile = parseCorefile({
    text: `x {\n${lines}\n}\n`,
    file: "Corefile",
    directives: new Set(["d"]),
  });
  const parsed = parseDirective(
    "d",
    table,
    corefile.error === undefined ? tokensOf(corefile.blocks[0]!, "d") : [],
    { zones: [] },
  );
  return parsed.error === undefined ? parsed.warnings : [];
};

t.test("arguments", (t) => {
  const table = directive({
    args: {
      ttl: { type: "seconds", like: /^\d+$/ },
      zones: { type: "zone[]", default: "keys" },
      file: { type: "path" },
    },
  });
  const keys = ["shop.test", "0.0.10.in-addr.arpa", "1.0.10.in-addr.arpa"].map(nameOf);
  t.match(
    read(table, "d f"),
    { ttl: undefined, zones: keys, file: "f" },
    "zones of the keys, CIDRs written out",
  );
  t.match(read(table, "d 5 A.Example f"), { ttl: 5, zones: [nameOf("a.example")], file: "f" });
  t.match(
    read(table, "d a.example 10.2.0.0/15 ..bad f"),
    { zones: ["a.example", "2.10.in-addr.arpa", "3.10.in-addr.arpa"].map(nameOf) },
    "what is no zone is left out",
  );
  t.equal(read(table, "d"), "2: d: something is missing behind d: the line is d [TTL] [ZONES...] FILE");
  const two = directive({ args: { from: { type: "text" }, to: { type: "text", optional: true } } });
  t.match(read(two, "d a"), { from: "a", to: undefined });
  t.equal(read(two, 'd a b "c"'), '2: d: "c" is too much: the line is d FROM [TO]');
  t.equal(read(two, "d a b {\n x\n }"), "2: d: it has no block: leave out the braces and what is in them");
  t.equal(read(directive({}), "d x"), '2: d: "x" is too much: d takes nothing behind it');
  t.end();
});

t.test("options", (t) => {
  const table = directive({
    options: {
      on: { type: "flag" },
      count: { type: "integer", min: 1, max: 5, default: 2 },
      mode: { type: "word", of: ["Fast", "slow"], fold: true },
      names: { type: "name[]", repeat: "join" },
      through: { type: "zone[]", ifEmpty: ["."] },
      files: { type: "path[]", atLeast: 0, atMost: 2 },
      size: {
        args: { capacity: { type: "integer" }, ttl: { type: "seconds", optional: true } },
        surplus: "ignored",
        default: ["9"],
      },
      each: { type: "duration", repeat: "each" },
      one: { type: "text", repeat: "once" },
      later: { notYet: true },
      never: { ignored: true },
      percent: {
        type: "custom",
        takes: "a percentage",
        parse: (word) => (word.endsWith("%") ? parseInt(word) : problem(`"${word}" lacks a %`)),
      },
    },
  });
  const block = (...lines: string[]): ReturnType<typeof read<typeof table>> =>
    read(table, `d {\n${lines.join("\n")}\n}`);
  t.match(read(table, "d"), {
    on: false,
    count: 2,
    mode: undefined,
    names: [],
    through: undefined,
    files: undefined,
    size: { capacity: 9, ttl: undefined },
    each: [],
    at: { file: "Corefile", line: 2 },
  });
  t.match(
    block(
      "on",
      "count +3",
      "mode FAST",
      "names a",
      "names b c",
      "through",
      "files",
      "size 1 2 3",
      "each 1s",
      "each 2s",
      "percent 5%",
      "never x y",
    ),
    {
      on: true,
      count: 3,
      mode: "Fast",
      names: ["a", "b", "c"].map(nameOf),
      through: [nameOf(".")],
      files: [],
      size: { capacity: 1, ttl: 2 },
      each: [1000, 2000],
      percent: 5,
    },
  );
  t.match(block("count 1", "count 4"), { count: 4 }, "the last one counts");
  t.equal(block("count 6"), '3: d: count: "6" is out of range: it must be from 1 to 5');
  t.equal(block("count"), "3: d: something is missing behind count: the line is count N");
  t.equal(block("count 1 2"), '3: d: "2" is too much: the line is count N');
  t.equal(block("mode quick"), '3: d: mode: "quick" is not one of Fast, slow');
  t.equal(block("files a b c"), "3: d: 3 words are behind files: it takes at most 2");
  t.equal(block("on x"), '3: d: "x" is too much: on takes nothing behind it');
  t.equal(block("", "one a", "one b"), "5: d: one is on line 4 already: leave one of them out");
  t.equal(block("later 5"), "3: d: later is not built yet: leave it out");
  t.equal(block("percent 5"), '3: d: percent: "5" lacks a %');
  t.equal(block("cuont 5"), '3: d: unknown option "cuont": did you mean "count"?');
  t.match(block("xyzzy"), /^3: d: unknown option "xyzzy": write one of on, count, mode/);
  t.match(block("size 1 {", "}"), "3: d: a { opens a block here, but no option has one: leave it out");
  t.equal(block("on }"), "3: d: a } closes a block only where it begins a line: on takes nothing behind it");
  t.same(warnings(table, "d {\n size 1 2 3\n never\n through ..\n}"), [
    'Corefile:3: d: "3" is ignored: the line is size CAPACITY [TTL]',
    "Corefile:4: d: never has no effect: it may be left out",
    'Corefile:5: d: ".." is not a zone such as example.org or 10.0.0.0/24: it is left out',
  ]);
  t.end();
});

t.test("options that take no more words than they need", (t) => {
  const table = directive({
    options: { on: { type: "flag", loose: true }, mode: { type: "text", loose: true } },
  });
  t.match(read(table, "d { mode a }"), { mode: "a" });
  t.match(read(table, "d { on }"), { on: true });
  t.match(read(table, "d {\n on mode a\n}"), { on: true, mode: "a" });
  t.equal(read(table, "d {\n mode a b\n}"), '3: d: unknown option "b": write one of on, mode');
  t.end();
});

t.test("a directive that stands twice", (t) => {
  const spec = {
    args: { a: { type: "text", default: "x" } },
    options: { b: { type: "integer", default: 0 }, c: { type: "text[]", repeat: "join" } },
  } as const;
  const lines = "d 1 {\n b 1\n c 1\n}\nd 2 {\n c 2\n}\nd";
  t.equal(
    read(directive(spec), lines),
    "6: d: it is on line 2 already and may stand once in a server block: leave one of them out",
  );
  t.match(read(directive({ ...spec, repeat: "first" }), lines), { a: "1", b: 1, c: ["1"] });
  t.match(read(directive({ ...spec, repeat: "last" }), lines), { a: "x", b: 0, c: [] });
  t.match(read(directive({ ...spec, repeat: "merge" }), lines), { a: "2", b: 1, c: ["1", "2"] });
  t.match(read(directive({ ...spec, repeat: "each" }), lines), [
    { a: "1" },
    { a: "2", b: 0, at: { line: 6 } },
    { a: "x" },
  ]);
  t.match(
    read(directive({ ...spec, repeat: "first", block: "ignored" }), "d {\n zzz\n}"),
    /unknown option "zzz"/,
    "a block with options is read",
  );
  t.match(read(directive({ repeat: "first", block: "ignored", args: spec.args }), "d {\n zzz\n}\nd y z"), {
    a: "x",
  });
  t.end();
});

t.test("braces in the wrong place", (t) => {
  const table = directive({
    repeat: "each",
    args: { words: { type: "text[]", atLeast: 0 } },
    options: { o: { type: "text" } },
  });
  t.match(
    read(table, "d\n{\n o x\n}"),
    [{ words: [] }, { words: [] }, { words: ["x"] }, { words: [] }],
    "as CoreDNS reads it",
  );
  t.match(warnings(table, "d {\n o x\n} y"), [
    'Corefile:4: d: "y" begins a d of its own here: a { stands on the line of d, and nothing behind its }',
  ]);
  t.match(read(directive({ options: {} }), "d {\n} y"), /^3: d: "y" begins a d of its own here/);
  t.end();
});

t.test("functions of a table's own", (t) => {
  const table = directive({
    rule: ({ words }) =>
      words.length === 0 ? problem("a rule is missing: write one") : words.map(({ text }) => text).join("+"),
    options: {
      label: {
        usage: "KEY=VALUE",
        repeat: "each",
        line: ({ words: [word] }) =>
          word?.text.includes("=") ? word.text.split("=") : problem("KEY=VALUE is missing"),
      },
    },
    line: ({ name, words, seen }) =>
      seen.has("label") ? problem("entries come first", name, "unknown-option") : [name, ...words].length,
    check: ({ rule, lines }, at) =>
      rule === "bad" && lines.length > 0 ? problem("bad has no entries", at("label")) : undefined,
  });
  t.match(read(table, "d a b {\n x\n y z\n label k=v\n}"), {
    rule: "a+b",
    lines: [1, 2],
    label: [["k", "v"]],
  });
  t.equal(read(table, "d"), "2: d: a rule is missing: write one");
  t.equal(read(table, "d a {\n label x\n}"), "3: d: label: KEY=VALUE is missing");
  t.equal(read(table, "d a {\n label k=v\n x\n}"), "4: d: entries come first");
  t.equal(read(table, "d bad {\n x\n label a=b\n}"), "4: d: bad has no entries");
  const words = directive({
    rule: ({ words }, block) => [words.length, block?.map(({ text }) => text)] as const,
  });
  t.match(read(words, "d a b"), { rule: [2, undefined] });
  t.match(read(words, "d {\n a b\n c\n}"), { rule: [0, ["a", "b", "c"]] });
  t.end();
});

t.test("the usage line is made from the table", (t) => {
  const table = directive({
    args: { from: { type: "zone" }, to: { type: "text[]" } },
    options: {
      mode: { type: "word", of: ["a", "b"], default: "a" },
      on: { type: "flag" },
      size: { args: { n: { type: "integer" }, ttl: { type: "seconds", optional: true } } },
    },
  });
  t.equal(usage("d", table), "d FROM TO... {\n    mode a|b\n    on\n    size N [TTL]\n}");
  t.equal(usage("d", directive({})), "d");
  t.end();
});
