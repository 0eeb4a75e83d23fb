/** What is right must not be told, and what is wrong must be, in whatever form it is written. */
import t from "tap";
import { doctor } from "../../src/doctor/doctor.ts";
import type { DoctorOptions } from "../../src/doctor/types.ts";
import { loadObjects } from "../../src/model/load.ts";
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

async function ids(objects: readonly object[], options: DoctorOptions = {}): Promise<readonly string[]> {
  const { findings, failures } = await doctor(loadObjects(objects), options);
  t.same(failures, []);
  return [...new Set(findings.map((f) => f.id))].sort();
}

const web = pod("shop/web", { app: "web" }, "10.244.1.5");
const db = pod("shop/db", { app: "db" }, "10.244.1.6", { ports: [{ containerPort: 5432, protocol: "TCP" }] });
const egress = (...rules: object[]) =>
  networkPolicy("shop/web", {
    podSelector: { matchLabels: { app: "web" } },
    policyTypes: ["Egress"],
    egress: rules,
  });
const toDb = { to: [{ podSelector: { matchLabels: { app: "db" } } }] };
const dnsPods = { namespaceSelector: {}, podSelector: { matchLabels: { "k8s-app": "kube-dns" } } };

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
  const { applyChanges } = await import("../../src/doctor/apply.ts");
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

t.test("Services that are somebody else's business", async (t) => {
  t.same(await ids([web, service("shop/external", { ports: [{ port: 80 }] })]), [], "no selector");
  t.same(
    await ids([
      service("shop/scaled", { ports: [{ port: 80 }], selector: { app: "batch" } }),
      {
        apiVersion: "apps/v1",
        kind: "Deployment",
        metadata: { name: "batch", namespace: "shop" },
        spec: { replicas: 0, template: { metadata: { labels: { app: "batch" } }, spec: { containers: [] } } },
      },
      web,
    ]),
    [],
    "scaled to nothing",
  );
  t.same(
    await ids([service("shop/alone", { ports: [{ port: 80 }], selector: { app: "x" } })]),
    [],
    "a Service without the pods' manifests",
  );
  t.same(
    await ids([
      web,
      service("shop/silent", { ports: [{ port: 80, targetPort: 8080 }], selector: { app: "web" } }),
    ]),
    [],
    "pods that declare no ports",
  );
  const twice = [
    service("shop/a", {
      type: "NodePort",
      selector: { app: "web" },
      ports: [{ port: 53, protocol: "UDP", nodePort: 30053 }],
    }),
    service("shop/b", {
      type: "NodePort",
      selector: { app: "web" },
      ports: [{ port: 53, protocol: "TCP", nodePort: 30053 }],
    }),
  ];
  t.same(await ids([web, ...twice]), [], "a nodePort for UDP and for TCP");
});

t.test("names that cost nothing", async (t) => {
  const told = (value: string, spec: object = {}) =>
    pod("shop/web", { app: "web" }, "10.244.1.5", {
      spec: { ...spec, containers: [{ name: "c", env: [{ name: "API_URL", value }] }] },
    });
  const cheap = [
    ["http://api.example.com./", "a final dot"],
    ["http://192.0.2.7/", "an address"],
    ["http://db.shop.svc.cluster.local:5432/", "the cluster's own"],
    ["http://db/", "one label"],
    ["com.example.Main", "no name of a host"],
  ] as const;
  for (const [value, why] of cheap) t.same(await ids([told(value), db]), [], why);
  t.same(
    await ids([told("http://api.example.com/", { dnsConfig: { options: [{ name: "ndots", value: "2" }] } })]),
    [],
  );
  t.same(await ids([told("http://api.example.com/", { dnsPolicy: "Default" })]), [], "the node's resolver");
  t.same(await ids([told("http://api.example.com/")]), ["NS/ndots"]);
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

t.test("the DNS Service, missing or misspelt", async (t) => {
  const coredns = pod("kube-system/coredns-1", { "k8s-app": "kube-dns" }, "10.244.1.2", {
    ports: [
      { name: "dns", containerPort: 53, protocol: "UDP" },
      { name: "dns-tcp", containerPort: 53, protocol: "TCP" },
    ],
    spec: {
      containers: [
        {
          name: "coredns",
          image: "registry.k8s.io/coredns/coredns:v1.14.0",
          ports: [
            { containerPort: 53, protocol: "UDP" },
            { containerPort: 53, protocol: "TCP" },
          ],
        },
      ],
    },
  });
  t.same(await ids([coredns]), ["NS/dns-endpoints"], "missing");
  const kubeDns = (label: string) =>
    service("kube-system/kube-dns", {
      clusterIP: "10.96.0.10",
      selector: { "k8s-app": label },
      ports: [
        { name: "dns", port: 53, protocol: "UDP" },
        { name: "dns-tcp", port: 53 },
      ],
    });
  const { findings } = await doctor(loadObjects([coredns, kubeDns("kube-dn")]));
  t.match(findings, [
    { id: "NS/dns-endpoints", fix: { changes: [{ operations: [{ value: { "k8s-app": "kube-dns" } }] }] } },
  ]);
  t.same(await ids([coredns, kubeDns("kube-dns")]), [], "one node, one pod: nothing to spread");
});

t.test("hostNetwork and dnsPolicy", async (t) => {
  const host = (spec: object, metadata: object = {}) => {
    const made = pod("shop/agent", { app: "agent" }, "172.18.0.2", { spec: { hostNetwork: true, ...spec } });
    return { ...made, metadata: { ...made.metadata, ...metadata } };
  };
  t.same(await ids([host({})]), [], "nothing written, nothing asked");
  t.same(await ids([host({ dnsPolicy: "ClusterFirst" }, { uid: "1" })]), [], "the API server's default");
  t.same(await ids([host({ dnsPolicy: "ClusterFirst" })]), ["NS/host-network-dns"], "somebody means it");
  t.same(await ids([host({ dnsPolicy: "ClusterFirstWithHostNet" })]), []);
});

t.test("the size of kube-proxy's table, from its ConfigMap", async (t) => {
  const text = "mode: iptables\nconntrack:\n  maxPerCore: 0\n  min: 65536\nipvs:\n  min: 7\n";
  const map = {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "kube-proxy", namespace: "kube-system" },
    data: { "config.conf": text },
  };
  const { findings } = await doctor(loadObjects([map]), { flows: 1000 });
  t.match(findings, [
    {
      id: "NS/conntrack-size",
      fix: { changes: [{ operations: [{ value: text.replace("65536", "262144") }] }] },
    },
  ]);
  t.same(await ids([map], { flows: 100 }), []);
});

t.test("advice that another has overtaken is left", async (t) => {
  const { follow } = await import("../../src/doctor/follow.ts");
  const { loadText } = await import("../../src/model/load.ts");
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

t.test("MTUs that fit some usual card", async (t) => {
  const nodes = [
    { ...node("node-1", "172.18.0.2"), spec: { podCIDR: "10.244.1.0/24" } },
    { ...node("node-2", "172.18.0.3"), spec: { podCIDR: "10.244.2.0/24" } },
  ];
  const pods = [
    pod("shop/a", {}, "10.244.1.5", { node: "node-1" }),
    pod("shop/b", {}, "10.244.2.5", { node: "node-2" }),
  ];
  const calico = (spec: object, pool: object = { vxlanMode: "Always" }) => [
    ...nodes,
    ...pods,
    {
      apiVersion: "projectcalico.org/v3",
      kind: "IPPool",
      metadata: { name: "p" },
      spec: { cidr: "10.244.0.0/16", ...pool },
    },
    { apiVersion: "projectcalico.org/v3", kind: "FelixConfiguration", metadata: { name: "default" }, spec },
  ];
  const only = { only: ["mtu"] };
  for (const spec of [
    {},
    { vxlanMTU: 0 },
    { vxlanMTU: 1450 },
    { vxlanMTU: 8950 },
    { vxlanMTU: 8951 },
    { ipipMTU: 1500 },
  ])
    t.same(await ids(calico(spec), only), [], JSON.stringify(spec));
  for (const spec of [
    { vxlanMTU: 1451 },
    { vxlanMTU: 1500 },
    { vxlanMTU: 8980 },
    { wireguardEnabled: true, wireguardMTU: 1450 },
  ])
    t.same(await ids(calico(spec), only), ["NS/mtu"], JSON.stringify(spec));
  t.same(await ids(calico({ ipipMTU: 1490 }, { ipipMode: "Always" }), only), ["NS/mtu"]);
  t.same(await ids(calico({ vxlanMTU: 8950 }), { ...only, nic: 1500 }), ["NS/mtu"], "the cards are smaller");
  const flannel = (MTU: number) => ({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "kube-flannel-cfg", namespace: "kube-flannel" },
    data: { "net-conf.json": JSON.stringify({ Network: "10.244.0.0/16", Backend: { Type: "vxlan", MTU } }) },
  });
  t.same(
    await ids([...nodes, ...pods, flannel(1500)], only),
    [],
    "flannel takes the tunnel's share by itself",
  );
  t.same(await ids([...nodes, ...pods, flannel(9000)], only), []);
  t.same(await ids([...nodes, ...pods, flannel(9000)], { ...only, nic: 1500 }), ["NS/mtu"]);
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

t.test("a StatefulSet that names no Service", async (t) => {
  const set = {
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: { name: "db", namespace: "shop" },
    spec: {
      replicas: 2,
      template: { metadata: { labels: { app: "db" } }, spec: { containers: [{ name: "c" }] } },
    },
  };
  const headless = service("shop/db", {
    clusterIP: "None",
    selector: { app: "db" },
    ports: [{ port: 5432 }],
  });
  t.same(await ids([set, headless]), ["NS/statefulset-service"]);
  t.same(
    await ids([set, service("shop/db", { selector: { app: "db" }, ports: [{ port: 5432 }] })]),
    [],
    "nobody asks for its pods by name",
  );
});
