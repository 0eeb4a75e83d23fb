/** Why a name is not found: the resolver's side, the DNS servers' side, and policy between them. */
import t from "tap";
import { ciliumPolicy, networkPolicy, pod, service } from "../policy/make.ts";
import { ask, base, dns, is } from "./shop.ts";
import { at, names, through } from "./support.ts";

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
