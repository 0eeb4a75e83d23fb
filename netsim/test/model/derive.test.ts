/** What the control plane would add: pods, their nodes and addresses, EndpointSlices. */
import t from "tap";
import { loadObjects } from "../../src/model/load.ts";

const workload = (kind: string, name: string, spec: object = {}, more: object = {}) => ({
  apiVersion: "apps/v1",
  kind,
  metadata: { name, namespace: "shop", ...more },
  spec: {
    template: {
      metadata: { labels: { app: name } },
      spec: { containers: [{ name: "c", ports: [{ name: "http", containerPort: 8080 }] }] },
    },
    ...spec,
  },
});
const node = (name: string, podCIDR: string, more: object = {}) => ({
  apiVersion: "v1",
  kind: "Node",
  metadata: { name, labels: { "topology.kubernetes.io/zone": `zone-${name}` } },
  spec: { podCIDR, podCIDRs: [podCIDR], ...more },
  status: { addresses: [{ type: "InternalIP", address: `172.18.0.${name.length}` }] },
});
const nodes = [node("n1", "10.1.0.0/24"), node("n2-x", "10.2.0.0/24")];
const names = (objects: object[]) =>
  loadObjects(objects)
    .pods.map((p) => p.metadata.name)
    .sort();

t.test("pods of workloads", (t) => {
  t.same(names([...nodes, workload("Deployment", "web", { replicas: 2 })]), ["web-1", "web-2"]);
  t.same(names([...nodes, workload("StatefulSet", "db", { replicas: 2, serviceName: "db" })]), [
    "db-0",
    "db-1",
  ]);
  t.same(names([...nodes, workload("DaemonSet", "agent")]), ["agent-n1", "agent-n2-x"]);
  t.same(names([...nodes, workload("Deployment", "off", { replicas: 0 })]), []);
  const owned = workload(
    "ReplicaSet",
    "web-abc",
    { replicas: 1 },
    { ownerReferences: [{ kind: "Deployment", name: "web", controller: true }] },
  );
  t.same(names([...nodes, owned]), [], "a Deployment's ReplicaSet makes none of its own");
  const real = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "web-abc-x", namespace: "shop", labels: { app: "web" } },
    status: { phase: "Running", podIP: "10.1.0.9" },
  };
  t.same(
    names([...nodes, workload("Deployment", "web", { replicas: 2 }), real]),
    ["web-abc-x"],
    "pods that are there are the pods",
  );
  const [db] = loadObjects([...nodes, workload("StatefulSet", "db", { serviceName: "db" })]).pods;
  t.match(db, {
    spec: { hostname: "db-0", subdomain: "db" },
    derived: "StatefulSet shop/db",
    metadata: { labels: { "statefulset.kubernetes.io/pod-name": "db-0" } },
  });
  t.end();
});

t.test("a slip of the pen does not end in memory", (t) => {
  const cluster = loadObjects([...nodes, workload("Deployment", "web", { replicas: 2_000_000_000 })]);
  t.equal(cluster.pods.length, 10_000);
  t.match(cluster.problems, [{ field: "spec.replicas", message: /10000 are made/ }]);
  t.end();
});

t.test("addresses are of the node's podCIDR, distinct, and depend on names alone", (t) => {
  const place = (objects: object[]) =>
    new Map(
      loadObjects(objects).pods.map((p) => [
        `${p.metadata.namespace}/${p.metadata.name}`,
        `${p.spec.nodeName} ${p.status.podIP}`,
      ]),
    );
  const few = place([...nodes, workload("Deployment", "web", { replicas: 3 })]);
  const many = place([
    workload("Deployment", "aaa", { replicas: 60 }),
    ...nodes,
    workload("Deployment", "web", { replicas: 3 }),
  ]);
  t.equal(new Set(many.values()).size, 63);
  for (const where of many.values()) t.match(where, /^(n1 10\.1\.0|n2-x 10\.2\.0)\.\d+$/);
  t.equal(
    [...few].filter(([name, where]) => many.get(name) === where).length >= 2,
    true,
    "one more manifest moves (almost) nobody",
  );
  t.same(
    [...few],
    [...place([...nodes].reverse().concat(workload("Deployment", "web", { replicas: 3 }) as never))],
    "nor does the order of the input",
  );
  const dual = place([
    {
      ...node("n1", "10.1.0.0/24"),
      spec: { podCIDR: "10.1.0.0/24", podCIDRs: ["10.1.0.0/24", "fd00:1::/64"] },
    },
    workload("Deployment", "web"),
  ]);
  t.match([...dual.values()][0], /^n1 10\.1\.0\./);
  const [pod] = loadObjects([
    { ...node("n1", "x"), spec: { podCIDRs: ["10.1.0.0/24", "fd00:1::/64"] } },
    workload("Deployment", "web"),
  ]).pods;
  t.match(pod?.status.podIPs, [{ ip: /^10\.1\.0\./ }, { ip: /^fd00:1::/ }]);
  t.end();
});

t.test("where there are no nodes, two are made up", (t) => {
  const cluster = loadObjects([
    workload("Deployment", "web", { replicas: 4 }),
    workload("DaemonSet", "agent"),
  ]);
  t.same(
    cluster.nodes.map((n) => [n.metadata.name, n.spec.podCIDR, n.derived]),
    [
      ["node-1", "10.244.1.0/24", "the pods"],
      ["node-2", "10.244.2.0/24", "the pods"],
    ],
  );
  t.equal(new Set(cluster.pods.map((p) => p.spec.nodeName)).size, 2, "replicas are spread");
  t.same(
    loadObjects([
      { apiVersion: "v1", kind: "Service", metadata: { name: "s" }, spec: { ports: [{ port: 80 }] } },
    ]).nodes,
    [],
  );
  t.end();
});

t.test("scheduling respects taints, nodeSelector and the host's network", (t) => {
  const control = node("cp", "10.9.0.0/24", {
    taints: [{ key: "node-role.kubernetes.io/control-plane", effect: "NoSchedule" }],
  });
  const on = (spec: object) =>
    loadObjects([control, ...nodes, { apiVersion: "v1", kind: "Pod", metadata: { name: "p" }, spec }])
      .pods[0];
  t.not(on({})?.spec.nodeName, "cp");
  t.equal(on({ nodeSelector: { "topology.kubernetes.io/zone": "zone-n2-x" } })?.spec.nodeName, "n2-x");
  t.match(on({ hostNetwork: true, nodeName: "cp" })?.status, { podIP: "172.18.0.2", hostIP: "172.18.0.2" });
  const pending = loadObjects([
    ...nodes,
    { apiVersion: "v1", kind: "Pod", metadata: { name: "p" }, status: { phase: "Pending" } },
  ]).pods[0];
  t.equal(pending?.status.podIP, undefined, "a pod that the cluster knows of keeps its status");
  t.end();
});

const service = (spec: object, name = "web") => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name, namespace: "shop" },
  spec,
});
const pod = (
  name: string,
  ip: string,
  more: { ready?: string; phase?: string; meta?: object; port?: number } = {},
) => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, namespace: "shop", labels: { app: "web" }, ...more.meta },
  spec: {
    nodeName: "n1",
    containers: [{ name: "c", ports: [{ name: "http", containerPort: more.port ?? 8080 }] }],
  },
  status: {
    phase: more.phase ?? "Running",
    podIP: ip,
    conditions: [{ type: "Ready", status: more.ready ?? "True" }],
  },
});

t.test("EndpointSlices from selectors and readiness", (t) => {
  const pods = [
    pod("ready", "10.1.0.1"),
    pod("notready", "10.1.0.2", { ready: "False" }),
    pod("leaving", "10.1.0.3", { meta: { deletionTimestamp: "2026-01-01T00:00:00Z" } }),
    pod("done", "10.1.0.4", { phase: "Succeeded" }),
    pod("other", "10.1.0.5", { port: 9090 }),
  ];
  const slices = (spec: object) =>
    loadObjects([
      ...nodes,
      ...pods,
      service({ selector: { app: "web" }, ports: [{ port: 80, targetPort: "http" }], ...spec }),
    ]).endpointSlices;
  const [first, second] = slices({});
  t.match(first, {
    addressType: "IPv4",
    ports: [{ name: "", port: 8080, protocol: "TCP" }],
    derived: "Service shop/web",
  });
  t.same(
    first?.endpoints.map((e) => [
      e.addresses[0],
      e.conditions?.ready,
      e.conditions?.serving,
      e.conditions?.terminating,
    ]),
    [
      ["10.1.0.1", true, true, false],
      ["10.1.0.2", false, false, false],
      ["10.1.0.3", false, true, true],
    ],
  );
  t.match(first?.endpoints[0], {
    nodeName: "n1",
    zone: "zone-n1",
    targetRef: { kind: "Pod", name: "ready" },
  });
  t.match(
    second,
    { ports: [{ port: 9090 }], endpoints: [{ addresses: ["10.1.0.5"] }] },
    "another number for the port's name, another slice",
  );
  t.equal(
    slices({ publishNotReadyAddresses: true })[0]?.endpoints.every((e) => e.conditions?.ready),
    true,
  );
  t.same(
    slices({ selector: {} }).length + slices({ type: "ExternalName", externalName: "x.example" }).length,
    0,
  );
  t.end();
});

t.test("slices that are given count, and Endpoints of old", (t) => {
  const given = {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name: "x", namespace: "shop", labels: { "kubernetes.io/service-name": "web" } },
    addressType: "IPv4",
    endpoints: [],
  };
  const web = service({ selector: { app: "web" }, ports: [{ port: 80 }] });
  t.same(
    loadObjects([...nodes, pod("a", "10.1.0.1"), web, given]).endpointSlices.map((s) => s.metadata.name),
    ["x"],
  );
  const endpoints = {
    apiVersion: "v1",
    kind: "Endpoints",
    metadata: { name: "ext", namespace: "shop" },
    subsets: [{ addresses: [{ ip: "203.0.113.9" }, { ip: "2001:db8::9" }], ports: [{ port: 443 }] }],
  };
  const slices = loadObjects([service({ ports: [{ port: 443 }] }, "ext"), endpoints]).endpointSlices;
  t.same(
    slices.map((s) => [s.addressType, s.endpoints[0]?.addresses, s.ports]),
    [
      ["IPv4", ["203.0.113.9"], [{ port: 443, protocol: "TCP" }]],
      ["IPv6", ["2001:db8::9"], [{ port: 443, protocol: "TCP" }]],
    ],
  );
  t.end();
});
