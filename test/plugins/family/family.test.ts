/** family: no upstream is asked for addresses that the cluster can't reach. */
import { networkInterfaces } from "node:os";
import t from "tap";
import { Families } from "../../../src/cluster/families.ts";
import { learnFamily } from "../../../plugins/family/learn.ts";
import { serveWorld } from "../../support/world.ts";

const WORLD = {
  "both.example.com": ["192.0.2.1", "2001:db8::1"],
  "lan.example": ["192.0.2.2", "2001:db8::2"],
};
const namespace = { apiVersion: "v1", kind: "Namespace", metadata: { name: "shop" } };
const service = (name: string, clusterIP: string): object => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name, namespace: "shop" },
  spec: { clusterIP, ports: [{ port: 80 }] },
});
const alias = {
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "alias", namespace: "shop" },
  spec: { type: "ExternalName", externalName: "both.example.com" },
};
const CLUSTER = [namespace, service("web", "10.96.0.1"), alias];

const corefile = (line: string, beside = ""): string =>
  `. {\nkubernetes cluster.local\n${beside}\n${line}\nworld\n}`;

t.test("an IPv4-only cluster: AAAA is NODATA, and nobody is asked", async (t) => {
  const { ask, exchange, asked, metric } = await serveWorld(t, corefile("family ipv4"), {
    cluster: CLUSTER,
    world: WORLD,
  });
  const { rcode, answers, authorities, flag_ra: ra } = await exchange("Both.example.com AAAA");
  t.equal(rcode, "NOERROR", "never NXDOMAIN: that would deny the name's A records, too (RFC 8020)");
  t.same(answers, []);
  t.match(authorities, [{ type: "SOA", name: "Both.example.com", ttl: 300, data: { minimum: 300 } }]);
  t.equal(ra, true);
  t.same(asked, []);
  t.equal(await ask("both.example.com A"), "A 192.0.2.1/120");
  t.equal(await ask("both.example.com MX"), "NODATA");
  t.same(asked, ["both.example.com. A", "both.example.com. MX"]);
  t.equal(await metric('coredns_family_answered_total{server="dns://:53"}'), 1);
});

t.test("the cluster's own names stay what they are", async (t) => {
  const { ask, asked } = await serveWorld(t, corefile("family ipv4"), { cluster: CLUSTER, world: WORLD });
  t.equal(await ask("web.shop.svc.cluster.local AAAA"), "NODATA");
  t.equal(await ask("nosuch.shop.svc.cluster.local AAAA"), "NXDOMAIN");
  t.equal(await ask("alias.shop.svc.cluster.local AAAA"), "CNAME both.example.com/5");
  t.same(asked, [], "nor is the target of an alias asked for");
});

t.test("what another plugin answers is answered", async (t) => {
  const { ask } = await serveWorld(
    t,
    corefile("family ipv4", "hosts {\n2001:db8::9 printer.lan\nfallthrough\n}"),
    { cluster: CLUSTER, world: WORLD },
  );
  t.match(await ask("printer.lan AAAA"), /^AAAA 2001:db8::9/);
});

t.test("an IPv6-only cluster", async (t) => {
  const { ask, asked } = await serveWorld(t, corefile("family ipv6"), { cluster: CLUSTER, world: WORLD });
  t.equal(await ask("both.example.com A"), "NODATA");
  t.same(asked, []);
  t.equal(await ask("both.example.com AAAA"), "AAAA 2001:db8::1/120");
});

t.test("who validates gets what there is", async (t) => {
  const { exchange } = await serveWorld(t, corefile("family ipv4"), { cluster: CLUSTER, world: WORLD });
  const additionals = [
    { type: "OPT", name: ".", udpPayloadSize: 1232, flags: 0x8000, flag_do: true, options: [] },
  ];
  t.match(await exchange("both.example.com AAAA", undefined, { additionals } as never), {
    answers: [{ data: "2001:db8::1" }],
  });
});

t.test("zones, exceptions and TTL", async (t) => {
  const { ask, exchange } = await serveWorld(
    t,
    corefile("family ipv4 example.com {\nttl 60\nexcept v6.example.com\n}"),
    { cluster: CLUSTER, world: { ...WORLD, "v6.example.com": ["2001:db8::6"] } },
  );
  t.match(await exchange("both.example.com AAAA"), { authorities: [{ ttl: 60, data: { minimum: 60 } }] });
  t.equal(await ask("lan.example AAAA"), "AAAA 2001:db8::2/120");
  t.equal(await ask("v6.example.com AAAA"), "AAAA 2001:db8::6/120");
});

t.test("with searchpath: one query for A, one for AAAA, and none of the latter further on", async (t) => {
  const { ask, asked } = await serveWorld(t, corefile("family ipv4", "searchpath {\nextra\n}"), {
    cluster: CLUSTER,
    world: WORLD,
  });
  t.equal(await ask("both.example.com.shop.svc.cluster.local AAAA"), "CNAME both.example.com/5");
  t.equal(
    await ask("both.example.com.shop.svc.cluster.local A"),
    "CNAME both.example.com/5, A 192.0.2.1/120",
  );
  t.same(asked, ["both.example.com. A"]);
});

t.test("the family is learnt from addresses", (t) => {
  const of = (...lists: string[][]): Families => {
    const families = new Families();
    for (const list of lists) families.add(list, 1);
    return families;
  };
  t.equal(learnFamily(of(["10.96.0.1"]), []), "ipv4");
  t.equal(learnFamily(of(["10.96.0.1"]), ["10.244.0.1", "fe80::1"]), "ipv4", "link-local does not count");
  t.equal(learnFamily(of(["10.96.0.1"]), ["10.244.0.1", "fd00::1"]), undefined, "this pod has both");
  t.equal(learnFamily(of(["10.96.0.1"], ["fd00::1"]), []), undefined, "an endpoint has both");
  t.equal(learnFamily(of(["fd00::1"]), ["fd00::2"]), "ipv6");
  t.equal(learnFamily(of(["fd00::1"]), ["10.0.0.1"]), undefined);
  t.equal(learnFamily(of(), ["10.0.0.1"]), undefined, "nothing is known yet");
  t.equal(learnFamily(of(["printer.example.com"]), []), undefined, "a name is no address");
  const changed = of(["10.96.0.1"], ["fd00::1"]);
  changed.add(["fd00::1"], -1);
  t.equal(learnFamily(changed, []), "ipv4");
  t.end();
});

t.test("auto, in a server", async (t) => {
  const hasIpv6 = Object.values(networkInterfaces()).some((list = []) =>
    list.some(({ internal, family, scopeid }) => !internal && family === "IPv6" && scopeid === 0),
  );
  const single = await serveWorld(t, corefile("family auto"), { cluster: CLUSTER, world: WORLD });
  t.equal(
    await single.ask("both.example.com AAAA"),
    hasIpv6 ? "AAAA 2001:db8::1/120" : "NODATA",
    "a cluster that shows IPv4 only",
  );
  const dual = await serveWorld(t, corefile("family auto"), {
    cluster: [...CLUSTER, service("six", "fd00:10:96::1")],
    world: WORLD,
  });
  t.equal(await dual.ask("both.example.com AAAA"), "AAAA 2001:db8::1/120", "one address is enough");
});

t.test("what can't be is refused", async (t) => {
  for (const [text, wanted] of [
    [". {\nfamily auto\nworld\n}", /add that to the same server block/],
    [". {\nfamily\nworld\n}", /family/],
    [". {\nfamily both\nworld\n}", /ipv4, ipv6, auto/],
    [". {\nfamily ipv4 {\nttl 0\n}\nworld\n}", /ttl/],
  ] as const) {
    await t.rejects(serveWorld(t, text, { cluster: [] }), { message: wanted });
  }
});
