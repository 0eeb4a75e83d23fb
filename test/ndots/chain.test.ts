/** `clusterdns ndots` in a chain in this process. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import type { Document, RemedyEntry } from "../../src/ndots/document.ts";
import { loopback } from "../resolver/loopback.ts";
import { root } from "../support/paths.ts";
import { file, json, ndots, refuses } from "./cli.ts";

t.setTimeout(180_000);

const NAME = "api.example.com";

const remedy = ({ remedies }: Document, id: string): RemedyEntry => remedies!.find((one) => one.id === id)!;

void t.test("the kubeadm chain: what an external name costs, and what each remedy makes of it", async (t) => {
  const document = await json<Document>(NAME);
  const [lookup] = document.lookups;
  t.equal(document.lookups.length, 1);
  t.same(
    lookup!.queries.map(({ name, type, server, answer, by, took_ms }) => [
      name,
      type,
      server,
      answer,
      by,
      took_ms,
    ]),
    ["default.svc.cluster.local.", "svc.cluster.local.", "cluster.local.", ""].flatMap((suffix) =>
      ["A", "AAAA"].map((type) =>
        suffix === ""
          ? [`${NAME}.`, type, "10.96.0.10", "NOERROR", "upstream", 21]
          : [`${NAME}.${suffix}`, type, "10.96.0.10", "NXDOMAIN", "cluster", 1],
      ),
    ),
    "glibc, ndots:5: 8 queries, 4 names, and who answered each after how long",
  );
  t.same(lookup!.hops, { cluster: 8, upstream: 2 });
  t.equal(lookup!.result.ms, 24, "three steps of 1 ms, then 21");
  t.equal(lookup!.first_address_ms, 24);
  t.same(document.chain, {
    namespace: "default",
    hops: ["cluster", "upstream"],
    rtt_ms: { node: 0.1, cluster: 1, upstream: 20 },
  });

  const costs = (id: string) => {
    const [one] = remedy(document, id).lookups;
    return [one!.queries, one!.hops.nodelocal ?? 0, one!.hops.cluster ?? 0, one!.hops.upstream ?? 0];
  };
  t.same(costs("none"), [8, 0, 8, 2]);
  t.same(costs("ndots-2"), [2, 0, 2, 2]);
  t.same(costs("ndots-1"), [2, 0, 2, 2]);
  t.same(costs("trailing-dot"), [2, 0, 2, 2]);
  t.same(costs("autopath"), [2, 0, 2, 2]);
  t.same(costs("searchpath"), [2, 0, 2, 2]);
  t.same(costs("nodelocal"), [8, 8, 6, 2], "the cache asks for the outside itself");
  t.same(costs("ndots-2+nodelocal"), [2, 2, 0, 2]);
  t.same(costs("autopath+nodelocal"), [8, 8, 6, 2], "no use: the cluster DNS sees the node, and no pod");
  t.equal(remedy(document, "single-request").lookups[0]!.ms, 48, "A and AAAA one after the other");
  t.equal(remedy(document, "none").lookups[0]!.again.ms, 4, "the outside name is cached, the walk is not");
  t.equal(remedy(document, "nodelocal").lookups[0]!.again.ms, 0.4, "on the node everything is");
  t.ok(
    document.remedies!.every(({ lookups }) => lookups.every(({ ok }) => ok)),
    "found under every remedy",
  );
});

void t.test("what remedies break is tried", async (t) => {
  const document = await json<Document>(NAME, "--resolver", "musl", "--namespace", "shop");
  const broken = (id: string) =>
    remedy(document, id).breaks.map(({ name, resolver }) => `${resolver} ${name}`);
  t.same(broken("none"), []);
  t.same(broken("autopath"), []);
  t.same(broken("searchpath"), []);
  t.same(broken("single-request"), []);
  t.same(
    broken("ndots-1").filter((one) => !one.startsWith("musl")),
    [],
    "glibc and Go search after the name itself failed",
  );
  t.ok(broken("ndots-1").includes("musl-1.2.5 api.payments"), "musl does not: SERVICE.NAMESPACE is lost");
  t.notOk(broken("ndots-2").includes("musl-1.2.5 api.payments"), "with ndots:2 it is found");
  t.ok(broken("ndots-2").includes("musl-1.2.5 api.payments.svc"));
  t.ok(
    broken("trailing-dot").includes("glibc-getaddrinfo web."),
    "a Service's short name must not have a dot",
  );
  const dearer = remedy(document, "ndots-1").dearer.find(
    ({ name, resolver }) => name === "api.payments" && resolver === "glibc-getaddrinfo",
  );
  t.match(dearer, { before: 4, queries: 6, leaked: 2 }, "glibc asks outside first");
});

void t.test("search domains of the node, several names and resolvers", async (t) => {
  const { lookups, remedies } = await json<Document>(
    NAME,
    "kubernetes",
    "--resolver",
    "glibc,go",
    "--search",
    "zone.internal",
  );
  t.same(
    lookups.map(({ name, resolver, queries }) => [name, resolver, queries.length]),
    [
      [NAME, "glibc-getaddrinfo", 10],
      [NAME, "go-pure", 10],
      ["kubernetes", "glibc-getaddrinfo", 2],
      ["kubernetes", "go-pure", 2],
    ],
  );
  t.ok(remedies!.filter(({ why }) => why === null).every(({ lookups }) => lookups.length === 4));
});

void t.test("a Corefile, manifests and a world of one's own", async (t) => {
  const corefile = file("Corefile", ".:53 {\n  kubernetes cluster.local\n  forward . /etc/resolv.conf\n}\n");
  const manifests = file(
    "cluster.yaml",
    `apiVersion: v1
kind: Namespace
metadata: { name: dev }
---
apiVersion: v1
kind: Service
metadata: { name: web, namespace: dev }
spec: { clusterIP: 10.96.7.7, clusterIPs: [10.96.7.7], ports: [{ port: 80 }] }
`,
  );
  const records = file(
    "world.zone",
    "www.example.com. 60 CNAME edge.example.net.\nedge.example.net. A 198.51.100.9\n",
  );
  const { lookups } = await json<Document>(
    "web",
    "www.example.com",
    "nowhere.example.com",
    "--namespace",
    "dev",
    "-conf",
    corefile,
    "--manifests",
    manifests,
    "--upstream-records",
    records,
  );
  t.same(
    lookups.map(({ result }) => [result.ok, result.addresses]),
    [
      [true, ["10.96.7.7"]],
      [true, ["198.51.100.9"]],
      [false, []],
    ],
  );
});

void t.test("NodeLocal in the way, and round-trip times that are given or measured", async (t) => {
  const server = await loopback(() => ({}));
  t.teardown(() => server.close());
  const { lookups, chain } = await json<Document>(
    NAME,
    "--nodelocal",
    "--rtt",
    "node=0.5ms",
    "--rtt",
    "cluster=4",
    "--rtt",
    `upstream=127.0.0.1:${String(server.port)}`,
  );
  t.same(chain!.hops, ["nodelocal", "cluster", "upstream"]);
  t.equal(chain!.rtt_ms.node, 0.5);
  t.ok(chain!.rtt_ms.upstream > 0 && chain!.rtt_ms.upstream < 1000, "measured");
  t.ok(server.asked.length > 1);
  // The first question waits for a connection, the steps behind it use it: 2 + 1 + 1 times 4 ms, each with 0.5 ms to the node.
  const [first] = lookups;
  t.same(
    first!.queries
      .filter((_, i) => i % 2 === 0)
      .map(({ took_ms }) => took_ms)
      .slice(0, 3),
    [8.5, 4.5, 4.5],
  );
});

void t.test("for people", async (t) => {
  const { status, out } = await ndots(NAME);
  t.equal(status, 0);
  t.match(out, /^api\.example\.com by glibc-getaddrinfo\n/);
  t.match(
    out,
    /\n8 queries for 4 names in 24\.0 ms: \S+, \S+\n8 reached the cluster DNS, 2 reached the upstream; the first address after 24\.0 ms\n/,
  );
  t.match(out, /\n {2}as it is +8 +4 +0 +8 +2 /);
  t.match(out, /\n {2}trailing dot +2 +1 +0 +2 +2 /);
  t.match(out, /\n {2}searchpath +2 +1 +0 +2 +2 /);
  t.match(out, /\n {2}ndots:1 .*musl-1\.2\.5: api\.payments,/);
  t.match(
    out,
    /\n {2}ndots:1: api\.payments takes 6 instead of 4, and 2 of them go outside \(glibc-getaddrinfo, go-pure\)\n/,
  );
});

void t.test("with a running server: only what the pod's side can do", async (t) => {
  const server = await loopback(({ name, type }) =>
    name === NAME && type === "A"
      ? { answers: [{ name, type: "A", ttl: 5, data: "192.0.2.1" }] }
      : { rcode: 3 },
  );
  t.teardown(() => server.close());
  const at = `127.0.0.1:${String(server.port)}`;
  t.notOk("remedies" in (await json<Document>(NAME, "--server", at)), "remedies are asked for");
  const document = await json<Document>(NAME, "--server", at, "--remedies");
  t.equal(remedy(document, "none").lookups[0]!.queries, 8);
  t.equal(remedy(document, "trailing-dot").lookups[0]!.queries, 2);
  t.match(remedy(document, "nodelocal").why, /the server is as it is/);
  t.same(remedy(document, "nodelocal").lookups, []);
});

void t.test("charts: a page and a picture", async (t) => {
  const html = file("out.html", "");
  const svg = file("out.svg", "");
  t.equal((await ndots(NAME, "--html", html, "--svg", svg)).status, 0);
  t.match(readFileSync(html, "utf8"), /^<!doctype html>[^]*<svg [^]*<table>/);
  t.match(readFileSync(svg, "utf8"), /^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg"/);
});

void t.test("input that is no use", async (t) => {
  const broken = file("broken.Corefile", ".:53 {\n  nonsense\n}\n");
  const zone = file("bad.zone", "www.example.com. A 1.2.3\n");
  const yaml = file("bad.yaml", "kind: [");
  await refuses(t, [NAME, "-conf", broken], /broken\.Corefile|Corefile:2/);
  await refuses(t, [NAME, "-conf", join(root, "no-such-file")], /no-such-file: ENOENT/);
  await refuses(t, [NAME, "--upstream-records", zone], /bad\.zone:1: /);
  await refuses(t, [NAME, "--manifests", yaml], /bad\.yaml:\d+: not YAML/);
  await refuses(t, [NAME, "--manifests", join(root, "nowhere")], /--manifests .*ENOENT/);
  await refuses(t, [NAME, "--rtt", "moon=3"], /LEG being node, cluster or upstream/);
  await refuses(t, [NAME, "--rtt", "cluster=soon"], /neither milliseconds nor ADDR:PORT/);
  await refuses(t, [NAME, "--rtt", "cluster=127.0.0.1:9"], /no answer from there/);
  await refuses(
    t,
    [NAME, "--server", "127.0.0.1:53", "-conf", broken],
    /--server asks a server that runs somewhere/,
  );
  await refuses(t, [NAME, "--html", join(root, "no/such/dir/x.html")], /ENOENT/);
});
