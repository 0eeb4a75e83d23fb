/** What the specification leaves open, as CoreDNS 1.14.7 has it: names, types, letters, options. */
import t from "tap";
import type { Settings } from "../../src/cluster/settings.ts";
import { nameOf } from "../../src/dns/name.ts";
import { ask, EVERYTHING, indexOf, settingsOf } from "./ask.ts";

const MANIFESTS = `
apiVersion: v1
kind: Namespace
metadata: { name: shop }
---
apiVersion: v1
kind: Namespace
metadata: { name: qa }
---
apiVersion: v1
kind: Service
metadata: { name: web, namespace: shop }
spec: { clusterIP: 10.96.0.1, ports: [{ name: http, port: 80 }, { name: dns, port: 53, protocol: UDP }, { name: dns-tcp, port: 53 }] }
---
apiVersion: v1
kind: Service
metadata: { name: bare, namespace: shop }
spec: { clusterIP: 10.96.0.2 }
---
apiVersion: v1
kind: Service
metadata: { name: web, namespace: gone }
spec: { clusterIP: 10.96.0.3, ports: [{ port: 80 }] }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: web-1, namespace: shop, labels: { kubernetes.io/service-name: web } }
ports: [{ name: http, port: 8080 }]
endpoints: [{ addresses: [10.244.0.1] }]
---
apiVersion: v1
kind: Service
metadata: { name: db, namespace: shop }
spec: { clusterIP: None, ports: [{ name: sql, port: 5432 }] }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: db-1, namespace: shop, labels: { kubernetes.io/service-name: db } }
ports: [{ name: sql, port: 5432 }]
endpoints:
  - { addresses: [10.244.1.1], hostname: DB-0, zone: Rack-1.Example }
  - { addresses: [10.244.1.2], hostname: db-1, zone: rack-2, targetRef: { name: pod-b } }
  - { addresses: [10.244.1.3], targetRef: { name: pod-c } }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: db-2, namespace: shop, labels: { kubernetes.io/service-name: db } }
endpoints: [{ addresses: ["fd00:1::"], zone: rack-2 }]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: unlabelled, namespace: shop }
ports: [{ port: 1 }]
endpoints: [{ addresses: [10.244.9.9] }]
---
apiVersion: v1
kind: Service
metadata: { name: names, namespace: shop }
spec: { clusterIP: None }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: names-1, namespace: shop, labels: { kubernetes.io/service-name: names } }
addressType: FQDN
ports: [{ name: p, port: 1 }]
endpoints: [{ addresses: [a.example.net] }, { addresses: [b.example.net] }]
---
apiVersion: v1
kind: Service
metadata: { name: inside, namespace: shop }
spec: { type: ExternalName, externalName: Web.Shop.svc.cluster.local. }
---
apiVersion: v1
kind: Service
metadata: { name: nowhere, namespace: shop }
spec: { type: ExternalName, externalName: nosuch.shop.svc.cluster.local }
---
apiVersion: v1
kind: Service
metadata: { name: self, namespace: shop }
spec: { type: ExternalName, externalName: x.self.shop.svc.cluster.local }
---
apiVersion: v1
kind: Service
metadata: { name: address, namespace: shop }
spec: { type: ExternalName, externalName: 192.0.2.1 }
---
apiVersion: v1
kind: Pod
metadata: { name: p1, namespace: shop }
status: { phase: Running, podIP: 10.244.0.1 }
---
apiVersion: v1
kind: Pod
metadata: { name: p2, namespace: shop }
status: { phase: Succeeded, podIP: 10.244.0.2 }
---
apiVersion: v1
kind: Pod
metadata: { name: p3, namespace: shop, deletionTimestamp: 2026-01-01T00:00:00Z }
status: { phase: Running, podIP: 10.244.0.3 }
---
apiVersion: multicluster.x-k8s.io/v1alpha1
kind: ServiceImport
metadata: { name: replica, namespace: shop }
spec: { type: Headless, ports: [{ name: sql, port: 5432, protocol: TCP }] }
---
apiVersion: multicluster.x-k8s.io/v1alpha1
kind: ServiceImport
metadata: { name: vip, namespace: shop }
spec: { type: ClusterSetIP, ips: [10.112.0.1], ports: [{ name: http, port: 80, protocol: TCP }] }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: imported
  namespace: shop
  labels: { multicluster.kubernetes.io/service-name: replica, multicluster.kubernetes.io/source-cluster: berlin }
ports: [{ name: sql, port: 5432 }]
endpoints: [{ addresses: [10.1.0.1], hostname: r-0 }]
`;

const index = indexOf(MANIFESTS);

/** `QUESTION`, then what is expected; with names below the zone left short: `%` stands for `cluster.local.`. */
function table(
  title: string,
  settings: Partial<Settings>,
  rows: readonly (readonly [string, ...string[]])[],
  of = index,
): void {
  t.test(title, (t) => {
    for (const [question, ...wanted] of rows) {
      const full = (text: string): string => text.replaceAll("%", "cluster.local.");
      t.same(ask(of, full(question), settingsOf(settings)).sort(), wanted.map(full).sort(), question);
    }
    t.end();
  });
}

table("which names there are", {}, [
  ["% A", "NODATA"],
  ["svc.% A", "NODATA"],
  ["pod.% A", "NODATA"],
  ["shop.svc.% A", "NODATA"],
  ["gone.svc.% A", "NXDOMAIN"],
  ["shop.pod.% A", "NXDOMAIN"],
  ["other.% A", "NXDOMAIN"],
  ["nosuch.shop.svc.% A", "NXDOMAIN"],
  ["web.gone.svc.% A", "NXDOMAIN"],
  ["a.b.c.web.shop.svc.% A", "NXDOMAIN"],
  ["*.shop.svc.% A", "NXDOMAIN"],
  ["_tcp.web.shop.svc.% A", "NXDOMAIN"],
  ["bare.shop.svc.% A", "bare.shop.svc.% 5 IN A 10.96.0.2"],
  ["bare.shop.svc.% SRV", "NODATA"],
]);

table("ports and protocols, with one underscore or none", {}, [
  ["_http._tcp.web.shop.svc.% A", "_http._tcp.web.shop.svc.% 5 IN A 10.96.0.1"],
  ["HTTP.tcp.web.shop.svc.% A", "HTTP.tcp.web.shop.svc.% 5 IN A 10.96.0.1"],
  ["__http._tcp.web.shop.svc.% A", "NXDOMAIN"],
  ["_80._tcp.web.shop.svc.% SRV", "NXDOMAIN"],
  [
    "_._tcp.web.shop.svc.% SRV",
    "_._tcp.web.shop.svc.% 5 IN SRV 0 50 80 web.shop.svc.%",
    "_._tcp.web.shop.svc.% 5 IN SRV 0 50 53 web.shop.svc.%",
    "+ web.shop.svc.% 5 IN A 10.96.0.1",
  ],
  [
    // 53/UDP and 53/TCP are one record, but count as two for the weight.
    "web.shop.svc.% SRV",
    "web.shop.svc.% 5 IN SRV 0 33 80 web.shop.svc.%",
    "web.shop.svc.% 5 IN SRV 0 33 53 web.shop.svc.%",
    "+ web.shop.svc.% 5 IN A 10.96.0.1",
  ],
]);

table("types", {}, [
  ["web.shop.svc.% MX", "NODATA"],
  ["web.shop.svc.% TXT", "NODATA"],
  ["web.shop.svc.% HTTPS", "NODATA"],
  ["web.shop.svc.% PTR", "NODATA"],
  ["web.shop.svc.% NS", "NODATA"],
  ["nosuch.shop.svc.% ANY", "NXDOMAIN"],
  ["nosuch.shop.svc.% SOA", "NODATA"],
  ["shop.svc.% TXT", "NXDOMAIN"],
  ["% TXT", "NXDOMAIN"],
  ["dns-version.% A", "NXDOMAIN"],
  ["% SOA", "% 5 IN SOA ns.dns.% hostmaster.% 1700000000 7200 1800 86400 5"],
  ["in-addr.arpa. PTR", "NODATA"],
  ["svc.in-addr.arpa. A", "NODATA"],
  ["shop.svc.in-addr.arpa. A", "NXDOMAIN"],
  ["1.0.96.10.in-addr.arpa. A", "NXDOMAIN"],
  ["0.96.10.in-addr.arpa. PTR", "NXDOMAIN"],
  ["1.0.96.010.in-addr.arpa. PTR", "NXDOMAIN"],
]);

table("endpoints", {}, [
  // Those of a service with a cluster IP have names too.
  ["10-244-0-1.web.shop.svc.% A", "10-244-0-1.web.shop.svc.% 5 IN A 10.244.0.1"],
  ["1.0.244.10.in-addr.arpa. PTR", "1.0.244.10.in-addr.arpa. 5 IN PTR 10-244-0-1.web.shop.svc.%"],
  ["fd00-1--0.db.shop.svc.% AAAA", "fd00-1--0.db.shop.svc.% 5 IN AAAA fd00:1::"],
  ["fd00-1--0.db.shop.svc.% SRV", "NODATA"],
  ["10-244-1-1.db.shop.svc.% A", "NXDOMAIN"],
  ["db-0.db.shop.svc.% A", "db-0.db.shop.svc.% 5 IN A 10.244.1.1"],
  ["3.1.244.10.in-addr.arpa. PTR", "3.1.244.10.in-addr.arpa. 5 IN PTR 10-244-1-3.db.shop.svc.%"],
  ["9.9.244.10.in-addr.arpa. PTR", "NXDOMAIN"],
]);

table("aliases", {}, [
  ["inside.shop.svc.% A", "inside.shop.svc.% 5 IN CNAME Web.Shop.svc.%", "Web.Shop.svc.% 5 IN A 10.96.0.1"],
  ["inside.shop.svc.% AAAA", "NODATA"],
  ["inside.shop.svc.% CNAME", "inside.shop.svc.% 5 IN CNAME Web.Shop.svc.%"],
  ["inside.shop.svc.% SRV", "NODATA"],
  ["inside.shop.svc.% TXT", "NODATA"],
  ["_http._tcp.inside.shop.svc.% A", "NXDOMAIN"],
  ["nowhere.shop.svc.% A", "NODATA"],
  ["self.shop.svc.% A", "NODATA"],
  ["address.shop.svc.% A", "NXDOMAIN"],
  [
    "names.shop.svc.% A",
    "names.shop.svc.% 5 IN CNAME a.example.net.",
    "-> outside",
    "names.shop.svc.% 5 IN CNAME b.example.net.",
    "-> outside",
  ],
  ["names.shop.svc.% CNAME", "names.shop.svc.% 5 IN CNAME a.example.net."],
  ["names.shop.svc.% SRV", "NODATA"],
  ["a-example-net.names.shop.svc.% CNAME", "a-example-net.names.shop.svc.% 5 IN CNAME a.example.net."],
]);

table("the client's letters", {}, [
  ["wEb.ShOp.sVc.cLuStEr.LoCaL. A", "wEb.ShOp.sVc.cLuStEr.LoCaL. 5 IN A 10.96.0.1"],
  [
    "_http._tcp.wEb.shop.svc.cLuSteR.local. SRV",
    "_http._tcp.wEb.shop.svc.cLuSteR.local. 5 IN SRV 0 100 80 web.shop.svc.cLuSteR.local.",
    "+ web.shop.svc.cLuSteR.local. 5 IN A 10.96.0.1",
  ],
  [
    "CLUSTER.LOCAL. SOA",
    "CLUSTER.LOCAL. 5 IN SOA ns.dns.CLUSTER.LOCAL. hostmaster.CLUSTER.LOCAL. 1700000000 7200 1800 86400 5",
  ],
]);

table("pods insecure", { pods: "insecure" }, [
  ["1-2-3-4.shop.pod.% A", "1-2-3-4.shop.pod.% 5 IN A 1.2.3.4"],
  ["1-2-3-4.shop.pod.% AAAA", "NODATA"],
  ["_http._tcp.1-2-3-4.shop.pod.% A", "_http._tcp.1-2-3-4.shop.pod.% 5 IN A 1.2.3.4"],
  ["--1.shop.pod.% AAAA", "--1.shop.pod.% 5 IN AAAA ::1"],
  ["1-2-3-256.shop.pod.% A", "NXDOMAIN"],
  ["01-2-3-4.shop.pod.% A", "NXDOMAIN"],
  ["1-2-3-4.gone.pod.% A", "NXDOMAIN"],
  ["shop.pod.% A", "NODATA"],
  [
    "1-2-3-4.shop.pod.% SRV",
    "1-2-3-4.shop.pod.% 5 IN SRV 0 100 0 1-2-3-4.shop.pod.%",
    "+ 1-2-3-4.shop.pod.% 5 IN A 1.2.3.4",
  ],
]);

table("pods verified", { pods: "verified" }, [
  ["10-244-0-1.shop.pod.% A", "10-244-0-1.shop.pod.% 5 IN A 10.244.0.1"],
  ["10-244-0-1.qa.pod.% A", "NXDOMAIN"],
  ["10-244-0-2.shop.pod.% A", "NXDOMAIN"],
  ["10-244-0-3.shop.pod.% A", "NXDOMAIN"],
]);

table("namespaces", { namespaces: new Set(["qa", "nosuch"]) }, [
  ["qa.svc.% A", "NODATA"],
  ["shop.svc.% A", "NXDOMAIN"],
  ["nosuch.svc.% A", "NXDOMAIN"],
  ["1.0.96.10.in-addr.arpa. PTR", "NXDOMAIN"],
]);
// Without a list, a namespace that is gone hides no PTR.
table("PTR of a namespace that is gone", {}, [
  ["3.0.96.10.in-addr.arpa. PTR", "3.0.96.10.in-addr.arpa. 5 IN PTR web.gone.svc.%"],
]);

table("ignore empty_service", { ignoreEmpty: true }, [
  ["bare.shop.svc.% A", "NXDOMAIN"],
  ["web.shop.svc.% A", "web.shop.svc.% 5 IN A 10.96.0.1"],
  ["2.0.96.10.in-addr.arpa. PTR", "2.0.96.10.in-addr.arpa. 5 IN PTR bare.shop.svc.%"],
]);

table("zonal", { zonal: true }, [
  ["rack-2.pin._zone.db.shop.svc.% A", "rack-2.pin._zone.db.shop.svc.% 5 IN A 10.244.1.2"],
  ["RACK-1.example.pin._zone.db.shop.svc.% A", "RACK-1.example.pin._zone.db.shop.svc.% 5 IN A 10.244.1.1"],
  ["nosuch.pin._zone.db.shop.svc.% A", "NODATA"],
  ["nosuch.pin._zone.db.shop.svc.% TXT", "NODATA"],
  [
    "nosuch.prefer._zone.db.shop.svc.% A",
    ...["10.244.1.1", "10.244.1.2", "10.244.1.3"].map(
      (ip) => `nosuch.prefer._zone.db.shop.svc.% 5 IN A ${ip}`,
    ),
  ],
  ["rack-2.pin._zone.web.shop.svc.% A", "NXDOMAIN"],
  ["rack-2.other._zone.db.shop.svc.% A", "NXDOMAIN"],
  ["pin._zone.db.shop.svc.% A", "NXDOMAIN"],
]);
table("zonal names where they are off", {}, [["rack-2.pin._zone.db.shop.svc.% A", "NXDOMAIN"]]);

const zones = ["cluster.local.", "set.local."].map(nameOf);
table("multicluster", { zones, multicluster: [nameOf("set.local.")] }, [
  ["vip.shop.svc.set.local. A", "vip.shop.svc.set.local. 5 IN A 10.112.0.1"],
  ["web.shop.svc.set.local. A", "NXDOMAIN"],
  ["vip.shop.svc.% A", "NXDOMAIN"],
  ["replica.shop.svc.set.local. A", "replica.shop.svc.set.local. 5 IN A 10.1.0.1"],
  ["r-0.berlin.replica.shop.svc.set.local. A", "r-0.berlin.replica.shop.svc.set.local. 5 IN A 10.1.0.1"],
  ["r-0.paris.replica.shop.svc.set.local. A", "NXDOMAIN"],
  ["r-0.replica.shop.svc.set.local. A", "NXDOMAIN"],
  [
    "_sql._tcp.replica.shop.svc.set.local. SRV",
    "_sql._tcp.replica.shop.svc.set.local. 5 IN SRV 0 100 5432 r-0.berlin.replica.shop.svc.set.local.",
    "+ r-0.berlin.replica.shop.svc.set.local. 5 IN A 10.1.0.1",
  ],
  ["set.local. SOA", "set.local. 5 IN SOA ns.dns.set.local. hostmaster.set.local. 0 7200 1800 86400 5"],
]);

table(
  "name servers: the service that the machine is an endpoint of",
  { localAddresses: () => ["192.0.2.7", "10.244.0.1"] },
  [
    ["% NS", "% 5 IN NS web.shop.svc.%", "+ web.shop.svc.% 5 IN A 10.96.0.1"],
    ["ns.dns.% A", "ns.dns.% 5 IN A 10.96.0.1"],
    ["ns.dns.% AAAA", "NODATA"],
    ["Cluster.Local. NS", "NODATA"],
    ["ns.dns.CLUSTER.local. A", "NXDOMAIN"],
  ],
);
table("name servers: endpoints of a headless service", { localAddresses: () => ["10.244.1.2"] }, [
  [
    "% NS",
    ...["DB-0", "db-1", "10-244-1-3"].map((name) => `% 5 IN NS ${name}.db.shop.svc.%`),
    ...["DB-0", "db-1", "10-244-1-3"].map((name, i) => `+ ${name}.db.shop.svc.% 5 IN A 10.244.1.${i + 1}`),
  ],
]);
table("name servers: the machine itself", { localAddresses: () => ["192.0.2.7"] }, [
  ["% NS", "% 5 IN NS ns.dns.%", "+ ns.dns.% 5 IN A 192.0.2.7"],
]);
table("name servers: nobody", {}, [
  ["% NS", "NODATA"],
  ["ns.dns.% A", "NODATA"],
  ["ns.dns.% TXT", "NXDOMAIN"],
  ["ns.dns.% PTR", "NXDOMAIN"],
]);

table(
  "endpoint_pod_names",
  {},
  [
    ["pod-c.db.shop.svc.% A", "pod-c.db.shop.svc.% 5 IN A 10.244.1.3"],
    ["pod-b.db.shop.svc.% A", "NXDOMAIN"],
    ["3.1.244.10.in-addr.arpa. PTR", "3.1.244.10.in-addr.arpa. 5 IN PTR pod-c.db.shop.svc.%"],
  ],
  indexOf(MANIFESTS, { ...EVERYTHING, fields: { ...EVERYTHING.fields, podNames: true } }),
);

/** Aliases in a row: `alias-1` to `alias-N`, the last of which is `web`. */
const chain = (n: number): string =>
  Array.from({ length: n }, (_, i) => {
    const target = i === n - 1 ? "web" : `alias-${i + 2}`;
    return `---\napiVersion: v1\nkind: Service\nmetadata: { name: alias-${i + 1}, namespace: shop }\nspec: { type: ExternalName, externalName: ${target}.shop.svc.cluster.local }\n`;
  }).join("");

t.test("eleven aliases are followed, twelve are not", (t) => {
  const eleven = indexOf(MANIFESTS + chain(11));
  t.equal(ask(eleven, "alias-1.shop.svc.cluster.local A").length, 12);
  t.same(ask(indexOf(MANIFESTS + chain(12)), "alias-1.shop.svc.cluster.local A"), ["NODATA"]);
  t.end();
});

t.test("a tree of aliases ends", (t) => {
  // Ten services whose endpoints are ten names each, which are these services again.
  const service = (i: number): string =>
    `---\napiVersion: v1\nkind: Service\nmetadata: { name: s${i}, namespace: shop }\nspec: { clusterIP: None }\n` +
    `---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: { name: s${i}, namespace: shop, labels: { kubernetes.io/service-name: s${i} } }\n` +
    `endpoints: [${Array.from({ length: 10 }, (_, k) => `{ addresses: [s${k}.shop.svc.cluster.local] }`).join()}]\n`;
  const tree = indexOf(MANIFESTS + Array.from({ length: 10 }, (_, i) => service(i)).join(""));
  t.same(ask(tree, "s0.shop.svc.cluster.local A"), ["NODATA"]);
  t.end();
});
