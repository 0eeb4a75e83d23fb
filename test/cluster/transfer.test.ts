/** Zone transfers: see BEHAVIOUR of CoreDNS's `transfer` with `kubernetes`, which our records are to be. */
import t from "tap";
import { transferRecords } from "../../src/cluster/transfer.ts";
import { nameOf } from "../../src/dns/name.ts";
import { recordText } from "../../src/dns/records.ts";
import { indexOf, settingsOf } from "./ask.ts";

const index = indexOf(`
apiVersion: v1
kind: Namespace
metadata: { name: shop }
---
apiVersion: v1
kind: Service
metadata: { name: web, namespace: shop }
spec: { clusterIPs: [10.96.0.1, "fd00::1"], ports: [{ name: Http, port: 80 }, { port: 81 }] }
---
apiVersion: v1
kind: Service
metadata: { name: web, namespace: hidden }
spec: { clusterIP: 10.96.0.2, ports: [{ port: 80 }] }
---
apiVersion: v1
kind: Service
metadata: { name: alias, namespace: shop }
spec: { type: ExternalName, externalName: www.example.com }
---
apiVersion: v1
kind: Service
metadata: { name: ip, namespace: shop }
spec: { type: ExternalName, externalName: 192.0.2.1 }
---
apiVersion: v1
kind: Service
metadata: { name: db, namespace: shop }
spec: { clusterIP: None, ports: [{ name: sql, port: 5432 }] }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: db, namespace: shop, labels: { kubernetes.io/service-name: db } }
ports: [{ name: sql, port: 5432 }, { port: 9999 }]
endpoints: [{ addresses: [10.244.0.1], hostname: db-0 }, { addresses: [10.244.0.2] }, { addresses: [db.example.com] }]
`);

const transfer = (name: string, known?: number): string[] | undefined => {
  const records = transferRecords(index, settingsOf(), nameOf(name), known);
  return records && [...records].map(recordText);
};

const SOA = "% 5 IN SOA ns.dns.% hostmaster.% 1700000000 7200 1800 86400 5";
const ALL = [
  SOA,
  "alias.shop.svc.% 5 IN CNAME www.example.com.",
  "db.shop.svc.% 5 IN A 10.244.0.1",
  "db-0.db.shop.svc.% 5 IN A 10.244.0.1",
  "_sql._tcp.db.shop.svc.% 5 IN SRV 0 33 5432 db-0.db.shop.svc.%",
  "db.shop.svc.% 5 IN A 10.244.0.2",
  "10-244-0-2.db.shop.svc.% 5 IN A 10.244.0.2",
  "_sql._tcp.db.shop.svc.% 5 IN SRV 0 33 5432 10-244-0-2.db.shop.svc.%",
  "_sql._tcp.db.shop.svc.% 5 IN SRV 0 33 5432 .",
  "web.shop.svc.% 5 IN A 10.96.0.1",
  "web.shop.svc.% 5 IN AAAA fd00::1",
  "web.shop.svc.% 5 IN SRV 0 100 80 web.shop.svc.%",
  "_http._tcp.web.shop.svc.% 5 IN SRV 0 100 80 web.shop.svc.%",
  "web.shop.svc.% 5 IN SRV 0 100 81 web.shop.svc.%",
  SOA,
];

t.test("a zone from SOA to SOA", (t) => {
  for (const zone of ["cluster.local.", "x.cluster.local."]) {
    t.same(
      transfer(zone),
      ALL.map((line) => line.replaceAll("%", zone)),
      zone,
    );
  }
  t.equal(transfer("example.org"), undefined);
  t.end();
});

t.test("a client that is up to date gets the SOA alone", (t) => {
  t.equal(transfer("cluster.local", 1_700_000_000)?.length, 1);
  t.equal(transfer("cluster.local", 1)?.length, ALL.length);
  t.end();
});

t.test("name servers with their addresses come behind the SOA", (t) => {
  const settings = settingsOf({ localAddresses: () => ["10.244.0.2"] });
  const records = [...transferRecords(index, settings, nameOf("cluster.local"))!].map(recordText);
  t.same(records.slice(1, 4), [
    "cluster.local. 5 IN NS db-0.db.shop.svc.cluster.local.",
    "cluster.local. 5 IN NS 10-244-0-2.db.shop.svc.cluster.local.",
    "db-0.db.shop.svc.cluster.local. 5 IN A 10.244.0.1",
  ]);
  t.end();
});
