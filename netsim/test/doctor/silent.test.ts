/** What is right must not be told, and what is wrong must be, in whatever form it is written. */
import t from "tap";
import { doctor } from "../../src/doctor/doctor.ts";
import { loadObjects } from "../../src/model/load.ts";
import { namespace, node, pod, service } from "../policy/make.ts";
import { db, ids, web } from "./clusters.ts";

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

t.test("words that look like names of hosts", async (t) => {
  const told = (env: Record<string, string>, args: string[] = []) =>
    pod("shop/web", { app: "web" }, "10.244.1.5", {
      spec: {
        containers: [{ name: "c", args, env: Object.entries(env).map(([name, value]) => ({ name, value })) }],
      },
    });
  const cluster = [namespace("shop"), namespace("data"), db];
  const silent: [Record<string, string>, string[]][] = [
    [{ LEADER_ELECTION_ID: "1f2e.shop.example.com" }, []],
    [{}, ["--leader-elect-id=web.example.com", "--config=/etc/app/config.io"]],
    [{ DB_HOST: "db-0.db.data" }, []],
    [{ CACHE_URL: "redis://redis.cache:6379" }, []],
    [{ IMAGE: "ghcr.io/shop/web:1.4", MAIN_CLASS: "com.example.Main", FILE: "app.sh" }, []],
    [{ OWNER: "team@example.com" }, []],
  ];
  for (const [env, args] of silent)
    t.same(await ids([...cluster, told(env, args)]), [], JSON.stringify([env, args]));
  const costly: [Record<string, string>, string[]][] = [
    [{ SMTP_HOST: "smtp.example.com" }, []],
    [{ KAFKA_BROKERS: "a.kafka.example.com:9092,b.kafka.example.com:9092" }, []],
    [{ SETTINGS: '{"db": "postgres://user:secret@db.eu.example.com:5432/shop"}' }, []],
    [{}, ["--upstream-host=api.example.com"]],
    [{}, ["proxy", "api.example.com:443"]],
  ];
  for (const [env, args] of costly)
    t.same(await ids([...cluster, told(env, args)]), ["NS/ndots"], JSON.stringify([env, args]));
});
