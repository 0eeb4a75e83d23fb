/** searchpath: the walk of a pod's search list in one round trip, and when there is none. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import t, { type Test } from "tap";
import { run } from "../../../src/cli/ndots.ts";
import { bookmark, send, sendList, startFakeApiServer } from "../../support/fake-apiserver.ts";
import { serveWorld, type World, type WorldOptions, type WorldServer } from "../../support/world.ts";

const CLUSTER = `
{ apiVersion: v1, kind: Namespace, metadata: { name: shop } }
---
{ apiVersion: v1, kind: Namespace, metadata: { name: data } }
---
{ apiVersion: v1, kind: Namespace, metadata: { name: dev } }
---
{ apiVersion: v1, kind: Service, metadata: { name: web, namespace: shop }, spec: { clusterIP: 10.96.0.1, ports: [{ name: http, port: 80 }] } }
---
{ apiVersion: v1, kind: Service, metadata: { name: db, namespace: data }, spec: { clusterIP: None } }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: db, namespace: data, labels: { kubernetes.io/service-name: db } }
ports: [{ name: sql, port: 5432 }]
endpoints: [{ addresses: [10.244.0.1], hostname: db-0 }]
---
{ apiVersion: v1, kind: Pod, metadata: { name: client, namespace: shop }, status: { podIP: 10.244.9.9 } }
`;

const WORLD: World = {
  "api.example.com": ["192.0.2.1"],
  "both.example.com": ["192.0.2.2", "2001:db8::2"],
  "www.example.com": ["CNAME edge.example.net"],
  "edge.example.net": ["192.0.2.3"],
  "broken.example.com": ["SERVFAIL"],
  "crm.corp.example": ["192.0.2.4"],
  "login.example.com": ["192.0.2.5"],
};

const serve = (
  t: Test,
  lines = "",
  more: Partial<WorldOptions> & { pods?: string } = {},
): Promise<WorldServer> =>
  serveWorld(
    t,
    `.:0 {
      bind 127.0.0.1
      searchpath { ${lines === "" ? "extra" : lines} \n }
      kubernetes cluster.local { \n ttl 30 \n pods ${more.pods ?? "disabled"} \n }
      world
    }`.replaceAll(" { ", " {\n"),
    { cluster: CLUSTER, world: WORLD, ...more },
  );

for (const isLate of [false, true]) {
  t.test(`a walk, where the world answers ${isLate ? "later" : "at once"}`, async (t) => {
    const { ask, asked, metric } = await serve(t, "", { isLate });
    t.equal(
      await ask("api.example.com.shop.svc.cluster.local A"),
      "CNAME api.example.com/30, A 192.0.2.1/120",
      "the alias lasts no longer than the first name is known not to be there",
    );
    t.equal(await ask("api.example.com.shop.svc.cluster.local AAAA"), "CNAME api.example.com/30");
    t.equal(
      await ask("both.example.com.data.svc.cluster.local AAAA"),
      "CNAME both.example.com/30, AAAA 2001:db8::2/120",
    );
    t.equal(
      await ask("www.example.com.shop.svc.cluster.local A"),
      "CNAME www.example.com/30, CNAME edge.example.net/120, A 192.0.2.3/120",
    );
    t.equal(
      await ask("web.shop.data.svc.cluster.local A"),
      "CNAME web.shop.svc.cluster.local/30, A 10.96.0.1/30",
    );
    t.equal(
      await ask("web.shop.svc.data.svc.cluster.local A"),
      "CNAME web.shop.svc.cluster.local/30, A 10.96.0.1/30",
      "as base.ZONE",
    );
    t.equal(
      await ask("db-0.db.data.shop.svc.cluster.local A"),
      "CNAME db-0.db.data.svc.cluster.local/30, A 10.244.0.1/30",
    );
    t.equal(
      await ask("db.data.shop.svc.cluster.local AAAA"),
      "CNAME db.data.svc.cluster.local/30",
      "a name without addresses of the family ends the walk, too",
    );
    t.same(
      asked.filter((one) => one.includes("cluster.local")),
      [],
      "the world hears of none of the cluster's names",
    );
    t.equal(await metric('coredns_searchpath_shortened_total{server="dns://127.0.0.1:0"}'), 8);
  });
}

t.test("NODATA behind an alias says for how long (RFC 2308 §2.2)", async (t) => {
  const { exchange } = await serve(t);
  const { answers, authorities, rcode } = await exchange("api.example.com.shop.svc.cluster.local AAAA");
  t.equal(rcode, "NOERROR");
  t.match(answers, [{ type: "CNAME", data: "api.example.com", ttl: 30 }]);
  t.match(authorities, [{ type: "SOA", name: "example.com" }]);
});

t.test("letters: the owner's are the client's", async (t) => {
  const { exchange } = await serve(t);
  const { questions, answers } = await exchange("Api.Example.com.Shop.svc.CLUSTER.local A");
  t.match(questions, [{ name: "Api.Example.com.Shop.svc.CLUSTER.local" }]);
  t.match(answers, [
    { name: "Api.Example.com.Shop.svc.CLUSTER.local", type: "CNAME", data: "Api.Example.com" },
    { name: "Api.Example.com", type: "A", data: "192.0.2.1" },
  ]);
});

t.test("what is not walked", async (t) => {
  const { ask, asked } = await serve(t);
  for (const [question, wanted, why] of [
    ["web.shop.svc.cluster.local A", "A 10.96.0.1/30", "a service"],
    ["web.shop.svc.cluster.local AAAA", "NODATA", "a service without addresses of the family"],
    ["nosuch.shop.svc.cluster.local A", "NXDOMAIN", "a name without dots"],
    ["db-9.db.data.svc.cluster.local A", "NXDOMAIN", "an endpoint, not ready, of a service that is there"],
    ["_nosuch._tcp.web.shop.svc.cluster.local SRV", "NXDOMAIN", "a port of a service that is there"],
    ["api.example.com.nosuch.svc.cluster.local A", "NXDOMAIN", "a namespace that is not there"],
    ["api.example.com.svc.cluster.local A", "NXDOMAIN", "the second name of a walk"],
    ["api.example.com.cluster.local A", "NXDOMAIN", "the third"],
    ["api.example.com.shop.pod.cluster.local A", "NXDOMAIN", "another suffix"],
    ["shop.svc.cluster.local A", "NODATA", "a namespace"],
    ["svc.cluster.local A", "NODATA", "svc"],
    ["cluster.local A", "NODATA", "the zone"],
  ] as const) {
    t.equal(await ask(question), wanted, why);
  }
  t.same(asked, []);
  t.equal(await ask("nosuch.shop.svc.example.com A"), "NXDOMAIN", "another zone");
  t.same(asked, ["nosuch.shop.svc.example.com. A"]);
});

t.test("nothing found: the client hears of the first name, and goes on by itself", async (t) => {
  const { exchange, asked } = await serve(t);
  const { rcode, authorities } = await exchange("nowhere.example.com.shop.svc.cluster.local A");
  t.equal(rcode, "NXDOMAIN");
  t.match(authorities, [{ type: "SOA", name: "cluster.local" }]);
  t.same(asked, ["nowhere.example.com. A"]);
});

t.test("trouble on the way: the client does what its resolver does then", async (t) => {
  const { ask } = await serve(t);
  t.equal(await ask("broken.example.com.shop.svc.cluster.local A"), "NXDOMAIN");
});

t.test("a client's next name is not taken for another client's first one", async (t) => {
  const { ask } = await serve(t);
  // `dev` is a namespace, and a top-level domain.
  t.equal(
    await ask("login.example.com.dev.svc.cluster.local A"),
    "CNAME login.example.com/30, A 192.0.2.5/120",
    "a pod in dev asks for login.example.com",
  );
  t.equal(
    await ask("login.example.com.dev.shop.svc.cluster.local A"),
    "NXDOMAIN",
    "one in shop for …com.dev",
  );
  t.equal(await ask("login.example.com.dev.svc.cluster.local A"), "NXDOMAIN", "and goes on");
  t.equal(await ask("Login.example.com.DEV.svc.cluster.local AAAA"), "NXDOMAIN");
});

t.test("where pods are known, only their own namespace's names are walked", async (t) => {
  const { ask } = await serve(t, "", { pods: "verified" });
  t.match(await ask("api.example.com.shop.svc.cluster.local A", "10.244.9.9"), /^CNAME/);
  t.equal(await ask("api.example.com.data.svc.cluster.local A", "10.244.9.9"), "NXDOMAIN");
  t.match(await ask("api.example.com.data.svc.cluster.local A", "10.244.9.8"), /^CNAME/, "not a known pod");
});

t.test("options", async (t) => {
  const extra = await serve(t, "extra corp.example");
  t.equal(await extra.ask("crm.shop.svc.cluster.local A"), "NXDOMAIN");
  const all = await serve(t, "extra corp.example nowhere.example\nmin_dots 0");
  t.equal(await all.ask("crm.shop.svc.cluster.local A"), "CNAME crm.corp.example/30, A 192.0.2.4/120");
  t.equal(
    await all.ask("api.example.com.shop.svc.cluster.local A"),
    "CNAME api.example.com/30, A 192.0.2.1/120",
  );
  t.same(all.asked, [
    "crm.corp.example. A",
    "api.example.com.corp.example. A",
    "api.example.com.nowhere.example. A",
    "api.example.com. A",
  ]);
  const dots = await serve(t, "min_dots 2\nextra");
  t.match(await dots.ask("api.example.com.shop.svc.cluster.local A"), /^CNAME/);
  t.equal(await dots.ask("web.shop.data.svc.cluster.local A"), "NXDOMAIN");
  const except = await serve(t, "except data\nextra");
  t.equal(await except.ask("api.example.com.data.svc.cluster.local A"), "NXDOMAIN");
  t.match(await except.ask("api.example.com.shop.svc.cluster.local A"), /^CNAME/);
});

t.test("names outside of the cluster are asked of the whole server", async (t) => {
  const { ask } = await serveWorld(
    t,
    `cluster.local:0 {
      searchpath {
        extra
      }
      kubernetes {
        ttl 30
      }
    }
    example.com:0 {
      world
    }`,
    { cluster: CLUSTER, world: WORLD },
  );
  t.equal(await ask("api.example.com.shop.svc.cluster.local A"), "CNAME api.example.com/30, A 192.0.2.1/120");
  t.equal(
    await ask("crm.corp.example.shop.svc.cluster.local A"),
    "NXDOMAIN",
    "refused, so the client is on its own",
  );
});

t.test("names that would be too long are passed over", async (t) => {
  const { ask } = await serve(t);
  const long = Array.from({ length: 3 }, () => "a".repeat(60)).join(".");
  t.equal(await ask(`${long}.example.com.shop.svc.cluster.local A`), "NXDOMAIN");
});

t.test("in front of the cache, which keeps each name for itself", async (t) => {
  const { ask } = await serveWorld(
    t,
    ". {\nsearchpath {\nextra\n}\ncache 30\nkubernetes cluster.local {\nttl 30\n}\nworld\n}",
    { cluster: CLUSTER, world: WORLD },
  );
  for (let i = 0; i < 2; i++) {
    t.equal(
      await ask("api.example.com.shop.svc.cluster.local A"),
      "CNAME api.example.com/30, A 192.0.2.1/30",
    );
  }
});

t.test(
  "a Service that comes is found at once, though every name of the walk was kept as missing",
  async (t) => {
    const put = (file: string, object: object): void =>
      writeFileSync(join(directory, file), JSON.stringify({ apiVersion: "v1", ...object }));
    const directory = t.testdir({});
    put("shop.json", { kind: "Namespace", metadata: { name: "shop" } });
    put("data.json", { kind: "Namespace", metadata: { name: "data" } });
    const { ask } = await serveWorld(
      t,
      ". {\nsearchpath {\nextra\n}\ncache 3600\nkubernetes cluster.local {\nttl 3600\n}\nworld\n}",
      { directory },
    );
    t.equal(await ask("new.shop.data.svc.cluster.local A"), "NXDOMAIN");
    const spec = { clusterIP: "10.96.0.9", ports: [{ port: 80 }] };
    put("new.json", { kind: "Service", metadata: { name: "new", namespace: "shop" }, spec });
    const end = Date.now() + 3000;
    let answer: string;
    do {
      await sleep(5);
      answer = await ask("new.shop.data.svc.cluster.local A");
    } while (answer === "NXDOMAIN" && Date.now() < end);
    t.match(answer, /^CNAME new\.shop\.svc\.cluster\.local\/\d+, A 10\.96\.0\.9\/\d+$/);
  },
);

t.test("without kubernetes it says what is missing", async (t) => {
  await t.rejects(serveWorld(t, ". {\nsearchpath\nworld\n}", { cluster: [] }), { message: /add kubernetes/ });
});

t.test("pods are not asked for, however many there are", async (t) => {
  const api = await startFakeApiServer((request) => {
    const { resource, query } = request;
    if (query["watch"] === undefined) return sendList(request, 5, []);
    const namespace = { kind: "Namespace", metadata: { name: "shop", resourceVersion: "1" } };
    if (resource === "namespaces") send(request, { type: "ADDED", object: namespace });
    send(request, bookmark(5, true));
  });
  t.teardown(() => api.close());
  const { ask } = await serveWorld(
    t,
    `. {\nsearchpath {\nextra\n}\nkubernetes cluster.local {\nendpoint ${api.url}\n}\nworld\n}`,
    { world: WORLD },
  );
  t.equal(await ask("api.example.com.shop.svc.cluster.local A"), "CNAME api.example.com/5, A 192.0.2.1/120");
  const resources = new Set(api.asked.map((one) => one.split("?")[0]));
  t.same([...resources].sort(), ["endpointslices", "namespaces", "services"]);
});

t.test("what lookups cost", async (t) => {
  const cost = async (lines: string, resolver: string): Promise<number> => {
    const { server } = await serveWorld(t, lines, { cluster: CLUSTER, world: WORLD, listen: true });
    const [{ port } = { port: 0 }] = server.addresses();
    let out = "";
    const sink = { write: (text: string | Uint8Array) => ((out += String(text)), true) };
    const status = await run(
      [
        "api.example.com",
        "--namespace",
        "shop",
        "--resolver",
        resolver,
        "--server",
        `127.0.0.1:${port}`,
        "--json",
      ],
      sink,
      sink,
    );
    t.equal(status, 0, out);
    const { lookups } = JSON.parse(out) as {
      lookups: { queries: unknown[]; result: { addresses: string[] } }[];
    };
    t.same(lookups[0]!.result.addresses, ["192.0.2.1"], `${resolver} gets the address`);
    return lookups[0]!.queries.length;
  };
  const plain = ".:0 {\nbind 127.0.0.1\nkubernetes cluster.local\nworld\n}";
  const walked = ".:0 {\nbind 127.0.0.1\nsearchpath {\nextra\n}\nkubernetes cluster.local\nworld\n}";
  for (const [resolver, before, after] of [
    ["glibc-getaddrinfo", 8, 2],
    ["glibc-getaddrinfo-inet", 4, 1],
    ["musl-1.2.5", 8, 2],
    ["musl-1.2.5-inet", 4, 1],
    ["go-pure", 8, 2],
    ["c-ares-getaddrinfo", 8, 2],
    ["node-dns.lookup", 8, 2],
    ["python3-getaddrinfo", 8, 2],
    ["java-getAllByName", 8, 2],
  ] as const) {
    t.equal(await cost(plain, resolver), before, `${resolver} without it`);
    t.equal(await cost(walked, resolver), after, `${resolver} with it`);
  }
});
