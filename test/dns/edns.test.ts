import fc from "fast-check";
import t from "tap";
import {
  clientSubnet,
  ednsOptions,
  expire,
  extendedError,
  findOption,
  keepalive,
  nsid,
  optionsAreGood,
  padding,
  readClientSubnet,
  readExtendedError,
} from "../../src/dns/edns.ts";
import { OPTION } from "../../src/dns/types.ts";
import { hex, unhex } from "./data.ts";

const wire = (digits: string): Buffer => Buffer.from(digits, "hex");
const good = (digits: string): boolean => optionsAreGood(wire(digits), 0, digits.length / 2);

t.test("options are read with their codes, and not beyond the end", async (t) => {
  const bytes = wire("ffff0003000000050002abcd000a0001");
  t.same(ednsOptions(bytes, 2, 12), [
    { code: 3, data: "" },
    { code: 5, data: "\xab\xcd" },
  ]);
  t.same(ednsOptions(bytes, 2, bytes.length), ednsOptions(bytes, 2, 12), "a cut-off option is left out");
  t.equal(findOption(ednsOptions(bytes, 2, 12), 5), "\xab\xcd");
  t.equal(findOption(ednsOptions(bytes, 2, 12), 6), undefined);
});

t.test("what gets FORMERR", async (t) => {
  for (const [name, digits] of [
    ["cut within the head", "000300"],
    ["cut within the data", "000a0008"],
    ["client subnet too short", "00080003000100"],
    ["client subnet of an unknown family", "0008000500031800c0"],
    ["client subnet without family but with a mask", "000800040000" + "0800"],
    ["client subnet with a mask of 33 for IPv4", "0008000400012100"],
    ["client subnet with a scope of 129 for IPv6", "0008000400020081"],
    ["keep-alive of three bytes", "000b0003000000"],
    ["expire of two bytes", "000900020000"],
    ["update lease of five bytes", "000200050000000000"],
    ["long-lived query of two bytes", "000100020000"],
    ["extended error of one byte", "000f000100"],
  ] as const) {
    t.notOk(good(digits), name);
  }
});

t.test("what passes", async (t) => {
  for (const [name, digits] of [
    ["nothing", ""],
    ["empty identifier", "00030000"],
    ["dig's subnet of 0/0", "0008000400000000"],
    ["IPv4 subnet", "00080007000118" + "00c00002"],
    ["a cookie of any length", "000a000100"],
    ["empty keep-alive and expire", "000b000000090000"],
    ["a local option", "fde90002abcd"],
    ["padding", "000c000400000000"],
  ] as const) {
    t.ok(good(digits), name);
  }
});

t.test("client subnet, by the example of RFC 7871 §6 and dig", async (t) => {
  t.same(clientSubnet("192.0.2.77", 24), { code: 8, data: unhex("00011800c00002") });
  t.same(clientSubnet("192.0.2.77", 20), { code: 8, data: unhex("00011400c00000") });
  t.same(clientSubnet("2001:db8:fd13:4231:2112:8a2e:c37b:7334", 36), {
    code: 8,
    data: unhex("0002240020010db8f0"),
  });
  t.same(clientSubnet("192.0.2.77", 0), { code: 8, data: unhex("00010000") });
  t.equal(clientSubnet("192.0.2.77", 33), undefined);
  t.equal(clientSubnet("nonsense", 24), undefined);
  t.same(readClientSubnet(unhex("00011800c00002")), { address: "192.0.2.0", source: 24, scope: 0 });
  t.same(
    readClientSubnet(unhex("00011000c00002ff")),
    { address: "192.0.0.0", source: 16, scope: 0 },
    "bits behind the mask don't count",
  );
  t.same(readClientSubnet(unhex("0002302020010db8")), { address: "2001:db8::", source: 48, scope: 32 });
  t.same(readClientSubnet(unhex("00000000")), { address: "0.0.0.0", source: 0, scope: 0 });
  t.equal(readClientSubnet(unhex("00032000")), undefined);
});

t.test("the other options", async (t) => {
  t.equal(hex(extendedError(15, "Blöcked").data), "000f426cc3b6636b6564");
  t.same(readExtendedError(unhex("000f426cc3b6636b656400")), { code: 15, text: "Blöcked" });
  t.equal(readExtendedError("\0"), undefined);
  t.same(nsid("ns1"), { code: OPTION.NSID, data: "ns1" });
  t.same(keepalive(300), { code: 11, data: "\x01\x2c" });
  t.same(keepalive(), { code: 11, data: "" });
  t.same(expire(2 ** 32 - 1), { code: 9, data: "\xff\xff\xff\xff" });
  t.same(padding(3), { code: 12, data: "\0\0\0" });
});

t.test("any bytes are judged without harm, and good ones are read in full", async () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      const options = ednsOptions(bytes, 0, bytes.length);
      const size = options.reduce((n, { data }) => n + 4 + data.length, 0);
      return optionsAreGood(bytes, 0, bytes.length) ? size === bytes.length : size <= bytes.length;
    }),
  );
});
