import fc from "fast-check";
import { BlockList, isIPv4, isIPv6, SocketAddress } from "node:net";
import t from "tap";
import { ipv4Bytes, ipv4Text, ipv6Bytes, ipv6Text } from "../../src/dns/address.ts";
import { hex } from "./data.ts";

t.test("the examples of RFC 5952 §4 and §5", async (t) => {
  for (const [written, shown] of [
    ["2001:0db8::0001", "2001:db8::1"],
    ["2001:db8:0:0:0:0:2:1", "2001:db8::2:1"],
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["2001:0:0:1:0:0:0:1", "2001:0:0:1::1"],
    ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["2001:DB8::ABCD", "2001:db8::abcd"],
    ["0:0:0:0:0:0:0:0", "::"],
    ["1:0:0:0:0:0:0:0", "1::"],
    ["::ffff:192.0.2.1", "::ffff:192.0.2.1"],
    ["::ffff:c000:201", "::ffff:192.0.2.1"],
    ["64:ff9b::192.0.2.33", "64:ff9b::c000:221"],
  ] as const) {
    t.equal(ipv6Text(ipv6Bytes(written) ?? ""), shown, written);
  }
  t.equal(hex(ipv4Bytes("192.0.2.255")!), "c00002ff");
});

t.test("what is no address", async (t) => {
  for (const bad of ["", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.4 ", "1.2.3.x", "0x1.2.3.4"]) {
    t.equal(ipv4Bytes(bad), undefined, bad);
  }
  for (const bad of [
    "",
    ":",
    ":::",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1::2::3",
    "12345::",
    "::g",
    "fe80::1%eth0",
    "1.2.3.4::",
    "1:2:3:4:5:6:7::8",
  ]) {
    t.equal(ipv6Bytes(bad), undefined, bad);
  }
});

t.test("Node takes what we write for the same address", async () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 4, maxLength: 4 }), (bytes) => {
      const text = ipv4Text(Buffer.from(bytes).toString("latin1"));
      return isIPv4(text) && ipv4Bytes(text) === Buffer.from(bytes).toString("latin1");
    }),
  );
  const part = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 255 }));
  fc.assert(
    fc.property(fc.array(part, { minLength: 16, maxLength: 16 }), (bytes) => {
      const raw = String.fromCharCode(...bytes);
      const text = ipv6Text(raw);
      const full = Buffer.from(bytes)
        .toString("hex")
        .replace(/....(?!$)/g, "$&:");
      const list = new BlockList();
      list.addAddress(new SocketAddress({ address: full, family: "ipv6" }));
      return isIPv6(text) && list.check(text, "ipv6") && ipv6Bytes(text) === raw && ipv6Bytes(full) === raw;
    }),
  );
});
