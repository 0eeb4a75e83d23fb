/**
 * The Kubernetes DNS-Based Service Discovery specification, version 1.1.0
 * (github.com/kubernetes/dns/blob/master/docs/specification.md), section by section: the tests have its numbers and names.
 */
import t, { type Test } from "tap";
import { ask, indexOf, settingsOf } from "./ask.ts";

const index = indexOf(`
apiVersion: v1
kind: Namespace
metadata: { name: default }
---
apiVersion: v1
kind: Service
metadata: { name: kubernetes, namespace: default }
spec:
  clusterIP: 10.3.0.1
  clusterIPs: [10.3.0.1, "2001:db8:3::1"]
  ports: [{ name: https, port: 443, protocol: TCP }, { port: 9443 }]
---
apiVersion: v1
kind: Service
metadata: { name: headless, namespace: default }
spec: { clusterIP: None, ports: [{ name: https, port: 443, protocol: TCP }] }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: headless-4, namespace: default, labels: { kubernetes.io/service-name: headless } }
addressType: IPv4
ports: [{ name: https, port: 443, protocol: TCP }]
endpoints:
  - { addresses: [10.10.0.2], hostname: my-pet, conditions: { ready: true } }
  - { addresses: [10.10.0.3], conditions: {} }
  - { addresses: [10.10.0.4], conditions: { ready: false } }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: headless-6, namespace: default, labels: { kubernetes.io/service-name: headless } }
addressType: IPv6
ports: [{ name: https, port: 443, protocol: TCP }]
endpoints: [{ addresses: ["2001:db8:10::2"], hostname: my-pet }]
---
apiVersion: v1
kind: Service
metadata: { name: lonely, namespace: default }
spec: { clusterIP: None, ports: [{ name: https, port: 443, protocol: TCP }] }
---
apiVersion: v1
kind: Service
metadata: { name: foo, namespace: default }
spec: { type: ExternalName, externalName: www.example.com }
`);

const same = (t: Test, question: string, ...wanted: string[]): void => {
  t.same(ask(index, question).sort(), wanted.sort(), question);
};

t.test("2.1 - Definitions: the TTL is the one that is set", (t) => {
  same(t, "headless.default.svc.cluster.local CNAME", "NODATA");
  t.same(ask(index, "kubernetes.default.svc.cluster.local A", settingsOf({ ttl: 30 })), [
    "kubernetes.default.svc.cluster.local. 30 IN A 10.3.0.1",
  ]);
  t.end();
});

t.test("2.2 - Record for Schema Version", (t) => {
  same(t, "dns-version.cluster.local TXT", 'dns-version.cluster.local. 28800 IN TXT "1.1.0"');
  t.end();
});

t.test("2.3.1 - A/AAAA Records of a Service with ClusterIP", (t) => {
  same(t, "kubernetes.default.svc.cluster.local A", "kubernetes.default.svc.cluster.local. 5 IN A 10.3.0.1");
  same(
    t,
    "kubernetes.default.svc.cluster.local AAAA",
    "kubernetes.default.svc.cluster.local. 5 IN AAAA 2001:db8:3::1",
  );
  t.end();
});

t.test("2.3.2 - SRV Records of a Service with ClusterIP", (t) => {
  same(
    t,
    "_https._tcp.kubernetes.default.svc.cluster.local SRV",
    "_https._tcp.kubernetes.default.svc.cluster.local. 5 IN SRV 0 50 443 kubernetes.default.svc.cluster.local.",
    "+ kubernetes.default.svc.cluster.local. 5 IN A 10.3.0.1",
    "+ kubernetes.default.svc.cluster.local. 5 IN AAAA 2001:db8:3::1",
  );
  same(t, "_http._tcp.kubernetes.default.svc.cluster.local SRV", "NXDOMAIN");
  same(t, "_https._udp.kubernetes.default.svc.cluster.local SRV", "NXDOMAIN");
  t.end();
});

t.test("2.3.3 - PTR Record of a Service with ClusterIP", (t) => {
  const target = "5 IN PTR kubernetes.default.svc.cluster.local.";
  same(t, "1.0.3.10.in-addr.arpa PTR", `1.0.3.10.in-addr.arpa. ${target}`);
  const v6 = "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.3.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa.";
  same(t, `${v6} PTR`, `${v6} ${target}`);
  t.end();
});

t.test("2.4.1 - A/AAAA Records of a Headless Service", (t) => {
  same(
    t,
    "headless.default.svc.cluster.local A",
    "headless.default.svc.cluster.local. 5 IN A 10.10.0.2",
    "headless.default.svc.cluster.local. 5 IN A 10.10.0.3",
  );
  same(
    t,
    "headless.default.svc.cluster.local AAAA",
    "headless.default.svc.cluster.local. 5 IN AAAA 2001:db8:10::2",
  );
  same(
    t,
    "my-pet.headless.default.svc.cluster.local A",
    "my-pet.headless.default.svc.cluster.local. 5 IN A 10.10.0.2",
  );
  // "There must also be an A record for each ready endpoint": one without host name is called after its address.
  same(
    t,
    "10-10-0-3.headless.default.svc.cluster.local A",
    "10-10-0-3.headless.default.svc.cluster.local. 5 IN A 10.10.0.3",
  );
  same(t, "10-10-0-4.headless.default.svc.cluster.local A", "NXDOMAIN");
  same(t, "lonely.default.svc.cluster.local A", "NXDOMAIN");
  t.end();
});

t.test("2.4.2 - SRV Records of a Headless Service", (t) => {
  const owner = "_https._tcp.headless.default.svc.cluster.local.";
  same(
    t,
    `${owner} SRV`,
    `${owner} 5 IN SRV 0 33 443 my-pet.headless.default.svc.cluster.local.`,
    `${owner} 5 IN SRV 0 33 443 10-10-0-3.headless.default.svc.cluster.local.`,
    "+ my-pet.headless.default.svc.cluster.local. 5 IN A 10.10.0.2",
    "+ my-pet.headless.default.svc.cluster.local. 5 IN AAAA 2001:db8:10::2",
    "+ 10-10-0-3.headless.default.svc.cluster.local. 5 IN A 10.10.0.3",
  );
  t.end();
});

t.test("2.4.3 - PTR Records of a Headless Service", (t) => {
  same(
    t,
    "2.0.10.10.in-addr.arpa PTR",
    "2.0.10.10.in-addr.arpa. 5 IN PTR my-pet.headless.default.svc.cluster.local.",
  );
  same(t, "4.0.10.10.in-addr.arpa PTR", "NXDOMAIN");
  t.end();
});

t.test("2.5 - Records for External Name Services", (t) => {
  same(
    t,
    "foo.default.svc.cluster.local CNAME",
    "foo.default.svc.cluster.local. 5 IN CNAME www.example.com.",
  );
  t.same(ask(index, "foo.default.svc.cluster.local A"), [
    "foo.default.svc.cluster.local. 5 IN CNAME www.example.com.",
    "-> outside",
  ]);
  t.end();
});
