import fc from "fast-check";
import { BlockList } from "node:net";
import t from "tap";
import { addressBytes, contains, parseNetwork } from "../../src/dns/network.ts";

t.test("addresses", (t) => {
  t.equal(addressBytes("192.0.2.1"), "\xc0\0\x02\x01");
  t.equal(addressBytes("::ffff:192.0.2.1"), "\xc0\0\x02\x01", "mapped");
  t.equal(addressBytes("::1"), `${"\0".repeat(15)}\x01`);
  for (const text of ["", "localhost", "192.0.2", "192.0.2.1/24", "fe80::1%eth0"])
    t.equal(addressBytes(text), undefined, text);
  t.end();
});

t.test("what is no network", (t) => {
  for (const text of [
    "10.0.0.0",
    "10.0.0.0/33",
    "10.0.0/24",
    "::/129",
    "10.0.0.0/",
    "/8",
    "10.0.0.0/08",
    "10.0.0.0/-1",
    "10.0.0.0/8/8",
  ])
    t.equal(parseNetwork(text), undefined, text);
  t.end();
});

t.test("networks hold what Node's block lists hold", (t) => {
  const check = (family: "ipv4" | "ipv6", network: string, bits: number, address: string): void => {
    const list = new BlockList();
    list.addSubnet(network, bits, family);
    t.equal(
      contains(parseNetwork(`${network}/${bits}`)!, addressBytes(address)!),
      list.check(address, family),
      `${address} in ${network}/${bits}`,
    );
  };
  // Few different bytes, so that some addresses are inside.
  const byte = fc.constantFrom(0, 1, 127, 128, 254, 255);
  const v4 = fc.tuple(byte, byte, byte, byte).map((bytes) => bytes.join("."));
  const word = fc.constantFrom("0", "1", "7fff", "8000", "ffff");
  const v6 = fc.array(word, { minLength: 7, maxLength: 7 }).map((words) => `2001:${words.join(":")}`);
  fc.assert(
    fc.property(v4, v4, fc.integer({ min: 0, max: 32 }), (a, b, bits) => check("ipv4", a, bits, b)),
    { numRuns: 200 },
  );
  fc.assert(
    fc.property(v6, v6, fc.integer({ min: 0, max: 128 }), (a, b, bits) => check("ipv6", a, bits, b)),
    { numRuns: 200 },
  );
  t.end();
});

t.test("the families are apart", (t) => {
  t.notOk(contains(parseNetwork("::/0")!, addressBytes("192.0.2.1")!));
  t.notOk(contains(parseNetwork("0.0.0.0/0")!, addressBytes("2001:db8::1")!));
  t.end();
});
