/** What words are read as, and which are refused; Go's own functions are the measure. */
import t from "tap";
import type { ValueSpec } from "../../src/directive/index.ts";
import { isProblem, readValue, readWords } from "../../src/directive/index.ts";
import { durationText, parseDuration } from "../../src/directive/index.ts";

const at = (text: string) => ({ text, file: "f", line: 1 });
const refused = Symbol("refused");
const read = (spec: ValueSpec, word: string): unknown => {
  const value = readValue(spec, at(word));
  return isProblem(value) ? refused : value;
};

t.test("durations", (t) => {
  const cases: [string, number | undefined][] = [
    ["0", 0],
    ["-0", 0],
    ["5s", 5000],
    ["1h2m3.5s", 3723500],
    ["1.5h", 5400000],
    [".5s", 500],
    ["1.s", 1000],
    ["+1ms", 1],
    ["-1s", -1000],
    ["250us", 0.25],
    ["250µs", 0.25],
    ["1m1m", 120000],
    ["5", undefined],
    ["5d", undefined],
    ["s", undefined],
    [".s", undefined],
    ["", undefined],
    ["5 s", undefined],
    ["1ms5", undefined],
    ["99999999999h", undefined],
  ];
  for (const [text, wanted] of cases)
    t.equal(parseDuration(text) === 0 ? 0 : parseDuration(text), wanted, text);
  t.equal(read({ type: "duration", bare: "s" }, "10"), 10000);
  t.equal(read({ type: "duration", bare: "s" }, "-5"), -5000);
  t.equal(read({ type: "duration", min: "2s" }, "1999ms"), refused);
  t.equal(read({ type: "duration", max: "24h" }, "24h"), 86400000);
  for (const text of ["1h30m0s", "1m0s", "1.5s", "250ms", "0s", "-2m3s"])
    t.equal(durationText(parseDuration(text)!), text);
  t.end();
});

t.test("numbers", (t) => {
  const taken: [ValueSpec, string, unknown][] = [
    [{ type: "integer" }, "007", 7],
    [{ type: "integer" }, "-5", -5],
    [{ type: "integer" }, "+5", 5],
    [{ type: "integer", unsigned: true }, "5", 5],
    [{ type: "number" }, "1.5e2", 150],
    [{ type: "bytes" }, "64KiB", 65536],
    [{ type: "bytes" }, "2MB", 2000000],
    [{ type: "bytes" }, "4096", 4096],
    [{ type: "boolean" }, "T", true],
    [{ type: "boolean" }, "false", false],
  ];
  for (const [spec, word, wanted] of taken) t.equal(read(spec, word), wanted, word);
  const wrong: [ValueSpec, string][] = [
    [{ type: "integer" }, "0x10"],
    [{ type: "integer" }, "1_000"],
    [{ type: "integer" }, "1.0"],
    [{ type: "integer" }, ""],
    [{ type: "integer" }, "99999999999999999999"],
    [{ type: "integer", unsigned: true }, "+5"],
    [{ type: "integer", min: 1 }, "0"],
    [{ type: "number" }, "many"],
    [{ type: "bytes" }, "5x"],
    [{ type: "boolean" }, "yes"],
  ];
  for (const [spec, word] of wrong) t.equal(read(spec, word), refused, word);
  t.end();
});

t.test("addresses", (t) => {
  t.equal(read({ type: "address" }, "2001:DB8:0::1"), "2001:db8::1");
  t.equal(read({ type: "address" }, "192.0.2.1"), "192.0.2.1");
  for (const word of ["192.0.2.01", "192.0.2", "fe80::1%eth0", "[::1]", "localhost", ""])
    t.equal(read({ type: "address" }, word), refused, word);
  t.same(read({ type: "hostport" }, ":8080"), { host: "", port: "8080", text: ":8080" });
  t.same(read({ type: "hostport" }, "[::1]:53"), { host: "::1", port: "53", text: "[::1]:53" });
  t.same(read({ type: "hostport" }, "localhost:http"), {
    host: "localhost",
    port: "http",
    text: "localhost:http",
  });
  for (const word of ["127.0.0.1", "::1", "[::1]", "a:b:c", "[::1]x:5", "[a]b]:1", ""])
    t.equal(read({ type: "hostport" }, word), refused, word);
  t.same(read({ type: "cidr" }, "10.1.2.3/9"), { address: "10.0.0.0", bits: 9, family: 4 });
  t.same(read({ type: "cidr" }, "10.1.2.3/0"), { address: "0.0.0.0", bits: 0, family: 4 });
  t.same(read({ type: "cidr" }, "2001:db8:ffff::/33"), { address: "2001:db8:8000::", bits: 33, family: 6 });
  for (const word of ["10.0.0.0", "10.0.0.0/33", "10.0.0/24", "::/129", "10.0.0.0/", "10.0.0.0/-1"])
    t.equal(read({ type: "cidr" }, word), refused, word);
  t.end();
});

t.test("words of the DNS", (t) => {
  t.equal(read({ type: "rcode" }, "NXDOMAIN"), 3);
  t.equal(read({ type: "rcode" }, "nxdomain"), refused);
  t.equal(read({ type: "rcode", fold: true }, "nxdomain"), 3);
  t.equal(read({ type: "qtype" }, "AAAA"), 28);
  t.equal(read({ type: "qtype" }, "ANY"), 255);
  t.equal(read({ type: "qtype" }, "NSEC3"), 50, "a mnemonic that ends in a digit");
  for (const word of ["aaaa", "TYPE28", "TYPE65400", "FOO", ""])
    t.equal(read({ type: "qtype" }, word), refused, word);
  t.equal(read({ type: "qtype", fold: true }, "aaaa"), 28);
  t.equal(read({ type: "qclass" }, "CH"), 3);
  t.equal(read({ type: "qclass" }, "CLASS3"), refused);
  t.equal(read({ type: "name" }, "Shop.Test"), "\x04shop\x04test\0");
  t.equal(read({ type: "name" }, "a..b"), refused);
  t.equal(read({ type: "name" }, ""), refused);
  t.end();
});

t.test("regular expressions are Go's", (t) => {
  const found = read({ type: "regexp" }, "^(?P<host>[a-z]+)[.]$") as {
    matcher(text: string): { find(): boolean };
  };
  t.ok(found.matcher("abc.").find());
  for (const word of ["(", "(?!x)y", "a**", "(a)\\1", "x".repeat(10_001)])
    t.equal(read({ type: "regexp" }, word), refused, word.slice(0, 10));
  t.end();
});

t.test("free-form functions read words by specs, too", (t) => {
  const value = readWords(
    { mode: { type: "word", of: ["a"] }, n: { type: "integer", default: 4 } },
    at("x"),
    [at("a")],
  );
  t.same(isProblem(value) ? value.text : [value.mode, value.n], ["a", 4]);
  const missing = readWords({ mode: { type: "text" } }, at("x"), []);
  t.equal(isProblem(missing) && missing.text, "something is missing behind x: the line is x MODE");
  t.end();
});
