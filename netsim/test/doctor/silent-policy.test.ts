/** Policies: what is right must not be told, and what is wrong must be, in whatever form it is written. */
import t from "tap";
import { applyChanges } from "../../src/doctor/apply.ts";
import { doctor } from "../../src/doctor/doctor.ts";
import { follow } from "../../src/doctor/follow.ts";
import { loadObjects, loadText } from "../../src/model/load.ts";
import {
  calicoPolicy,
  ciliumPolicy,
  globalPolicy,
  namespace,
  networkPolicy,
  node,
  pod,
  service,
} from "../policy/make.ts";
import { db, dnsPods, egress, ids, toDb, web } from "./clusters.ts";

t.test("port 53 in its many forms", async (t) => {
  const silent: Record<string, object[]> = {
    "by a rule without ports": [toDb, { to: [dnsPods] }],
    "by an empty list of ports": [toDb, { to: [dnsPods], ports: [] }],
    "to everybody": [
      toDb,
      {
        ports: [
          { protocol: "UDP", port: 53 },
          { protocol: "TCP", port: 53 },
        ],
      },
    ],
    "in a range": [
      toDb,
      {
        to: [dnsPods],
        ports: [
          { protocol: "UDP", port: 1, endPort: 1024 },
          { protocol: "TCP", port: 50, endPort: 60 },
        ],
      },
    ],
    "by the names of the DNS pods' ports": [
      toDb,
      {
        to: [dnsPods],
        ports: [
          { protocol: "UDP", port: "dns" },
          { protocol: "TCP", port: "dns-tcp" },
        ],
      },
    ],
    "as part of everything": [{}],
  };
  for (const [name, rules] of Object.entries(silent))
    t.same(await ids([web, db, egress(...rules)]), [], name);
  t.same(await ids([web, db, egress(toDb)]), ["NS/dns-egress"], "forgotten");
  t.same(
    await ids(
      [
        web,
        db,
        egress(toDb, {
          to: [{ podSelector: { matchLabels: { "k8s-app": "kube-dns" } } }],
          ports: [
            { protocol: "UDP", port: 53 },
            { protocol: "TCP", port: 53 },
          ],
        }),
      ],
      { only: ["dns-egress", "dns-egress-peer"] },
    ),
    ["NS/dns-egress-peer"],
    "in the pod's own namespace",
  );
  t.same(
    await ids(
      [
        web,
        db,
        egress(toDb),
        egress({
          ports: [
            { port: 53, protocol: "UDP" },
            { port: 53, protocol: "TCP" },
          ],
        }),
      ].map((o, i) => (i === 3 ? { ...o, metadata: { name: "dns", namespace: "shop" } } : o)),
    ),
    [],
    "by another policy",
  );
});

t.test("pods that are shut in on purpose, and those that do not ask the cluster", async (t) => {
  t.same(
    await ids([web, networkPolicy("shop/closed", { podSelector: {}, policyTypes: ["Ingress", "Egress"] })]),
    [],
  );
  const own = pod("shop/web", { app: "web" }, "10.244.1.5", {
    spec: { dnsPolicy: "None", dnsConfig: { nameservers: ["192.0.2.53"] } },
  });
  t.same(await ids([own, db, egress(toDb)]), [], "dnsPolicy None");
  const host = pod("shop/web", { app: "web" }, "172.18.0.2", { spec: { hostNetwork: true } });
  t.same(
    await ids([host, db, egress(toDb), node("node-1", "172.18.0.2")], { only: ["dns-egress"] }),
    [],
    "hostNetwork",
  );
});

t.test("policies of Cilium and of Calico", async (t) => {
  const cilium = (rules: object[]) =>
    ciliumPolicy("shop/web", { endpointSelector: { matchLabels: { app: "web" } }, egress: rules });
  const toDns = {
    toEndpoints: [
      { matchLabels: { "k8s:io.kubernetes.pod.namespace": "kube-system", "k8s-app": "kube-dns" } },
    ],
  };
  t.same(await ids([web, db, cilium([{ toEndpoints: [{ matchLabels: { app: "db" } }] }])]), [
    "NS/dns-egress",
  ]);
  t.same(await ids([web, db, cilium([{ toEndpoints: [{ matchLabels: { app: "db" } }] }, toDns])]), []);
  t.same(await ids([web, db, cilium([{ toEntities: ["cluster"] }])]), []);
  const allow = { action: "Allow", protocol: "TCP", destination: { selector: "app == 'db'" } };
  t.same(
    await ids([
      web,
      db,
      calicoPolicy("shop/web", { selector: "app == 'web'", types: ["Egress"], egress: [allow] }),
    ]),
    ["NS/dns-egress"],
  );
  const dns = (protocol: string) => ({ action: "Allow", protocol, destination: { ports: [53] } });
  t.same(
    await ids([
      web,
      db,
      globalPolicy("web", {
        selector: "app == 'web'",
        types: ["Egress"],
        egress: [allow, dns("UDP"), dns("TCP")],
      }),
    ]),
    [],
  );
});

t.test("Calico's and Cilium's advice works too", async (t) => {
  const allow = { action: "Allow", protocol: "TCP", destination: { selector: "app == 'db'" } };
  const policies = [
    calicoPolicy("shop/web", { selector: "app == 'web'", types: ["Egress"], egress: [allow] }),
    ciliumPolicy("shop/web", {
      endpointSelector: {},
      egress: [{ toEndpoints: [{ matchLabels: { app: "db" } }] }],
    }),
    networkPolicy("shop/web", { podSelector: {}, egress: [toDb] }),
  ];
  for (const policy of policies) {
    const objects = [web, db, policy];
    const { findings } = await doctor(loadObjects(objects));
    t.same(
      findings.map((f) => f.id),
      ["NS/dns-egress"],
      policy.apiVersion,
    );
    const healed = applyChanges(objects, findings[0]?.fix.changes ?? []);
    t.ok(findings[0]?.fix.changes.length, "there is a change");
    t.same(await ids((healed ?? []) as object[]), [], `${policy.apiVersion}: silent afterwards`);
  }
});

t.test("ipBlocks that are not meant for pods", async (t) => {
  const block = (cidr: string, except?: string[]) =>
    egress({ to: [{ ipBlock: { cidr, ...(except !== undefined && { except }) } }] });
  const nodes = [
    { ...node("node-1", "172.18.0.2"), spec: { podCIDR: "10.244.1.0/24" } },
    { ...node("node-2", "172.18.0.3"), spec: { podCIDR: "10.244.2.0/24" } },
  ];
  for (const cidr of ["0.0.0.0/0", "10.0.0.0/8", "192.0.2.0/24", "172.18.0.0/16", "203.0.113.7/32"])
    t.same(
      await ids([web, db, ...nodes, block(cidr)], { only: ["policy-block-pods", "policy-block-services"] }),
      [],
      cidr,
    );
  t.same(
    await ids([web, db, ...nodes, block("0.0.0.0/0", ["10.244.0.0/16"])], { only: ["policy-block-pods"] }),
    [],
    "pods excepted",
  );
  for (const cidr of ["10.244.1.5/32", "10.244.1.0/24", "10.244.0.0/16", "10.244.2.0/25"])
    t.same(
      await ids([web, db, ...nodes, block(cidr)], { only: ["policy-block-pods"] }),
      ["NS/policy-block-pods"],
      cidr,
    );
  for (const cidr of ["10.96.0.0/12", "10.96.0.10/32"])
    t.same(
      await ids(
        [
          web,
          ...nodes,
          service("shop/db", { clusterIP: "10.96.0.10", ports: [{ port: 80 }], selector: { app: "web" } }),
          block(cidr),
        ],
        { only: ["policy-block-services"] },
      ),
      ["NS/policy-block-services"],
      cidr,
    );
});

t.test("namespaces that are copies of each other", async (t) => {
  const policy = (ns: string) =>
    networkPolicy(`${ns}/db`, {
      podSelector: { matchLabels: { app: "db" } },
      ingress: [{ from: [{ podSelector: { matchLabels: { app: "web" } } }] }],
    });
  const copy = (ns: string, third: number) => [
    namespace(ns),
    pod(`${ns}/web`, { app: "web" }, `10.244.${third}.5`),
    pod(`${ns}/db`, { app: "db" }, `10.244.${third}.6`),
    policy(ns),
  ];
  t.same(await ids([...copy("staging", 1), ...copy("production", 2)]), []);
});

t.test("port 53 for TCP alone, by a protocol that is not written", async (t) => {
  const objects = [web, db, egress(toDb, { to: [dnsPods], ports: [{ port: 53 }] })];
  const { findings } = await doctor(loadObjects(objects));
  t.match(findings, [
    {
      id: "NS/dns-egress",
      message: /for TCP only/,
      fix: { changes: [{ operations: [{ path: "/spec/egress/1/ports/-", value: { protocol: "UDP" } }] }] },
    },
  ]);
});

t.test("advice that another has overtaken is left", async (t) => {
  const text = `apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: default-deny, namespace: shop}
spec:
  podSelector: {}
  policyTypes: [Ingress]
  ingress:
  - {}
  - from: [{podSelector: {matchLabels: {app: web}}}]
  - {}
`;
  const { findings } = await doctor(loadText(text, "f"), { only: ["policy-denies-nothing"] });
  t.equal(findings.length, 2);
  const { files, done, left } = follow(findings, () => text);
  t.equal(done.length, 1);
  t.equal(left.length, 1, "its index is no longer right: the next run finds it again");
  t.match(files[0]?.after, /app: web/, "and the rule that is right stays");
});

t.test("policies without their pods' manifests", async (t) => {
  const lone = networkPolicy("shop/web", {
    podSelector: { matchLabels: { app: "web" } },
    policyTypes: ["Egress"],
    egress: [toDb],
  });
  const { findings } = await doctor(loadObjects([lone]));
  t.match(findings, [
    {
      id: "NS/dns-egress",
      at: { object: "NetworkPolicy shop/web" },
      subjects: [{ object: "NetworkPolicy shop/web" }],
    },
  ]);
  t.same(
    await ids([networkPolicy("shop/closed", { podSelector: {}, policyTypes: ["Ingress", "Egress"] })]),
    [],
  );
  t.same(
    await ids([networkPolicy("shop/in", { podSelector: {}, policyTypes: ["Ingress"], ingress: [{}] })]),
    [],
  );
  const fqdn = (rules: object[]) =>
    ciliumPolicy("shop/pay", { endpointSelector: { matchLabels: { "k8s:app": "pay" } }, egress: rules });
  const names = { toFQDNs: [{ matchName: "api.stripe.com" }] };
  const dns = (rules: object) => ({
    toEndpoints: [
      { matchLabels: { "k8s:io.kubernetes.pod.namespace": "kube-system", "k8s-app": "kube-dns" } },
    ],
    toPorts: [{ ports: [{ port: "53", protocol: "ANY" }], ...rules }],
  });
  t.same(await ids([fqdn([names])]), ["NS/dns-egress"]);
  t.same(await ids([fqdn([names, dns({})])]), ["NS/fqdn-not-learned"]);
  t.same(await ids([fqdn([names, dns({ rules: { dns: [{ matchPattern: "*" }] } })])]), []);
});
