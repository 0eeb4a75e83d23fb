import t from "tap";
import { serveWorld } from "../../support/world.ts";

const WORLD = {
  "v4.example.com": ["192.0.2.33"],
  "both.example.com": ["192.0.2.34", "2001:db8::34"],
  "alias.example.com": ["CNAME v4.example.com"],
};
const canonical = (address: string): string => new URL(`http://[${address}]`).hostname;
const V6 = "2001:db8::100";

t.test("the examples of RFC 6052 §2.4", async (t) => {
  for (const [prefix, address] of [
    ["2001:db8::/32", "2001:db8:c000:221::"],
    ["2001:db8:100::/40", "2001:db8:1c0:2:21::"],
    ["2001:db8:122::/48", "2001:db8:122:c000:2:2100::"],
    ["2001:db8:122:300::/56", "2001:db8:122:3c0:0:221::"],
    ["2001:db8:122:344::/64", "2001:db8:122:344:c0:2:2100::"],
    ["2001:db8:122:344::/96", "2001:db8:122:344::c000:221"],
    ["64:ff9b::/96", "64:ff9b::c000:221"],
  ] as const) {
    const { ask } = await serveWorld(t, `. {\ndns64 ${prefix}\nworld\n}`, { world: WORLD });
    const [, found] = /^AAAA (\S+)\//.exec(await ask("v4.example.com AAAA", V6)) ?? [];
    t.equal(canonical(found!), canonical(address), prefix);
  }
});

t.test("only what is asked for over IPv6 and is not there", async (t) => {
  const { ask, asked, exchange, metric } = await serveWorld(t, ". {\ndns64\nworld\n}", { world: WORLD });
  t.equal(await ask("v4.example.com AAAA"), "NODATA", "over IPv4");
  t.match(await ask("both.example.com AAAA", V6), /^AAAA 2001:db8::34\/120$/);
  t.equal(await ask("none.example.com AAAA", V6), "NXDOMAIN");
  t.equal(await ask("v4.example.com AAAA", V6), "AAAA 64:ff9b::c000:221/60", "not longer than the SOA");
  t.match(await ask("v4.example.com A", V6), /^A 192/);
  t.same(
    asked.filter((one) => one.endsWith(" A")),
    ["v4.example.com. A", "v4.example.com. A"],
    "once for the other type, and once since it was asked for",
  );
  const { answers } = await exchange("alias.example.com AAAA", V6);
  t.match(answers, [
    { type: "CNAME", data: "v4.example.com" },
    { type: "AAAA", ttl: 120 },
  ]);
  t.equal(await metric('coredns_dns64_requests_translated_total{server="dns://:53"}'), 2);
});

t.test("also where answers come later, and where all are to be translated", async (t) => {
  const { ask } = await serveWorld(t, ". {\ndns64 {\nallow_ipv4\ntranslate_all\n}\nworld\n}", {
    world: WORLD,
    isLate: true,
  });
  t.equal(await ask("both.example.com AAAA"), "AAAA 64:ff9b::c000:222/120");
});
