/** Which endpoints a node uses, and what else of Services decides: the rules behind the recordings, one by one. */
import t from "tap";
import { loadObjects } from "../../src/model/load.ts";
import type { Cluster, Node } from "../../src/model/types.ts";
import { endpointIndex, usableEndpoints } from "../../src/service/endpoints.ts";
import { iptablesProgram } from "../../src/service/iptables/program.ts";
import { saveTable } from "../../src/service/iptables/save.ts";
import { proxyNode } from "../../src/service/node.ts";
import { proxiedPorts } from "../../src/service/service-port.ts";
import { threeNodes as nodes } from "./support.ts";

interface Spot {
  readonly node?: string;
  readonly ready?: boolean;
  readonly serving?: boolean;
  readonly terminating?: boolean;
  readonly zones?: string[];
  readonly nodes?: string[];
}

function cluster(spec: object, spots: readonly Spot[], more: readonly object[] = []): Cluster {
  return loadObjects([
    ...nodes,
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "s", namespace: "d" },
      spec: { clusterIP: "10.96.0.1", ports: [{ name: "p", port: 80 }], ...spec },
    },
    slice(
      "one",
      spots.map(({ node, zones, nodes, ...conditions }, index) => ({
        addresses: [`10.244.9.${index + 1}`],
        ...(node === undefined ? {} : { nodeName: node }),
        conditions,
        hints: {
          ...(zones === undefined ? {} : { forZones: zones.map((name) => ({ name })) }),
          ...(nodes === undefined ? {} : { forNodes: nodes.map((name) => ({ name })) }),
        },
      })),
    ),
    ...more,
  ]);
}

function slice(name: string, endpoints: object[], labels: object = {}): object {
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name, namespace: "d", labels: { "kubernetes.io/service-name": "s", ...labels } },
    addressType: "IPv4",
    endpoints,
    ports: [{ name: "p", port: 8080 }],
  };
}

function used(of: Cluster, nodeName = "a") {
  const [port] = proxiedPorts(of, "IPv4");
  if (port === undefined) return undefined;
  const node = proxyNode(of, of.nodes.find(({ metadata }) => metadata.name === nodeName) as Node, "IPv4");
  const found = usableEndpoints(port, endpointIndex(of, "IPv4")(port), node);
  const short = (list: typeof found.cluster) =>
    list.map(({ address }) => Number(address.split(".")[3])).join();
  return {
    cluster: short(found.cluster),
    local: short(found.local),
    reachable: short(found.reachable),
    any: found.any,
  };
}

const LOCAL = { internalTrafficPolicy: "Local" };
const LEAVING = { ready: false, serving: true, terminating: true };

t.test("conditions", (t) => {
  t.match(used(cluster({}, [{}, { ready: false }, { ready: true }])), { cluster: "1,3", any: true });
  t.match(
    used(cluster({}, [{ ready: false, serving: true }])),
    { cluster: "", any: false },
    "serving is not ready",
  );
  t.match(used(cluster({}, [LEAVING, { ready: false, serving: false, terminating: true }])), {
    cluster: "1",
    any: true,
  });
  t.match(
    used(cluster({}, [LEAVING, {}])),
    { cluster: "2" },
    "terminating ones only when all others are gone",
  );
  t.match(used(cluster({}, [])), { cluster: "", any: false });
  t.end();
});

t.test("traffic policies", (t) => {
  const here = [{ node: "a" }, { node: "b" }];
  t.match(used(cluster(LOCAL, here)), { cluster: "", local: "1", any: true });
  t.match(used(cluster(LOCAL, here), "c"), { cluster: "", local: "", any: true });
  t.match(
    used(cluster(LOCAL, [{ node: "a", ...LEAVING }, { node: "b" }])),
    { local: "1" },
    "the fallback is the node's own",
  );
  const external = {
    type: "NodePort",
    externalTrafficPolicy: "Local",
    ports: [{ name: "p", port: 80, nodePort: 30000 }],
  };
  t.match(used(cluster(external, here)), { cluster: "1,2", local: "1", reachable: "1,2" });
  t.match(used(cluster(external, [{ node: "a", ...LEAVING }, { node: "b" }])), {
    cluster: "2",
    local: "1",
    reachable: "2,1",
  });
  t.match(
    used(cluster({ externalTrafficPolicy: "Local" }, here)),
    { cluster: "1,2", local: "" },
    "a plain cluster IP has no external traffic",
  );
  t.end();
});

t.test("topology hints", (t) => {
  const hinted = [{ zones: ["z-a"] }, { zones: ["z-b"] }];
  t.equal(used(cluster({}, hinted))?.cluster, "1");
  t.equal(used(cluster({}, hinted), "c")?.cluster, "1,2", "nobody is hinted for this zone");
  t.equal(used(cluster({}, [...hinted, {}]))?.cluster, "1,2,3", "one without a hint: they count no more");
  t.equal(used(cluster({}, [...hinted, { ready: false }]))?.cluster, "1", "an unready one need not have one");
  const both = [
    { zones: ["z-a"], nodes: ["b"] },
    { zones: ["z-a"], nodes: ["a"] },
  ];
  t.equal(used(cluster({}, both))?.cluster, "2", "the node before the zone");
  t.equal(used(cluster({}, [...both, { zones: ["z-b"] }]))?.cluster, "1,2", "or else the zone");
  t.equal(
    used(
      cluster(LOCAL, [
        { node: "a", zones: ["z-b"] },
        { node: "b", zones: ["z-a"] },
      ]),
    )?.local,
    "1",
    "Local asks no hints",
  );
  t.end();
});

t.test("trafficDistribution, where the slices are derived from the pods", (t) => {
  const pods = nodes.map(({ metadata: { name } }, index) => ({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: `p-${name}`, namespace: "d", labels: { app: "x" } },
    spec: { nodeName: name, containers: [{ name: "c" }] },
    status: { phase: "Running", podIP: `10.244.9.${index + 1}` },
  }));
  const of = (trafficDistribution?: string) =>
    loadObjects([
      ...nodes.map((node) =>
        node.metadata.name === "c"
          ? { ...node, metadata: { ...node.metadata, labels: { "topology.kubernetes.io/zone": "z-a" } } }
          : node,
      ),
      ...pods,
      {
        apiVersion: "v1",
        kind: "Service",
        metadata: { name: "s", namespace: "d" },
        spec: { clusterIP: "10.96.0.1", selector: { app: "x" }, ports: [{ port: 80 }], trafficDistribution },
      },
    ]);
  t.equal(used(of())?.cluster, "1,2,3");
  t.equal(used(of("PreferSameZone"))?.cluster, "1,3");
  t.equal(used(of("PreferClose"), "b")?.cluster, "2");
  t.equal(used(of("PreferSameNode"), "c")?.cluster, "3");
  t.equal(used(of("Unknown"))?.cluster, "1,2,3");
  t.end();
});

t.test("slices", (t) => {
  const again = slice("two", [{ addresses: ["10.244.9.1"], conditions: LEAVING }]);
  t.equal(
    used(cluster({}, [{}], [again]))?.cluster,
    "1",
    "an address that is leaving in one slice and ready in another",
  );
  const other = slice("two", [{ addresses: ["10.244.9.7"] }], {
    "service.kubernetes.io/service-proxy-name": "x",
  });
  t.equal(used(cluster({}, [{}], [other]))?.cluster, "1", "another proxy's");
  t.end();
});

t.test("Services that kube-proxy leaves alone", (t) => {
  for (const spec of [
    { clusterIP: "None" },
    { clusterIP: "" },
    { type: "ExternalName", externalName: "x.example" },
  ])
    t.equal(used(cluster(spec, [{}])), undefined, JSON.stringify(spec));
  const labelled = loadObjects([
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "s", namespace: "d", labels: { "service.kubernetes.io/service-proxy-name": "x" } },
      spec: { clusterIP: "10.96.0.1", ports: [{ port: 80 }] },
    },
  ]);
  t.same(proxiedPorts(labelled, "IPv4"), []);
  t.end();
});

t.test("more than a thousand endpoints: no comments about them", (t) => {
  const many = (count: number) =>
    cluster(
      {},
      [],
      [
        slice(
          "many",
          Array.from({ length: count }, (_, index) => ({
            addresses: [`10.245.${index >> 8}.${index & 255}`],
          })),
        ),
      ],
    );
  const commented = (count: number) => {
    const of = many(count);
    const { nat } = iptablesProgram(of, proxyNode(of, of.nodes[0] as Node, "IPv4"));
    const lines = saveTable(nat).split("\n");
    return ["-A KUBE-SVC-", "-A KUBE-SEP-", "-A KUBE-SERVICES "].map(
      (start) => lines.filter((line) => line.startsWith(start) && line.includes("d/s:p")).length,
    );
  };
  t.same(commented(1000), [1001, 2000, 1]);
  t.same(commented(1001), [1, 0, 1]);
  t.end();
});
