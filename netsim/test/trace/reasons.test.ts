/** Why a connection ends where it does: policy, routes, and what TO or FROM leave open; and that each reason has a test. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { loadText } from "../../src/model/load.ts";
import { trace } from "../../src/trace/trace.ts";
import { REASONS } from "../../src/trace/types.ts";
import { networkPolicy, node, pod } from "../policy/make.ts";
import { ask, is } from "./shop.ts";
import { at, example, layers } from "./support.ts";

t.test("policy", async (t) => {
  const byService = networkPolicy("data/by-service", {
    podSelector: {},
    ingress: [{ from: [{ namespaceSelector: {} }], ports: [{ port: 80 }] }],
  });
  const denied = await ask("db-svc.data:80", [byService]);
  is(t, denied, "deny", "ingress-denied");
  t.match(denied.remedy, { text: /the pod's port 5432, not the Service's 80/, change: "port: 5432" });
  const cidr = networkPolicy("shop/cidr", {
    podSelector: {},
    egress: [{ to: [{ ipBlock: { cidr: "10.96.0.0/16" } }] }, { ports: [{ port: 53, protocol: "UDP" }] }],
  });
  const behind = await ask("db-svc.data:80", [cidr]);
  is(t, behind, "deny", "egress-denied");
  t.match(behind.remedy, { text: /policy sees the pod behind it, 10\.244\.2\.2/ });
  const both = pod("data/db-2", { app: "db", open: "yes" }, "10.244.2.3", { node: "node-2" });
  const half = networkPolicy("data/half", { podSelector: { matchLabels: { open: "yes" } } });
  const some = await ask("db-svc.data:80", [both, half]);
  t.match(some, { verdict: "deny", to: { id: "data/db-2" } }, "the worst of two endpoints");
  t.ok(some.notes.some((n) => n.code === "some-endpoints"));
  const mesh = {
    apiVersion: "security.istio.io/v1",
    kind: "AuthorizationPolicy",
    metadata: { name: "a", namespace: "data" },
    spec: {},
  };
  t.ok(
    (await ask("db-svc.data:80", [mesh])).notes.some((n) => n.code === "not-evaluated"),
    "what is not judged is said",
  );
});

t.test("ends and routes", async (t) => {
  is(t, await ask("data/db:5432", [], {}, "shop/ghost"), "unroutable", "unknown-source");
  is(t, await ask("data/ghost:5432"), "unroutable", "unknown-destination");
  is(t, await ask("http://a b/"), "unroutable", "unknown-destination");
  is(t, await ask("db-svc.data:70000"), "unroutable", "unknown-destination");
  is(
    t,
    await ask("10.244.2.2", [
      pod("data/two", {}, "10.244.2.4", { ports: [{ containerPort: 1 }, { containerPort: 2 }] }),
    ]),
    "allow",
    "allowed",
    "the only port",
  );
  is(
    t,
    await ask("data/two", [
      pod("data/two", {}, "10.244.2.4", { ports: [{ containerPort: 1 }, { containerPort: 2 }] }),
    ]),
    "unroutable",
    "no-port",
  );
  is(t, await ask("10.244.2.77:80"), "unroutable", "no-such-address");
  is(t, await ask("[2001:db8::1]:80"), "unroutable", "no-common-family");
  const pending = { ...pod("shop/pending", {}, ""), status: { phase: "Pending" } };
  is(t, await ask("data/db:5432", [pending], {}, "shop/pending"), "unroutable", "no-address");
  const same = pod("shop/db", { app: "web" }, "10.244.1.3", { ports: [{ containerPort: 5432 }] });
  const deployment = {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "db", namespace: "shop" },
    spec: { template: { metadata: { labels: { app: "other" } }, spec: {} } },
  };
  t.match(
    await ask("shop/db", [same, deployment]),
    { to: { id: "shop/db", port: 5432 } },
    "a pod wins over a workload",
  );
  t.match(
    await ask("data/db-svc"),
    { verdict: "allow", to: { id: "data/db" } },
    "a Service by namespace and name",
  );
  t.same(layers(await ask("shop/web:80")), ["policy", "route"], "to itself");
});

t.test("between nodes, as far as the CNI's objects say", async (t) => {
  const route = async (...more: object[]) => at(await ask("data/db:5432", more), "route")?.details;
  t.match(await route(), { sameNode: false, podCIDR: "10.244.2.0/24", encapsulation: "unknown" });
  const pool = (spec: object) => ({
    apiVersion: "crd.projectcalico.org/v1",
    kind: "IPPool",
    metadata: { name: "p" },
    spec: { cidr: "10.244.0.0/16", ...spec },
  });
  t.match(await route(pool({ encapsulation: "None", natOutgoing: true })), {
    cni: "calico",
    encapsulation: "none",
    mtu: 1500,
    overhead: 0,
  });
  t.match(await route(pool({ vxlanMode: "Always" })), {
    encapsulation: "vxlan",
    mtu: 1450,
    overhead: 50,
    links: [
      { node: "node-1", device: "eth0", kind: "pod", mtu: 1450 },
      { device: /^cali/ },
      { device: "vxlan.calico", mtu: 1450 },
      { device: "eth0", kind: "card", mtu: 1500, tunnels: ["vxlan"] },
      { kind: "wire" },
      { node: "node-2", kind: "card" },
      { device: "vxlan.calico" },
      { device: /^cali/ },
      { kind: "pod" },
    ],
  });
  t.match(await route(pool({ ipipMode: "CrossSubnet" })), {
    encapsulation: "ipip",
    mtu: 1480,
    crossSubnet: true,
  });
  const felix = {
    apiVersion: "crd.projectcalico.org/v1",
    kind: "FelixConfiguration",
    metadata: { name: "default" },
    spec: { mtu: 8950, vxlanMTU: 8950, wireguardMTU: 8940 },
  };
  t.match(await route(pool({ vxlanMode: "Always" }), felix), { mtu: 8950 });
  t.match(
    await route(pool({ vxlanMode: "Always" }), { ...felix, spec: { ...felix.spec, wireguardEnabled: true } }),
    { encapsulation: "wireguard", mtu: 8940 },
  );
  const config = (name: string, data: object) => ({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name, namespace: "kube-system" },
    data,
  });
  t.match(await route(config("cilium-config", { "routing-mode": "tunnel", "tunnel-protocol": "geneve" })), {
    cni: "cilium",
    encapsulation: "geneve",
  });
  t.match(await route(config("cilium-config", { "routing-mode": "native" })), {
    encapsulation: "none",
    mtu: 1500,
  });
  t.match(await route(config("kube-flannel-cfg", { "net-conf.json": '{"Backend": {"Type": "host-gw"}}' })), {
    cni: "flannel",
    encapsulation: "none",
  });
  const stray = await ask("10.250.0.9:80", [
    pool({ vxlanMode: "Always" }),
    { ...pool({ cidr: "10.250.0.0/16" }), metadata: { name: "q" } },
  ]);
  is(t, stray, "unroutable", "no-such-address", "of a pool, and of no pod");
  const elsewhere = { ...node("node-2", "172.19.0.2"), spec: { podCIDR: "10.244.2.0/24" } };
  const gateway = (type: string) =>
    config("kube-flannel-cfg", { "net-conf.json": JSON.stringify({ Backend: { Type: type } }) });
  is(t, await ask("data/db:5432", [elsewhere, gateway("host-gw")]), "unroutable", "no-pod-route");
  is(
    t,
    await ask("data/db:5432", [elsewhere, gateway("vxlan")]),
    "allow",
    "allowed",
    "a tunnel needs no route",
  );
});

t.test("manifests that leave out what the API server fills in", async (t) => {
  const cluster = loadText(
    "{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {selector: {app: a}, ports: [{port: 80}]}}\n---\n{apiVersion: v1, kind: Pod, metadata: {name: a, labels: {app: a}}, spec: {containers: []}}\n",
  );
  const first = await trace(cluster, "default/a", "a.default:80");
  t.match(first, { verdict: "allow" });
  t.match(first.notes.filter((n) => n.code === "assumed").length, 2);
  t.same(await trace(cluster, "default/a", "a.default:80"), first, "the same at every run");
});

t.test("whatever TO is, there is an answer", async (t) => {
  for (const to of [
    "",
    ".",
    "..",
    "a..b:80",
    "://",
    "http://",
    "[",
    "[::1",
    "x/y/z:1",
    "\u0000:80",
    `${"a".repeat(300)}:80`,
    "🙂:80",
    "%zz:80",
    "10.0.0.999:80",
    "::ffff:10.244.2.2",
    "http://[::1]:0/",
    "255.255.255.255:1",
  ])
    t.ok((await ask(to)).reason in REASONS, JSON.stringify(to).slice(0, 40));
});

t.test("every reason is met in a test", (t) => {
  const tests = ["trace", "guide"].flatMap((room) => {
    const dir = join(example(".."), "../test", room);
    return readdirSync(dir)
      .filter((name) => name.endsWith(".test.ts"))
      .map((name) => readFileSync(join(dir, name), "utf8"));
  });
  const text = tests.join("\n");
  for (const reason of Object.keys(REASONS)) t.ok(text.includes(`"${reason}"`), reason);
  t.end();
});
