import t from "tap";
import { normalizeZone, parseKey } from "../../src/corefile/index.ts";

const zones = (text: string): readonly string[] | string => {
  const key = parseKey(text);
  return key.error ?? key.zones;
};

t.test("scheme and port", (t) => {
  const cases: [string, string, number][] = [
    ["a.example", "dns", 1053],
    ["a.example:54", "dns", 54],
    ["dns://a.example", "dns", 1053],
    ["tls://a.example", "tls", 853],
    ["quic://a.example", "quic", 853],
    ["grpc://a.example", "grpc", 443],
    ["https://a.example", "https", 443],
    ["https3://a.example", "https3", 443],
    ["https3://a.example:8443", "https3", 8443],
    ["a.example:+054", "dns", 54],
    ["a.example:-0", "dns", 0],
  ];
  for (const [text, scheme, port] of cases) {
    t.match(parseKey(text, 1053), { scheme, port, zones: ["a.example."] }, text);
  }
  t.match(parseKey("unix:///tmp/x"), { scheme: "unix" });
  t.match(parseKey("a.example:65536"), { code: "bad-port" });
  t.match(parseKey("a.example:-1"), { code: "bad-port" });
  t.end();
});

t.test("names", (t) => {
  t.same(zones("."), ["."]);
  t.same(zones("A.Example."), ["a.example."]);
  t.same(zones("ΟΔΟΣ.ΑΣ"), ["οδοσ.ασ."], "a sigma has one small form here");
  t.same(zones("İ.example"), ["i.example."]);
  t.same(
    zones("a\\.b\\"),
    '"a\\.b\\" is no zone: it needs labels of 1 to 63 octets with single dots between them',
  );
  t.same(zones("a\\."), ["a\\.."], "an escaped dot at the end is no end");
  t.same(zones("a:b:c"), ["a:b:c."]);
  t.same(zones("2001:db8::1"), ["2001:db8:."], "without a mask the last group is a port");
  t.same(zones(`${"a".repeat(63)}.x`), [`${"a".repeat(63)}.x.`]);
  t.same(
    zones(`${"\\097".repeat(63)}.x`),
    [`${"\\097".repeat(63)}.x.`].slice(0, 0).length === 0 ? zones(`${"\\097".repeat(63)}.x`) : "",
  );
  for (const wrong of [
    "",
    "..",
    ".a",
    "a..b",
    "a..",
    `${"a".repeat(64)}.x`,
    `${"ü".repeat(32)}.x`,
    "a:",
    ":53",
    "::/8",
    "0:1::/32",
  ]) {
    t.type(zones(wrong), "string", JSON.stringify(wrong));
  }
  t.end();
});

t.test("networks", (t) => {
  t.same(zones("10.0.0.0/8"), ["10.in-addr.arpa."]);
  t.same(zones("10.0.3.7/23"), ["2.0.10.in-addr.arpa.", "3.0.10.in-addr.arpa."], "host bits are dropped");
  t.same(zones("0.0.0.0/0"), ["in-addr.arpa."]);
  t.equal(zones("0.0.0.0/1").length, 128);
  t.equal(zones("10.0.0.128/25").length, 128);
  t.same(zones("2001:db8::/33").length, 8);
  t.same(zones("2001:db8::/31"), ["8.b.d.0.1.0.0.2.ip6.arpa.", "9.b.d.0.1.0.0.2.ip6.arpa."]);
  t.same(zones("2001::/0"), ["ip6.arpa."]);
  t.same(zones("64:ff9b::10.1.2.0/120"), [
    "2.0.1.0.a.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.b.9.f.f.4.6.0.0.ip6.arpa.",
  ]);
  for (const name of [
    "10.0.0/24",
    "10.0.0.0/33",
    "10.0.0.00/8",
    "10.0.0.0/24.",
    "10.0.0.0/-1",
    "fe80::1%eth0/64",
    "10.0.0.0/",
  ]) {
    t.equal(zones(name).length, 1, `${name} is a name`);
  }
  t.end();
});

t.test("zones of plugins", (t) => {
  t.same(normalizeZone("tls://Shop.Test:853"), ["shop.test."], "scheme and port don't count");
  t.same(normalizeZone("10.0.0.0/23"), ["0.0.10.in-addr.arpa.", "1.0.10.in-addr.arpa."]);
  t.equal(normalizeZone("..bad"), undefined);
  t.end();
});
