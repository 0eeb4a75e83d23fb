/** k8s_external beyond the recorded scenarios: late answers, changes, caches, transfers, what can't be. */
import { rmSync, writeFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import t from "tap";
import { TRANSFER } from "../../../src/capabilities.ts";
import { nameOf } from "../../../src/dns/name.ts";
import { recordText } from "../../../src/dns/records.ts";
import { definePlugin } from "../../../src/plugin.ts";
import { serveWorld } from "../../support/world.ts";

const namespace = (name: string): object => ({ apiVersion: "v1", kind: "Namespace", metadata: { name } });
const service = (name: string, spec: object, ingress: object[] = []): object => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name, namespace: "shop" },
  spec,
  status: { loadBalancer: { ingress } },
});
const ports = [
  { name: "http", port: 80 },
  { name: "https", port: 443 },
];
const CLUSTER = [
  namespace("shop"),
  service("www", { clusterIP: "10.96.0.1", ports, externalIPs: ["203.0.113.1", "2001:db8::1"] }),
  service("lb", { clusterIP: "10.96.0.2", ports: ports.slice(1) }, [
    { ip: "203.0.113.2" },
    { hostname: "lb.example.net" },
  ]),
  service("db", { clusterIP: "None", ports: [{ name: "sql", port: 5432 }] }),
  {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name: "db", namespace: "shop", labels: { "kubernetes.io/service-name": "db" } },
    ports: [{ name: "sql", port: 5432 }],
    endpoints: [{ addresses: ["10.244.0.1"], hostname: "db-0" }],
  },
];
const WORLD = { "lb.example.net": ["192.0.2.1", "2001:db8:e::1"], "other.ext.example": ["192.0.2.9"] };
const corefile = (lines = "", beside = ""): string =>
  `. {\nbind 127.0.0.1\nkubernetes cluster.local in-addr.arpa {\nttl 30\n}\nk8s_external ext.example in-addr.arpa {\n${lines}\n}\n${beside}\nworld\n}`;

for (const isLate of [false, true]) {
  t.test(`host names of load balancers, looked up ${isLate ? "later" : "at once"}`, async (t) => {
    const { ask, exchange } = await serveWorld(t, corefile(), { cluster: CLUSTER, world: WORLD, isLate });
    t.equal(await ask("www.shop.ext.example A"), "A 203.0.113.1/5");
    t.equal(await ask("www.shop.ext.example AAAA"), "AAAA 2001:db8::1/5");
    t.equal(
      await ask("lb.shop.ext.example A"),
      "A 203.0.113.2/5, CNAME lb.example.net/30, A 192.0.2.1/120",
      "in their place",
    );
    t.equal(await ask("lb.shop.ext.example AAAA"), "CNAME lb.example.net/30, AAAA 2001:db8:e::1/120");
    const { answers, additionals } = await exchange("_https._tcp.lb.shop.ext.example SRV");
    t.match(answers, [
      { ttl: 30, data: { weight: 50, port: 443, target: "lb.shop.ext.example" } },
      { ttl: 30, data: { weight: 50, port: 443, target: "lb.example.net" } },
    ]);
    t.match(additionals, [
      { name: "lb.shop.ext.example", data: "203.0.113.2", ttl: 5 },
      { name: "lb.example.net", data: "192.0.2.1" },
      { name: "lb.example.net", data: "2001:db8:e::1" },
    ]);
    t.equal(await ask("db.shop.ext.example A"), "NXDOMAIN", "headless services are not shown");
  });
}

t.test("fallthrough and headless", async (t) => {
  const { ask } = await serveWorld(t, corefile("fallthrough ext.example\nheadless\nttl 7"), {
    cluster: CLUSTER,
    world: WORLD,
  });
  t.equal(await ask("other.ext.example A"), "A 192.0.2.9/120");
  t.equal(await ask("db.shop.ext.example A"), "A 10.244.0.1/7");
  t.equal(await ask("db-0.db.shop.ext.example A"), "A 10.244.0.1/7");
  t.equal(await ask("DB-1.db.shop.ext.example A"), "NXDOMAIN");
  t.equal(await ask("x.dns.ext.example A"), "NXDOMAIN", "below the apex nothing is left to others");
  t.equal(await ask("1.113.0.203.in-addr.arpa PTR"), "PTR www.shop.ext.example/7");
  t.equal(await ask("9.113.0.203.in-addr.arpa PTR"), "NXDOMAIN", "not in the zones of fallthrough");
});

t.test("a change is answered at once, out of the cache too", async (t) => {
  const put = (file: string, object: object): void =>
    writeFileSync(join(directory, file), JSON.stringify(object));
  const directory = t.testdir({ "ns.json": JSON.stringify(namespace("shop")) });
  const { ask, exchange } = await serveWorld(
    t,
    corefile("", "cache 3600 {\nsuccess 100 3600 3600\ndenial 100 3600 3600\n}"),
    {
      directory,
    },
  );
  const until = async (question: string, wanted: string): Promise<void> => {
    const end = Date.now() + 3000;
    while ((await ask(question)) !== wanted && Date.now() < end) await sleep(5);
    t.equal(await ask(question), wanted, question);
  };
  const www = (...externalIPs: string[]): object =>
    service("www", { clusterIP: "10.96.0.1", ports, externalIPs });
  const serial = async (): Promise<unknown> =>
    (await exchange("ext.example SOA")).answers.map(({ data }) => data);
  t.equal(await ask("www.shop.ext.example A"), "NXDOMAIN");
  t.equal(await ask("1.113.0.203.in-addr.arpa PTR"), "NXDOMAIN");
  t.match(await serial(), [{ serial: 0 }]);
  put("www.json", www("203.0.113.1"));
  await until("www.shop.ext.example A", "A 203.0.113.1/3600");
  await until("1.113.0.203.in-addr.arpa PTR", "PTR www.shop.ext.example/3600");
  t.match(await serial(), [{ serial: 0 }], "a Service that comes is no change of an external address");
  put("www.json", www("203.0.113.2"));
  await until("www.shop.ext.example A", "A 203.0.113.2/3600");
  await until("1.113.0.203.in-addr.arpa PTR", "NXDOMAIN");
  t.notMatch(await serial(), [{ serial: 0 }], "the serial is the new one");
  rmSync(join(directory, "www.json"));
  await until("www.shop.ext.example A", "NXDOMAIN");
});

t.test("the name server is the server's own Service, under its external addresses", async (t) => {
  const own = Object.values(networkInterfaces())
    .flat()
    .find((one) => one?.internal === false && one.family === "IPv4")?.address;
  if (own === undefined)
    return void t.pass("this machine has no address by which a Service could know it", { skip: true });
  const dns = [
    service("dns", { clusterIP: "10.96.0.10", ports, externalIPs: ["203.0.113.53"] }),
    {
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: { name: "dns", namespace: "shop", labels: { "kubernetes.io/service-name": "dns" } },
      ports: [],
      endpoints: [{ addresses: [own] }],
    },
  ];
  const unbound = corefile("apex zone-data").replace("bind 127.0.0.1\n", "");
  const { exchange, ask } = await serveWorld(t, unbound, { cluster: [...CLUSTER, ...dns] });
  const { answers, additionals } = await exchange("Ext.example NS");
  t.match(answers, [{ name: "ext.example", data: "ns1.zone-data.ext.example" }]);
  t.match(additionals, [{ name: "ns1.zone-data.Ext.example", data: "203.0.113.53" }]);
  t.equal(await ask("ns1.zone-data.ext.example A"), "A 203.0.113.53/5");
  t.equal(await ask("ns1.zone-data.ext.example AAAA"), "NODATA");
  t.equal(await ask("zone-data.ext.example A"), "NODATA");
  t.equal(await ask("ns2.zone-data.ext.example A"), "NXDOMAIN");
});

t.test("a transfer: the whole zone, and nothing where the client is up to date", async (t) => {
  let records: (name: string, serial?: number) => string[] | undefined = () => undefined;
  const taker = definePlugin({
    name: "taker",
    before: ["cache"],
    directive: { args: {} },
    setup: (_options, context) => ({
      start() {
        const [external] = context.find(TRANSFER);
        records = (name, serial) => {
          const found = external?.records(nameOf(name), serial);
          return found && [...found].map(recordText);
        };
      },
    }),
  });
  await serveWorld(t, corefile("", "taker"), { cluster: CLUSTER, plugins: [taker] });
  const all = records("ext.example")!;
  const soa = "ext.example. 5 IN SOA ns1.dns.ext.example. hostmaster.dns.ext.example. 0 7200 1800 86400 5";
  t.equal(all[0], soa);
  t.equal(all.at(-1), soa);
  for (const wanted of [
    "ext.example. 5 IN NS ns1.dns.ext.example.",
    "www.shop.ext.example. 5 IN A 203.0.113.1",
    "www.shop.ext.example. 5 IN AAAA 2001:db8::1",
    "_https._tcp.www.shop.ext.example. 30 IN SRV 0 100 443 www.shop.ext.example.",
    "lb.shop.ext.example. 30 IN CNAME lb.example.net.",
  ])
    t.ok(all.includes(wanted), wanted);
  t.same(records("shop.ext.example"), undefined, "no zone");
  t.same(records("cluster.local"), undefined, "another plugin's");
  t.equal(records("ext.example", 1)?.length, 1, "a newer serial than ours");
  t.ok(records("ext.example", 0)!.length > 1, "a serial of 0 says nothing");
});

t.test("what can't be is refused", async (t) => {
  for (const [text, wanted] of [
    [". {\nk8s_external ext.example\nworld\n}", /add kubernetes to the same server block/],
    [corefile("ttl"), /ttl/],
    [corefile("ttl 3601"), /0 to 3600/],
    [corefile("nosuch"), /nosuch/],
  ] as const) {
    await t.rejects(serveWorld(t, text, { cluster: CLUSTER }), { message: wanted });
  }
});
