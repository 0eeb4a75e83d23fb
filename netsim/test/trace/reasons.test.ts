/** Why a connection ends where it does: a case for each reason, and the line to change. */
import t from "tap";
import { loadObjects, loadText } from "../../src/model/load.ts";
import { refused } from "../../src/trace/refusal.ts";
import { createSite } from "../../src/trace/site.ts";
import { trace, type TraceOptions } from "../../src/trace/trace.ts";
import { REASONS, type Reason, type Trace } from "../../src/trace/types.ts";
import { ciliumPolicy, networkPolicy, node, pod, service } from "../policy/make.ts";
import { at, layers, names, through } from "./support.ts";

const dns = [
  pod("kube-system/coredns-0", { "k8s-app": "kube-dns" }, "10.244.1.53", {
    ports: [{ containerPort: 53, protocol: "UDP" }],
  }),
  {
    ...service("kube-system/kube-dns", {
      clusterIP: "10.96.0.10",
      selector: { "k8s-app": "kube-dns" },
      ports: [
        { name: "dns", port: 53, protocol: "UDP" },
        { name: "dns-tcp", port: 53, protocol: "TCP" },
      ],
    }),
  },
];
const nodes = [1, 2].map((i) => ({
  ...node(`node-${i}`, `172.18.0.${i}`),
  spec: { podCIDR: `10.244.${i}.0/24` },
}));
const base = [
  ...nodes,
  pod("shop/web", { app: "web" }, "10.244.1.2"),
  pod("data/db", { app: "db" }, "10.244.2.2", { node: "node-2", ports: [{ containerPort: 5432 }] }),
  service("data/db-svc", {
    clusterIP: "10.96.0.20",
    selector: { app: "db" },
    ports: [{ port: 80, targetPort: 5432 }],
  }),
];
const usual = [...base, ...dns];
const ask = (
  to: string,
  more: readonly object[] = [],
  options?: TraceOptions,
  from = "shop/web",
): Promise<Trace> => through([...usual, ...more], from, to, options);

const seen = new Set<Reason>();
const is = (
  t: { match(found: unknown, wanted: unknown, message: string): unknown },
  trace: Trace,
  verdict: Trace["verdict"],
  reason: Reason,
  message?: string,
): void => {
  seen.add(reason);
  t.match({ verdict: trace.verdict, reason: trace.reason }, { verdict, reason }, message ?? reason);
};

t.test("names", async (t) => {
  is(t, await ask("db-svc.data:80"), "allow", "allowed");
  is(t, await ask("db-svc:80"), "nxdomain", "no-such-name");
  is(
    t,
    await ask("db-svc.dta:80"),
    "nxdomain",
    "no-such-name",
    "a slip of the pen is no name of the world outside",
  );
  is(t, await ask("nothing.ns:80"), "nxdomain", "no-such-name");
  is(t, await ask("www.example.de:80"), "allow", "allowed");
  t.match((await ask("db-svc:80")).remedy, { change: "db-svc.data", object: "Service data/db-svc" });
  const none = service("shop/none", { clusterIP: "None", selector: { app: "none" }, ports: [{ port: 1 }] });
  is(t, await ask("none:1", [none]), "nxdomain", "headless-no-endpoints");
  const v4 = await ask("txt.example.com:80", [], { records: 'txt.example.com. TXT "no address"' });
  is(t, v4, "nxdomain", "no-address-records");
  const given = await ask("api.example.com:443", [], { records: "api.example.com. A 192.0.2.9" });
  t.match(given, { verdict: "allow", to: { address: "192.0.2.9" } });
  t.notOk(given.notes.some((n) => n.code === "invented-address"));
});

t.test("DNS itself", async (t) => {
  const closed = networkPolicy("kube-system/closed", { podSelector: {}, policyTypes: ["Ingress"] });
  is(t, await ask("db-svc.data:80", [closed]), "deny", "dns-ingress-denied");
  const out = networkPolicy("shop/out", { podSelector: {}, policyTypes: ["Egress"] });
  is(t, await ask("db-svc.data:80", [out]), "deny", "dns-egress-denied");
  const udp = networkPolicy("shop/udp", {
    podSelector: {},
    egress: [{ ports: [{ protocol: "UDP", port: 53 }, { port: 5432 }] }],
  });
  is(t, await ask("db-svc.data:80", [udp]), "allow", "allowed", "small answers need no TCP");
  const rules = { dns: [{ matchName: "db-svc.data.svc.cluster.local" }] };
  const proxy = ciliumPolicy("shop/dns", {
    endpointSelector: {},
    egress: [
      {
        toEndpoints: [{ matchLabels: { "k8s:io.kubernetes.pod.namespace": "kube-system" } }],
        toPorts: [{ ports: [{ port: "53", protocol: "ANY" }], rules }],
      },
      { toEntities: ["cluster"], toPorts: [{ ports: [{ port: "5432" }] }] },
    ],
  });
  is(t, await ask("other.data.svc.cluster.local.:80", [proxy]), "deny", "dns-proxy-refused");
  const full = await ask("db-svc.data.svc.cluster.local.:80", [proxy]);
  is(t, full, "allow", "allowed", "the name that the rule has");
  t.equal(at(full, "dns")?.details?.["learned"], true);
  const unready = {
    ...dns[0],
    status: { phase: "Running", podIP: "10.244.1.53", conditions: [{ type: "Ready", status: "False" }] },
  };
  is(
    t,
    await through([...base, unready, dns[1]!], "shop/web", "db-svc.data:80"),
    "reject",
    "dns-no-endpoints",
  );
  const broken = {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "coredns", namespace: "kube-system" },
    data: { Corefile: ".:53 {\n  kubrnetes\n}\n" },
  };
  const dead = await ask("db-svc.data:80", [broken]);
  is(t, dead, "timeout", "dns-server-broken");
  t.match(dead.remedy?.text, /Corefile:2/);
  const refusing = {
    ...broken,
    data: { Corefile: ".:53 {\n  template ANY ANY {\n    rcode SERVFAIL\n  }\n}\n" },
  };
  is(t, await ask("db-svc.data:80", [refusing]), "nxdomain", "dns-failure");
  const silent = { ...broken, data: { Corefile: ".:53 {\n  erratic {\n    drop 1\n  }\n}\n" } };
  is(t, await ask("db-svc.data:80", [silent]), "timeout", "dns-timeout");
});

t.test("the pod's own resolv.conf and hosts", async (t) => {
  const client = (spec: object) => pod("shop/client", {}, "10.244.1.9", { spec });
  const from = async (spec: object, to = "db-svc.data:80") => ask(to, [client(spec)], {}, "shop/client");
  is(
    t,
    await from({ dnsPolicy: "Default" }),
    "nxdomain",
    "no-such-name",
    "the node's resolver knows no Service",
  );
  t.match((await from({ dnsPolicy: "Default" })).remedy, { change: "dnsPolicy: ClusterFirst" });
  const none = await from({
    dnsPolicy: "None",
    dnsConfig: { nameservers: ["10.96.0.10"], searches: ["svc.cluster.local"] },
  });
  is(t, none, "allow", "allowed", "dnsPolicy None");
  t.same(
    names(none),
    ["db-svc.data.", "db-svc.data.svc.cluster.local."],
    "without ndots the name comes first",
  );
  const nobody = await from({ dnsPolicy: "None", dnsConfig: { nameservers: ["10.244.2.2"] } });
  t.match(nobody, { verdict: "reject", reason: "dns-no-endpoints" }, "a pod that serves no DNS");
  const alias = await from({ hostAliases: [{ ip: "10.244.2.2", hostnames: ["db.test"] }] }, "db.test:5432");
  t.match(alias, { verdict: "allow", to: { id: "data/db" }, lookup: null }, "hostAliases");
  is(t, await from({}, "localhost:80"), "allow", "allowed");
});

t.test("a cache on the node answers for the cluster's DNS", async (t) => {
  const Corefile =
    ".:53 {\n  bind 169.254.20.10\n  cache 30\n  forward . 10.96.0.10 {\n    force_tcp\n  }\n}\n";
  const cache = {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "node-local-dns", namespace: "kube-system" },
    data: { Corefile },
  };
  const near = await ask("db-svc.data:80", [cache]);
  t.match(at(near, "dns"), { details: { endpoint: "node-1" } });
  t.match(near, { verdict: "allow", to: { id: "data/db" } });
  const ipvs = await ask("db-svc.data:80", [cache], { mode: "ipvs" });
  t.match(
    at(ipvs, "dns"),
    { details: { endpoint: "kube-system/coredns-0" } },
    "IPVS takes the packets first",
  );
  const out = networkPolicy("shop/out", { podSelector: {}, policyTypes: ["Egress"] });
  is(
    t,
    await ask("db-svc.data:80", [cache, out]),
    "deny",
    "egress-denied",
    "the pod's own node is always reached",
  );
});

t.test("Services", async (t) => {
  const empty = service("data/empty", {
    clusterIP: "10.96.0.21",
    selector: { app: "gone" },
    ports: [{ port: 80 }],
  });
  for (const mode of ["iptables", "nftables", "ipvs", "ebpf"] as const)
    is(t, await ask("empty.data:80", [empty], { mode }), "reject", "no-endpoints", mode);
  t.match((await ask("empty.data:80", [empty])).remedy, { text: /no pod in data has the labels app=gone/ });
  is(t, await ask("db-svc.data:81"), "timeout", "no-such-service-port");
  is(
    t,
    await ask("10.96.77.77:80", [
      {
        apiVersion: "networking.k8s.io/v1",
        kind: "ServiceCIDR",
        metadata: { name: "k" },
        spec: { cidrs: ["10.96.0.0/16"] },
      },
    ]),
    "unroutable",
    "no-such-service",
  );
  const range = {
    apiVersion: "networking.k8s.io/v1",
    kind: "ServiceCIDR",
    metadata: { name: "k" },
    spec: { cidrs: ["10.96.0.0/16"] },
  };
  t.match(
    (await ask("10.96.77.77:80", [range], { mode: "nftables" })).reason,
    "no-such-service",
    "nftables refuses it",
  );
  t.match(await ask("10.96.0.20:81", [range], { mode: "nftables" }), {
    verdict: "reject",
    reason: "no-such-service-port",
  });
  const local = service("data/local", {
    clusterIP: "10.96.0.22",
    selector: { app: "db" },
    internalTrafficPolicy: "Local",
    ports: [{ port: 80, targetPort: 5432 }],
  });
  const dropped = await ask("10.96.0.22:80", [local]);
  is(t, dropped, "timeout", "no-local-endpoints");
  t.match(dropped.remedy, { change: "internalTrafficPolicy: Cluster" });
  is(t, await ask("10.96.0.20:80", [], {}, "203.0.113.9"), "unroutable", "cluster-ip-from-outside");
  const balanced = {
    ...service("data/lb", {
      type: "LoadBalancer",
      clusterIP: "10.96.0.23",
      selector: { app: "db" },
      loadBalancerSourceRanges: ["192.0.2.0/24"],
      ports: [{ port: 80, targetPort: 5432, nodePort: 30099 }],
    }),
    status: { loadBalancer: { ingress: [{ ip: "198.51.100.7" }] } },
  };
  is(t, await ask("198.51.100.7:80", [balanced], {}, "203.0.113.9"), "timeout", "source-range");
  is(t, await ask("198.51.100.7:80", [balanced], {}, "192.0.2.9"), "allow", "allowed");
});

t.test("an address that two Services share", async (t) => {
  const shared = (name: string, port: number, more: object = {}) =>
    service(`data/${name}`, {
      clusterIP: `10.96.0.${port}`,
      selector: { app: "db" },
      externalIPs: ["198.51.100.9"],
      ports: [{ port, targetPort: 5432 }],
      ...more,
    });
  const both = [shared("first", 80), shared("second", 81, { selector: { app: "gone" } })];
  is(t, await ask("198.51.100.9:80", both), "allow", "allowed");
  const other = await ask("198.51.100.9:81", both);
  is(t, other, "reject", "no-endpoints", "the port says which one is meant");
  t.match(at(other, "service"), { object: "Service data/second" });
});

t.test("what a proxy refuses, and no Service or range explains", (t) => {
  const site = createSite(loadObjects(usual), "nftables");
  const connection = (verdict: "rejected" | "dropped") => ({
    verdict,
    destination: { address: "192.0.2.1", port: 80 },
    source: "10.244.1.2",
    translated: false,
    masqueraded: false,
    service: undefined,
    steps: [{ where: "filter", rule: "ip daddr 192.0.2.1 drop", effect: verdict }],
    rules: 1,
    lookups: 0,
  });
  for (const [verdict, outcome, reason] of [
    ["rejected", "reject", "rejected-by-proxy"],
    ["dropped", "timeout", "dropped-by-proxy"],
  ] as const) {
    const { stop, hops } = refused(site, undefined, connection(verdict), "192.0.2.1:80/TCP", "node-1");
    t.match(stop, { verdict: outcome, reason });
    t.match(hops, [{ verdict: outcome, rule: "ip daddr 192.0.2.1 drop", what: /nftables on node-1/ }]);
    seen.add(reason);
  }
  t.end();
});

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

t.test("every reason is met here, in the guide's traces or in those through gateways", (t) => {
  const elsewhere: Reason[] = [
    "fqdn-not-learned",
    "l7-denied",
    "l7-tls",
    "no-route",
    "backend-missing",
    "redirect-loop",
  ];
  t.same(
    Object.keys(REASONS).filter((r) => ![...seen, ...elsewhere].includes(r as Reason)),
    [],
  );
  t.end();
});
