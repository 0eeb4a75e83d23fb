import fc from "fast-check";
import { readFileSync } from "node:fs";
import t from "tap";
import { nameOf, nameText } from "../../src/dns/name.ts";
import { recordText } from "../../src/dns/records.ts";
import type { RR } from "../../src/dns/rr.ts";
import { foldRecord } from "../../src/dns/zonefile/fold.ts";
import { parseRecord, parseZone, zoneErrorText, zoneRecords } from "../../src/dns/zonefile/parse.ts";
import { dataPath, readData, rr } from "./data.ts";

/** Records as text, or the error, of a file `f` for `example.org.`; `files` may be included. */
function parsed(text: string, files: Readonly<Record<string, string>> = {}): readonly string[] | string {
  const include = (path: string): string | { error: string } =>
    files[path] ?? { error: `${path}: no such file` };
  const result = parseZone({ text, file: "zones/f", origin: nameOf("example.org."), include });
  return "error" in result ? zoneErrorText(result) : result.records.map(recordText);
}

function loaded(path: string, origin: string): Set<string> {
  const file = dataPath(path);
  const include = (path: string): string => readFileSync(path, "utf8");
  const zone = parseZone({ text: readFileSync(file, "utf8"), file, origin: nameOf(origin), include });
  if ("error" in zone) throw new Error(zoneErrorText(zone));
  return new Set(zone.records.map((rr) => recordText(foldRecord(rr))));
}

t.test("what CoreDNS answered from a zone file is in it", async (t) => {
  for (const [folder, zones] of [
    ["file-syntax", [["db.example.org", "example.org."]]],
    ["file-rrtypes", [["db.example.org", "example.org."]]],
    [
      "file-origins",
      [
        ["db.shared", "one.test."],
        ["db.shared", "two.test."],
        ["db.three", "three.test."],
        ["db.three", "four.test."],
      ],
    ],
  ] as const) {
    const records = new Set<string>();
    for (const [file, origin] of zones)
      for (const record of loaded(`zones/${folder}/${file}`, origin)) records.add(record);
    for (const answer of JSON.parse(readData(`zones/${folder}/answers.json`)) as string[]) {
      // The text is read only to be written in our way: blanks within base64, escapes.
      t.ok(records.has(recordText(rr(answer))), `${folder}: ${answer}`);
    }
  }
});

t.test("owner, TTL and class: what may be left out, and in which order", async (t) => {
  t.same(
    parsed(
      "$TTL 1h\na A 192.0.2.1\n  60 A 192.0.2.2\n\tIN 1m A 192.0.2.3\n@ 2D IN A 192.0.2.4\nb.test. A 192.0.2.5\n",
    ),
    [
      "a.example.org. 3600 IN A 192.0.2.1",
      "a.example.org. 60 IN A 192.0.2.2",
      "a.example.org. 60 IN A 192.0.2.3",
      "example.org. 172800 IN A 192.0.2.4",
      "b.test. 3600 IN A 192.0.2.5",
    ],
  );
  t.same(
    parsed("in in in a 192.0.2.1".replace("in in in", "in 5 in")),
    ["in.example.org. 5 IN A 192.0.2.1"],
    "a name that looks like a class",
  );
  t.same(parsed("a 5 TYPE1 192.0.2.1"), ["a.example.org. 5 IN A 192.0.2.1"]);
  t.same(parsed("a 5 CH TXT x"), ['a.example.org. 5 CH TXT "x"']);
});

t.test("TTLs without $TTL: the last one stated, before that 0 or an error", async (t) => {
  t.same(parsed("a IN A 192.0.2.1\nb 77 A 192.0.2.2\nc A 192.0.2.3\nd IN A 192.0.2.4"), [
    "a.example.org. 0 IN A 192.0.2.1",
    "b.example.org. 77 IN A 192.0.2.2",
    "c.example.org. 77 IN A 192.0.2.3",
    "d.example.org. 77 IN A 192.0.2.4",
  ]);
  t.equal(
    parsed("\na A 192.0.2.1"),
    "zones/f:2: no TTL, and none before it: begin the file with one, such as $TTL 3600",
  );
});

t.test("$ORIGIN", async (t) => {
  t.same(parsed("$TTL 1\n$ORIGIN sub\na A 192.0.2.1\n$origin test.\n@ NS a\n$ORIGIN .\nb CNAME c"), [
    "a.sub.example.org. 1 IN A 192.0.2.1",
    "test. 1 IN NS a.test.",
    "b. 1 IN CNAME c.",
  ]);
});

t.test("$INCLUDE: paths, origin and TTL", async (t) => {
  const files = {
    "zones/sub/one": "x A 192.0.2.1\n$TTL 9\n@ A 192.0.2.2\n$INCLUDE two\n",
    "zones/sub/two": "y 8 A 192.0.2.3",
    "/abs": "z A 192.0.2.4",
  };
  t.same(
    parsed("$TTL 5\na A 192.0.2.9\n$INCLUDE sub/one in\n A 192.0.2.8\n$INCLUDE /abs ; comment\n", files),
    [
      "a.example.org. 5 IN A 192.0.2.9",
      "x.in.example.org. 5 IN A 192.0.2.1",
      "in.example.org. 9 IN A 192.0.2.2",
      "y.in.example.org. 8 IN A 192.0.2.3",
      "a.example.org. 5 IN A 192.0.2.8",
      "z.example.org. 5 IN A 192.0.2.4",
    ],
  );
  t.equal(parsed("\n$INCLUDE nowhere"), "zones/f:2: $INCLUDE: zones/nowhere: no such file");
  t.equal(
    parsed("$INCLUDE bad", { "zones/bad": "\n\n$TTL x\n" }),
    'zones/bad:3: $TTL: not a TTL such as 3600 or 1h: "x"',
  );
  t.equal(
    parsed("$INCLUDE f", { "zones/f": "$INCLUDE f" }),
    "zones/f:1: $INCLUDE: more than 7 files deep: does a file include itself?",
  );
  const result = parseZone({ text: "$INCLUDE x", file: "f", origin: nameOf(".") });
  t.equal("error" in result && zoneErrorText(result), "f:1: $INCLUDE is not allowed here");
});

t.test("$GENERATE", async (t) => {
  t.same(
    parsed("$TTL 5\n$GENERATE 8-12/2 h$ A 10.0.0.$"),
    [
      "h8.example.org. 3600 IN A 10.0.0.8",
      "h10.example.org. 3600 IN A 10.0.0.10",
      "h12.example.org. 3600 IN A 10.0.0.12",
    ],
    "$TTL does not count: so it is in CoreDNS",
  );
  t.same(parsed('$GENERATE 254-255 ${-254,3,d}x${0,4,X} 60 IN TXT "a $$ \\$ ${0,0,o}" \\;'), [
    '000x00FE.example.org. 60 IN TXT "a $ $ 376" ";"',
    '001x00FF.example.org. 60 IN TXT "a $ $ 377" ";"',
  ]);
  for (const [range, word] of [
    ["1", "1"],
    ["5-1", "5-1"],
    ["1-2/0", "1-2/0"],
    ["0-65536", "0-65536"],
    ["a-b", "a-b"],
  ] as const) {
    t.equal(
      parsed(`$GENERATE ${range} a$ A 10.0.0.1`),
      `zones/f:1: $GENERATE: not a range such as 1-10 or 0-254/2, of 65536 steps at most: "${word}"`,
    );
  }
  t.match(parsed("$GENERATE 1-2 a${-5} A 10.0.0.1"), /^zones\/f:1: \$GENERATE: "\$\{-5\}": expected/);
  t.match(parsed("$GENERATE 1-2 a${0,0,q} A 10.0.0.1"), /"\$\{0,0,q\}": expected/);
  t.match(parsed("$GENERATE 1-2 a${0 A 10.0.0.1"), /expected \$\{OFFSET,WIDTH,BASE\}/);
  t.equal(
    parsed("\n$GENERATE 255-256 a$ A 10.0.0.$"),
    'zones/f:2: A: address: expected an IPv4 address, not "10.0.0.256"',
  );
  t.match(parsed("$GENERATE 1-2 $$GENERATE 1-2 a A 10.0.0.1"), /may not stand in what another/);
});

t.test("parentheses, comments, quotes and line ends", async (t) => {
  t.same(
    parsed(
      '$TTL 5;c\r\na SOA b c ( ; "(\r\n 1 2\r\n ; )\n 3 4 ) 5 ; end\r\nt TXT ("a;b" c\\;d\\ e ; gone\n "(" ) "f\\"g"',
    ),
    [
      "a.example.org. 5 IN SOA b.example.org. c.example.org. 1 2 3 4 5",
      't.example.org. 5 IN TXT "a;b" "c;d e" "(" "f\\"g"',
    ],
  );
  t.same(parsed('t 5 TXT "two\nlines"\nu A 192.0.2.1'), [
    't.example.org. 5 IN TXT "two\\010lines"',
    "u.example.org. 5 IN A 192.0.2.1",
  ]);
  t.equal(parsed("$TTL 5\na TXT ( x\n y"), 'zones/f:2: a "(" that is not closed: a ")" is missing');
  t.equal(parsed("$TTL 5\na TXT x )"), 'zones/f:2: a ")" without "(": delete it, or escape it as "\\)"');
  t.match(parsed('$TTL 5\n\na TXT "x'), /^zones\/f:3: a quoted text that does not end/);
  t.same(parsed(" \n\t; nothing\n()\n"), []);
});

t.test("names", async (t) => {
  t.same(parsed("$TTL 5\n\\.a\\046b CNAME \\@\nc\\\\. A 192.0.2.1\n*.d A 192.0.2.1\ncafé A 192.0.2.1"), [
    "\\.a\\.b.example.org. 5 IN CNAME \\@.example.org.",
    "c\\\\. 5 IN A 192.0.2.1",
    "*.d.example.org. 5 IN A 192.0.2.1",
    "caf\\195\\169.example.org. 5 IN A 192.0.2.1",
  ]);
  const long = Array.from({ length: 4 }, () => "x".repeat(61)).join(".");
  t.equal(
    parsed(`${long} A 192.0.2.1`),
    `zones/f:1: not an owner name: "${long}"`,
    "too long with the origin",
  );
  t.same(parsed(`${long}. 5 A 192.0.2.1`), [`${long}. 5 IN A 192.0.2.1`]);
});

t.test("errors have a place and a remedy", async (t) => {
  for (const [text, error] of [
    [
      "  A 192.0.2.1",
      "1: a record without owner name, and none before it: begin the line with the name, or @",
    ],
    ["a..b A 192.0.2.1", '1: not an owner name: "a..b"'],
    ["$TTL 5\n\n; c\na NOSUCH x", '4: expected a TTL, a class or a record type, not "NOSUCH"'],
    ["a 5", "1: expected a TTL, a class or a record type, not the end of the line"],
    ["a 5 5 A 192.0.2.1", '1: expected a TTL, a class or a record type, not "5"'],
    ["$TTL", '1: $TTL: not a TTL such as 3600 or 1h: ""'],
    ["$TTL 4294967296", '1: $TTL: not a TTL such as 3600 or 1h: "4294967296"'],
    ["$TTL 1 2", '1: $TTL: one value is wanted, but there is also "2"'],
    ["$ORIGIN a..b", '1: $ORIGIN: not a domain name: "a..b"'],
    [
      "$FOO x",
      '1: "$FOO" is no directive: there are $ORIGIN, $TTL, $INCLUDE and $GENERATE; a name with a dollar sign is written \\$',
    ],
  ] as const) {
    t.equal(parsed(text), `zones/f:${error}`);
  }
});

t.test("a record on its own", async (t) => {
  t.same(parseRecord("; nothing"), undefined);
  t.same(rr("www A 192.0.2.1"), rr("www. 3600 IN A 192.0.2.1"));
  const relative = parseRecord("www MX 1 @", nameOf("example.org."));
  t.equal(
    relative !== undefined && "name" in relative && recordText(relative),
    "www.example.org. 3600 IN MX 1 example.org.",
  );
});

t.test("records come one by one", async (t) => {
  const endless = `$TTL 1\n${"a A 192.0.2.1\n".repeat(3)}$BAD`;
  const all = zoneRecords({ text: endless, file: "f", origin: nameOf(".") });
  t.equal(nameText((all.next().value as RR).name), "a.");
  all.next();
  all.next();
  t.match(all.next(), { done: true, value: { line: 5 } });
});

t.test("a text of more than 255 bytes is cut into several", async (t) => {
  const [record] = parsed(`a 5 TXT ${"x".repeat(600)}`) as string[];
  t.equal(record, `a.example.org. 5 IN TXT "${"x".repeat(255)}" "${"x".repeat(255)}" "${"x".repeat(90)}"`);
});

t.test("any text is read or refused, without harm", async () => {
  const piece = fc.constantFrom(
    "$TTL 5\n",
    "a",
    " ",
    "\t",
    "\n",
    "(",
    ")",
    '"',
    "\\",
    ";",
    "A",
    "IN",
    "192.0.2.1",
    "$GENERATE 1-3 ",
    "$",
    "${0,2,x}",
    "$ORIGIN",
    "TXT",
    "\\#",
    "9",
    "é",
    "\\25",
  );
  fc.assert(
    fc.property(
      fc.array(fc.oneof({ weight: 4, arbitrary: piece }, { weight: 1, arbitrary: fc.string() }), {
        maxLength: 40,
      }),
      (pieces) => {
        const result = parsed(pieces.join(""));
        return typeof result === "string"
          ? /^zones\/f:\d+: [^\n]+$/.test(JSON.stringify(result).slice(1, -1))
          : Array.isArray(result);
      },
    ),
    { numRuns: 2000 },
  );
});
