import fc from "fast-check";
import t from "tap";
import { nameOf, nameText, lower } from "../../src/dns/name.ts";
import { isGoodRdata, makeRdata, mapNames, rdataFields, rdataText, readRdata } from "../../src/dns/rdata.ts";
import { layouts } from "../../src/dns/rdata/layouts.ts";
import { rdata, record, recordText, reverseName } from "../../src/dns/records.ts";
import type { Rdata, RR } from "../../src/dns/rr.ts";
import { CLASS } from "../../src/dns/rr.ts";
import { TYPE, typeText } from "../../src/dns/types.ts";
import { parseRecord } from "../../src/dns/zonefile/parse.ts";
import { hex, jsonLines, rr, unhex } from "./data.ts";

interface Recorded {
  text: string;
  wire: string;
  rdata: string | null;
}

function wireOf(rr: RR): string {
  const fixed = Buffer.alloc(10);
  fixed.writeUInt16BE(rr.type, 0);
  fixed.writeUInt16BE(rr.class, 2);
  fixed.writeUInt32BE(rr.ttl, 4);
  fixed.writeUInt16BE(rr.rdata.length, 8);
  return hex(rr.name) + fixed.toString("hex") + hex(rr.rdata);
}

t.test("records have the wire form and the text that other implementations give them", async (t) => {
  // A blank in a name is escaped with its number there, and with a backslash here.
  const own = (text: string): string => text.replaceAll("\\032", "\\ ").replace(/ $/, "");
  const seen = new Set<number>();
  for (const { text, wire, rdata } of jsonLines<Recorded>("records.jsonl")) {
    const record = rr(text);
    seen.add(record.type);
    t.equal(wireOf(record), wire, text);
    if (rdata !== null) t.equal(rdataText(record.type, record.rdata), own(rdata), text);
    const bytes = Buffer.from(record.rdata, "latin1");
    t.equal(readRdata(record.type, bytes, 0, bytes.length), record.rdata, `${text}: read from a message`);
    t.same(rr(recordText(record)), record, `${text}: read from our text`);
  }
  t.ok(seen.size > 50, `${String(seen.size)} types`);
});

t.test("fields", async (t) => {
  t.same(rdataFields(TYPE.SRV, rr(". SRV 1 2 3 a.b.").rdata), {
    priority: 1,
    weight: 2,
    port: 3,
    target: nameOf("a.b."),
  });
  t.same(rdataFields(TYPE.TXT, rr('. TXT "a" "" \\255').rdata), { texts: ["a", "", "\xff"] });
  t.same(rdataFields(TYPE.NSEC, rr(". NSEC b. A TYPE1234 AAAA").rdata), {
    next: nameOf("b."),
    types: [1, 28, 1234],
  });
  t.same(rdataFields(TYPE.HTTPS, rr(". HTTPS 1 . port=8443").rdata)?.params, [{ key: 3, value: "\x20\xfb" }]);
  t.equal(rdataFields(TYPE.A, "" as Rdata), undefined, "an update's empty rdata");
  t.equal(makeRdata(TYPE.SRV, { priority: 65536, weight: 0, port: 0, target: nameOf(".") }), undefined);
  t.equal(makeRdata(TYPE.TXT, { texts: [] }), undefined);
  t.equal(makeRdata(TYPE.TXT, { texts: ["x".repeat(256)] }), undefined);
});

t.test("makers of rdata", async (t) => {
  const timers = { refresh: 7200, retry: 1800, expire: 86400, minimum: 30 };
  for (const [made, text] of [
    [record(nameOf("a."), TYPE.A, 5, rdata.a("192.0.2.1")), "a. 5 IN A 192.0.2.1"],
    [record(nameOf("a."), TYPE.AAAA, 5, rdata.aaaa("2001:DB8::1")), "a. 5 IN AAAA 2001:db8::1"],
    [record(nameOf("a."), TYPE.MX, 5, rdata.mx(10, nameOf("b."))), "a. 5 IN MX 10 b."],
    [record(nameOf("a."), TYPE.TXT, 5, rdata.txt("é", 'say "x"')), 'a. 5 IN TXT "\\195\\169" "say \\"x\\""'],
    [
      record(nameOf("a."), TYPE.HINFO, 5, rdata.hinfo("ANY obsoleted", "")),
      'a. 5 IN HINFO "ANY obsoleted" ""',
    ],
    [record(nameOf("a."), TYPE.SRV, 5, rdata.srv(0, 50, 443, nameOf("b."))), "a. 5 IN SRV 0 50 443 b."],
    [
      record(nameOf("a."), TYPE.SOA, 5, rdata.soa(nameOf("b."), nameOf("c."), 4294967295, timers)),
      "a. 5 IN SOA b. c. 4294967295 7200 1800 86400 30",
    ],
    [record(nameOf("a."), TYPE.PTR, 5, rdata.ptr(nameOf("b."))), "a. 5 IN PTR b."],
  ] as const) {
    t.equal(recordText(made), text);
    t.same(made, rr(text));
  }
  t.throws(() => rdata.a("1.2.3"), RangeError);
  t.throws(() => rdata.txt("x".repeat(256)), RangeError);
  t.equal(nameText(reverseName("\x0a\x00\x00\x2a")), "42.0.0.10.in-addr.arpa.");
  t.equal(
    nameText(reverseName(rdata.aaaa("2001:db8::567:89ab"))),
    "b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa.",
  );
});

t.test("names in rdata", async (t) => {
  t.equal(
    recordText({
      ...rr("A. SOA B.C. D. 1 2 3 4 5"),
      rdata: mapNames(TYPE.SOA, rr("A. SOA B.C. D. 1 2 3 4 5").rdata, lower),
    }),
    "A. 3600 IN SOA b.c. d. 1 2 3 4 5",
  );
  t.equal(hex(mapNames(TYPE.TXT, rr(". TXT ABC").rdata, lower)), "03414243", "none in a text");
});

t.test("bad rdata is refused where it is read", async (t) => {
  for (const [type, digits] of [
    [TYPE.A, "c00002"],
    [TYPE.A, "c000020101"],
    [TYPE.AAAA, "20010db8"],
    [TYPE.MX, "000a"],
    [TYPE.MX, "000a0161"],
    [TYPE.MX, "000a00ff"],
    [TYPE.CNAME, "c000"],
    [TYPE.CNAME, "40"],
    [TYPE.TXT, "05616263"],
    [TYPE.SOA, "0000" + "00".repeat(19)],
    [TYPE.SRV, "000000000000"],
    [TYPE.CAA, "00" + "0041"],
    [TYPE.NSEC, "00" + "000100" + "0001ff"],
    [TYPE.NSEC, "00" + "0021" + "ff".repeat(33)],
    [TYPE.NSEC, "00" + "0000"],
    [TYPE.HTTPS, "000100" + "00030001" + "01"],
    [TYPE.HTTPS, "000100" + "000300020050" + "00010003026832"],
    [TYPE.HTTPS, "000100" + "ffff0000"],
    [TYPE.LOC, "01" + "00".repeat(15)],
    [TYPE.NSEC3, "0100000000"],
    [TYPE.EUI48, "0000000000"],
  ] as const) {
    const bytes = Buffer.from(digits, "hex");
    t.equal(readRdata(type, bytes, 0, bytes.length), undefined, `${typeText(type)} ${digits}`);
  }
  t.equal(readRdata(TYPE.A, Buffer.alloc(0), 0, 0), "", "an update's empty rdata is good");
  t.equal(readRdata(TYPE.A, Buffer.alloc(4), 2, 4), undefined, "beyond the message");
});

t.test("bytes without a text of their own are written as RFC 3597 does, and read back", async (t) => {
  for (const [type, digits] of [
    [TYPE.A, ""],
    [65400, "cafe"],
    [65400, ""],
    [TYPE.NULL, "00"],
    [TYPE.DNSKEY, "01000308"],
    [TYPE.NSEC, "00" + "00024000"],
    [TYPE.LOC, "00031613" + "80000000".repeat(2) + "00989680"],
  ] as const) {
    const made = record(nameOf("x."), type, 1, unhex(digits) as Rdata);
    t.equal(rdataText(type, made.rdata), `\\# ${String(digits.length / 2)} ${digits}`.trim());
    t.same(rr(recordText(made)), made);
  }
});

t.test("a wrong text is refused with what would be right", async (t) => {
  const error = (text: string): string => {
    const result = parseRecord(text);
    return result !== undefined && "error" in result ? result.error : "accepted";
  };
  t.equal(error("a. A 1.2.3"), 'A: address: expected an IPv4 address, not "1.2.3"');
  t.equal(error("a. MX 10"), "MX: exchange: expected a domain name, not the end of the record");
  t.equal(error("a. MX 65536 b."), 'MX: preference: expected a number from 0 to 65535, not "65536"');
  t.equal(error("a. A 1.2.3.4 5"), 'A: nothing may follow the rdata, but there is "5"');
  t.equal(
    error("a. TYPE65300 abc"),
    "TYPE65300: expected \\# LENGTH HEX, which is how types without a form of their own are written (RFC 3597)",
  );
  t.equal(error("a. TYPE65300 \\# 3 abcd"), "TYPE65300: \\# says 3, but there are 2 bytes");
  t.equal(error("a. A \\# 3 abcdef"), "A: these bytes are no rdata of this type");
  for (const bad of [
    "a. CNAME a..b",
    "a. CNAME " + "a".repeat(64),
    `a. HINFO ${"x".repeat(256)} y`,
    'a. TXT "\\256"',
    "a. CAA 0 is-sue x",
    "a. DS 1 13 2 abc",
    "a. DNSKEY 256 3 13 a===",
    "a. NSEC b. A NOSUCH",
    "a. NSEC3 1 0 0 - zzzz",
    "a. HTTPS 1 . port=65536",
    "a. HTTPS 1 . alpn",
    "a. HTTPS 1 . port=1 port=1",
    "a. HTTPS 1 . no-default-alpn=x",
    "a. HTTPS 1 . key65535=x",
    "a. HTTPS 1 . mandatory=mandatory",
    "a. LOC 91 N 1 E 0m",
    "a. LOC 1 N 1 N 0m",
    "a. RRSIG A 13 2 300 20260230000000 20260101000000 1 b. AA==",
    "a. APL 1:192.0.2.1/24",
    "a. EUI48 00-00-5e-00-53",
    "a. IPSECKEY 10 1 2 2001:db8:: AA==",
  ]) {
    t.not(error(bad), "accepted", bad);
  }
});

/** Recorded rdata with up to three bytes changed, and what its fields are made of at random. */
const anyRdata: fc.Arbitrary<{ type: number; rdata: Rdata }> = fc.oneof(
  fc
    .tuple(
      fc.constantFrom(...jsonLines<Recorded>("records.jsonl").map(({ text }) => rr(text))),
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 3 }),
    )
    .map(([{ type, rdata }, changes]) => {
      const bytes = Buffer.from(rdata, "latin1");
      for (const [at, value] of changes) bytes[at % bytes.length] = value;
      return { type, rdata: bytes.toString("latin1") as Rdata };
    }),
  fc
    .tuple(fc.constantFrom(...Object.keys(layouts).map(Number)), fc.uint8Array({ maxLength: 120 }))
    .map(([type, bytes]) => ({ type, rdata: Buffer.from(bytes).toString("latin1") as Rdata })),
);

t.test("whatever rdata is read, its text is read back as the same", async () => {
  fc.assert(
    fc.property(anyRdata, ({ type, rdata }) => {
      fc.pre(isGoodRdata(type, rdata));
      const record: RR = { name: nameOf("a."), type, class: CLASS.IN, ttl: 1, rdata };
      const back = parseRecord(recordText(record));
      return back !== undefined && !("error" in back) && back.rdata === rdata;
    }),
    { numRuns: 3000 },
  );
});

t.test("any bytes are read or refused, without harm", async () => {
  fc.assert(
    fc.property(anyRdata, fc.nat(130), fc.nat(130), ({ type, rdata }, offset, length) => {
      const read = readRdata(type, Buffer.from(rdata, "latin1"), offset, length);
      return read === undefined || read === "" || isGoodRdata(type, read);
    }),
    { numRuns: 2000 },
  );
});
