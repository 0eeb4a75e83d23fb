/** autopath beyond the recorded scenarios: late answers, failures, what can't be, the search list of a file. */
import { join } from "node:path";
import t from "tap";
import { parseSearchList } from "../../../src/dns/search-list.ts";
import { nameText } from "../../../src/dns/name.ts";
import { serveWorld } from "../../support/world.ts";

const CLUSTER = `
{ apiVersion: v1, kind: Namespace, metadata: { name: shop } }
---
{ apiVersion: v1, kind: Service, metadata: { name: web, namespace: shop }, spec: { clusterIP: 10.96.0.1, ports: [{ port: 80 }] } }
---
{ apiVersion: v1, kind: Service, metadata: { name: alias, namespace: shop }, spec: { type: ExternalName, externalName: api.example.com } }
---
{ apiVersion: v1, kind: Pod, metadata: { name: client, namespace: shop }, status: { podIP: 10.244.9.9 } }
`;
const WORLD = {
  "api.example.com": ["192.0.2.1"],
  "v6.example.com": ["2001:db8::6"],
  "broken.example.com": ["SERVFAIL"],
  "crm.corp.example": ["192.0.2.4"],
};
const POD = "10.244.9.9";
const corefile = (line: string, beside = ""): string =>
  `. {\nkubernetes cluster.local {\npods verified\n}\n${line}\n${beside}\nworld\n}`;

for (const isLate of [false, true]) {
  t.test(`@kubernetes, where the world answers ${isLate ? "later" : "at once"}`, async (t) => {
    const { ask, exchange, asked, metric } = await serveWorld(t, corefile("autopath @kubernetes"), {
      cluster: CLUSTER,
      world: WORLD,
      isLate,
    });
    t.equal(
      await ask("api.example.com.shop.svc.cluster.local A", POD),
      "CNAME api.example.com/120, A 192.0.2.1/120",
    );
    t.equal(
      await ask("web.shop.shop.svc.cluster.local A", POD),
      "CNAME web.shop.svc.cluster.local/5, A 10.96.0.1/5",
    );
    t.equal(await ask("api.example.com.shop.svc.cluster.local A"), "NXDOMAIN", "no pod of that address");
    t.equal(
      await ask("api.example.com.data.svc.cluster.local A", POD),
      "NXDOMAIN",
      "another namespace's list",
    );
    const nodata = await exchange("v6.example.com.shop.svc.cluster.local A", POD);
    t.same(nodata.answers, [], "NODATA ends the walk, without an alias");
    t.match(nodata, { rcode: "NOERROR", authorities: [{ type: "SOA", name: "example.com" }] });
    t.match(
      await exchange("nowhere.example.com.shop.svc.cluster.local A", POD),
      { rcode: "NXDOMAIN", authorities: [{ name: "cluster.local" }] },
      "nothing found: the first name's denial",
    );
    t.equal(await ask("broken.example.com.shop.svc.cluster.local A", POD), "SERVFAIL");
    t.equal(await ask("shop.svc.cluster.local A", POD), "SERVFAIL", "the first domain itself");
    t.ok(asked.includes("nowhere.example.com. A"));
    t.equal(await metric('coredns_autopath_success_total{server="dns://:53"}'), 3);
  });
}

t.test("the question is the client's, also where the first name is the one", async (t) => {
  const { exchange } = await serveWorld(t, corefile("autopath @kubernetes"), {
    cluster: CLUSTER,
    world: WORLD,
  });
  t.match(await exchange("Web.SHOP.svc.cluster.local A", POD), {
    questions: [{ name: "Web.SHOP.svc.cluster.local" }],
    answers: [{ name: "Web.shop.svc.cluster.local", type: "A" }],
  });
});

t.test("a file's search list, for every client", async (t) => {
  const dir = t.testdir({
    "resolv.conf": "search a.example b.example\nsearch shop.svc.cluster.local corp.example\n",
  });
  const file = join(dir, "resolv.conf");
  const { ask } = await serveWorld(t, corefile(`autopath ${file}`), { cluster: CLUSTER, world: WORLD });
  t.equal(await ask("crm.shop.svc.cluster.local A"), "CNAME crm.corp.example/120, A 192.0.2.4/120");
  t.equal(await ask("crm.svc.cluster.local A"), "NXDOMAIN");
  const limited = await serveWorld(t, corefile(`autopath example.com ${file}`), {
    cluster: CLUSTER,
    world: WORLD,
  });
  t.equal(await limited.ask("crm.shop.svc.cluster.local A"), "NXDOMAIN", "not in its zones");
});

t.test("a file without a search list does nothing", async (t) => {
  const dir = t.testdir({ "resolv.conf": "nameserver 192.0.2.53\n" });
  const { ask } = await serveWorld(t, corefile(`autopath ${join(dir, "resolv.conf")}`), {
    cluster: CLUSTER,
    world: WORLD,
  });
  t.equal(await ask("api.example.com A"), "A 192.0.2.1/120");
  t.equal(await ask("api.example.com.shop.svc.cluster.local A"), "NXDOMAIN");
});

t.test("what can't be is refused", async (t) => {
  for (const [line, wanted] of [
    ["autopath", /autopath/],
    ["autopath /nosuch/resolv.conf", /^Corefile:\d+: autopath: .*\/nosuch\/resolv\.conf/],
    ["autopath @cache\ncache", /cache knows no search lists/],
  ] as const) {
    await t.rejects(serveWorld(t, corefile(line), { cluster: CLUSTER }), { message: wanted });
  }
  const absent = await serveWorld(t, ". {\nautopath @kubernetes\nworld\n}", { cluster: [], world: WORLD });
  t.equal(await absent.ask("api.example.com A"), "A 192.0.2.1/120", "without kubernetes it does nothing");
});

t.test("search lists as resolv.conf(5) has them", (t) => {
  for (const [text, wanted] of [
    ["", []],
    ["search a.example B.Example.\n", ["a.example.", "b.example."]],
    ["search a.example\ndomain b.example\n", ["b.example."]],
    ["domain b.example\nsearch a.example c.example", ["a.example.", "c.example."]],
    ["# search a.example\n;search b.example\nsearch\tc.example  d.example\r\n", ["c.example.", "d.example."]],
    ["search a..example ok.example\n", ["ok.example."]],
    ["search .\n", ["."]],
  ] as const) {
    t.same(parseSearchList(text).map(nameText), wanted, JSON.stringify(text));
  }
  t.end();
});
