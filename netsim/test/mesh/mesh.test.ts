/** Services of several clusters, as Cilium's documentation of ClusterMesh and its code (1.20) have them. */
import t from "tap";
import type { Mesh } from "../../src/mesh/mesh.ts";
import { meshTrace } from "../../src/mesh/trace.ts";
import { clusterText, GLOBAL, meshOf, pod, service } from "./support.ts";

const AFFINITY = (value: string) => ({ ...GLOBAL, "service.cilium.io/affinity": value });

/** Two clusters with an API of two pods each; `ready` says of which the endpoints are. */
function two(
  annotations: Readonly<Record<string, string>>,
  ready = { east: true, west: true },
  west = annotations,
): Mesh {
  const pods = (net: number, isReady: boolean) =>
    pod("api-0", `10.${net}.0.10`, "api", isReady) + pod("api-1", `10.${net}.0.11`, "api", isReady);
  return meshOf({
    east: clusterText("east", { net: 1, more: pods(1, ready.east) + service("api", annotations) }),
    west: clusterText("west", { net: 2, more: pods(2, ready.west) + service("api", west) }),
  });
}

const reached = (mesh: Mesh, client: string): string[] =>
  mesh.services[0]!.views.find((v) => v.client.name === client)!
    .reached.map(({ home, pod }) => `${home.name}:${pod}`)
    .sort();

const EAST = ["east:shop/api-0", "east:shop/api-1"];
const WEST = ["west:shop/api-0", "west:shop/api-1"];

t.test("what a client of each cluster reaches", (t) => {
  t.same(reached(two(GLOBAL), "east"), [...EAST, ...WEST], "global: all alike");
  t.same(reached(two({ "io.cilium/global-service": "true" }), "west"), [...EAST, ...WEST], "the older name");
  const local = AFFINITY("local");
  t.same(reached(two(local), "east"), EAST, "local: its own");
  t.same(
    reached(two(local, { east: false, west: true }), "east"),
    WEST,
    "local, and none of its own is ready: the others'",
  );
  t.same(reached(two(local, { east: false, west: false }), "east"), []);
  const remote = AFFINITY("remote");
  t.same(reached(two(remote), "east"), WEST, "remote: the others'");
  t.same(
    reached(two(remote, { east: true, west: false }), "east"),
    EAST,
    "remote, and the others have none: its own",
  );
  const unshared = { ...GLOBAL, "service.cilium.io/shared": "false" };
  t.same(reached(two(GLOBAL, undefined, unshared), "east"), EAST, "not shared by west");
  t.same(
    reached(two(GLOBAL, undefined, unshared), "west"),
    [...EAST, ...WEST],
    "which has the others' all the same",
  );
  t.same(reached(two(GLOBAL, undefined, {}), "west"), WEST, "not global in west");
  t.end();
});

t.test("endpoints on their way out", (t) => {
  const slice = (ready: boolean, serving: boolean) => `apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: api-x, namespace: shop, labels: { kubernetes.io/service-name: api } }
addressType: IPv4
ports: [{ name: http, port: 8080, protocol: TCP }]
endpoints: [{ addresses: [10.1.0.10], conditions: { ready: ${ready}, serving: ${serving}, terminating: true } }]
`;
  const mesh = (serving: boolean) =>
    meshOf({
      east: clusterText("east", { net: 1, more: service("api", AFFINITY("local")) + slice(false, serving) }),
      west: clusterText("west", { net: 2, more: service("api", GLOBAL) + pod("api-0", "10.2.0.10", "api") }),
    });
  const names = (m: Mesh) => m.services[0]!.views[0]!.reached.map((b) => b.home.name);
  t.same(
    names(mesh(true)),
    ["east", "west"],
    "a local endpoint that is terminating does not hold local affinity",
  );
  t.same(names(mesh(false)), ["west"], "one that serves no more is gone");
  t.end();
});

t.test("findings about Services, with file and line", (t) => {
  const codes = (m: Mesh) => m.findings.map((f) => f.code);
  t.same(codes(two(GLOBAL)), []);
  const half = two(GLOBAL, undefined, {});
  t.match(half.findings, [
    {
      code: "not-global",
      severity: "warning",
      places: [{ cluster: "west", file: "west.yaml", object: "Service shop/api" }],
    },
  ]);
  t.ok(half.findings[0]!.places[0]!.line! > 20, "the line of the annotations");
  t.match(two(AFFINITY("near")).findings[0], { code: "affinity", message: /"near"/ });
  t.match(two({ "service.cilium.io/affinity": "local" }, undefined, GLOBAL).findings[0], {
    code: "not-global",
    message: /count only beside/,
  });
  const alone = meshOf({
    east: clusterText("east", { net: 1, more: service("api", GLOBAL) + pod("api-0", "10.1.0.9", "api") }),
    west: clusterText("west", { net: 2 }),
  });
  t.match(alone.findings, [{ code: "no-service", remedy: /apply the same Service in west/ }]);
  t.match(alone.services[0]!.views[1], { reached: [], why: /no Service of this name/ });
  const none = two(GLOBAL, { east: false, west: false });
  t.ok(codes(none).includes("no-endpoints"));
  const ports = meshOf({
    east: clusterText("east", { net: 1, more: service("api", GLOBAL) + pod("api-0", "10.1.0.9", "api") }),
    west: clusterText("west", {
      net: 2,
      more: service("api", GLOBAL).replace("name: http, port: 80", "name: web, port: 80"),
    }),
  });
  t.match(ports.findings[0], { code: "ports", severity: "error" });
  const namespace = `apiVersion: v1
kind: Namespace
metadata: { name: shop, annotations: { clustermesh.cilium.io/global: "false" } }
---
`;
  const closed = meshOf({
    east: clusterText("east", {
      net: 1,
      more: namespace + service("api", GLOBAL) + pod("api-0", "10.1.0.9", "api"),
    }),
    west: clusterText("west", { net: 2, more: service("api", GLOBAL) + pod("api-0", "10.2.0.9", "api") }),
  });
  t.match(closed.findings[0], { code: "namespace-not-global", severity: "error" });
  t.same(reached(closed, "west"), ["west:shop/api-0"], "nothing leaves a namespace that is not global");
  t.end();
});

t.test("a connection into another cluster", async (t) => {
  const trace = (mesh: Mesh, from: string, to: string, mode?: "iptables") =>
    meshTrace(
      mesh,
      mesh.clusters.find((c) => c.name === from)!,
      "shop/client",
      to,
      mode === undefined ? {} : { mode },
    );
  const over = await trace(two(AFFINITY("local"), { east: false, west: true }), "east", "api:80");
  t.match(over, {
    verdict: "allow",
    reason: "allowed",
    cluster: "east",
    to: { id: /^west:shop\/api-/, port: 8080 },
  });
  t.same(
    over.endpoints.map((e) => e.cluster),
    ["west", "west"],
  );
  t.match(
    over.hops.map((h) => h.layer),
    ["dns", "dns", "dns", "service", "policy", "route", "policy"],
  );
  t.match(
    over.hops.find((h) => h.layer === "route"),
    { what: /node node-1 of east to node node-1 of west: VXLAN/ },
  );
  const all = await trace(two(GLOBAL), "west", "http://api.shop/orders");
  t.same(all.endpoints.map((e) => e.cluster).sort(), ["east", "east", "west", "west"]);
  const plain = await trace(two(GLOBAL), "east", "api:80", "iptables");
  t.same(
    plain.endpoints.map((e) => e.cluster),
    ["east", "east"],
    "kube-proxy knows nothing of other clusters",
  );
  const synced = await trace(
    two({ ...GLOBAL, "service.cilium.io/global-sync-endpoint-slices": "true" }),
    "east",
    "api:80",
    "iptables",
  );
  t.same(
    synced.endpoints.map((e) => e.cluster).sort(),
    ["east", "east", "west", "west"],
    "but for EndpointSlices that are synced",
  );
  const direct = await trace(two(GLOBAL), "east", "west:shop/api-1:8080");
  t.match(direct, {
    verdict: "allow",
    lookup: null,
    endpoints: [{ cluster: "west", endpoint: "shop/api-1" }],
  });
  t.match(await trace(two(GLOBAL), "east", "nobody:80"), { reason: "no-such-name", endpoints: [] });
});

t.test("headless: the slices of the others are there unless the Service says otherwise", async (t) => {
  const mesh = (more: Readonly<Record<string, string>>) =>
    meshOf({
      east: clusterText("east", {
        net: 1,
        more: pod("api-0", "10.1.0.10", "api") + service("api", { ...GLOBAL, ...more }, "clusterIP: None"),
      }),
      west: clusterText("west", {
        net: 2,
        more: pod("api-0", "10.2.0.10", "api") + service("api", GLOBAL, "clusterIP: None"),
      }),
    });
  const addresses = async (more: Readonly<Record<string, string>>) => {
    const m = mesh(more);
    const traced = await meshTrace(m, m.clusters[0]!, "shop/client", "api:8080");
    return traced.lookup?.result.addresses.toSorted();
  };
  t.same(await addresses({}), ["10.1.0.10", "10.2.0.10"]);
  t.same(await addresses({ "service.cilium.io/global-sync-endpoint-slices": "false" }), ["10.1.0.10"]);
});

t.test("policy at both ends, of pods that other clusters have", async (t) => {
  const policy = (
    selector: string,
    direction = "ingress",
    peers = "fromEndpoints",
    app = "api",
  ) => `apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: { name: own, namespace: shop }
spec:
  endpointSelector: { matchLabels: { app: ${app} } }
  ${direction}: [{ ${peers}: [${selector}] }]
---
`;
  const ask = async (west: string, east = "", config = "", to = "api:80", method = "GET") => {
    const mesh = meshOf({
      east: clusterText("east", { net: 1, more: east + service("api", GLOBAL) }),
      west: clusterText("west", {
        net: 2,
        config,
        more: west + pod("api-0", "10.2.0.10", "api") + service("api", GLOBAL),
      }),
    });
    return meshTrace(mesh, mesh.clusters[0]!, "shop/client", to, { method });
  };
  const CLUSTER = "io.cilium.k8s.policy.cluster";
  const denied = await ask(policy("{ matchLabels: { app: client } }"));
  t.match(
    denied,
    {
      verdict: "deny",
      reason: "ingress-denied",
      remedy: { change: /io\.cilium\.k8s\.policy\.cluster: east/, file: "west.yaml" },
    },
    "a selector means its own cluster's pods",
  );
  t.match(await ask(policy(`{ matchLabels: { app: client, ${CLUSTER}: east } }`)), { verdict: "allow" });
  t.match(await ask(policy(`{ matchLabels: { app: client, ${CLUSTER}: west } }`)), { verdict: "deny" });
  t.match(
    await ask(policy(`{ matchExpressions: [{ key: ${CLUSTER}, operator: In, values: [east, north] }] }`)),
    { verdict: "allow" },
  );
  t.match(
    await ask(policy("{ matchLabels: { app: client } }"), "", '  policy-default-local-cluster: "false"'),
    { verdict: "allow" },
    "as Cilium had it before 1.18",
  );
  t.match(await ask(policy("cluster", "ingress", "fromEntities")), { verdict: "deny" });
  t.match(await ask(policy("all", "ingress", "fromEntities")), { verdict: "allow" });
  t.match(
    await ask(policy("10.1.0.0/16", "ingress", "fromCIDR")),
    { verdict: "deny" },
    "networks select no pods",
  );
  const out = (selector: string) =>
    policy(selector, "egress", "toEndpoints", "client").replace(
      "  egress: [",
      `  egress: [{ toEntities: [cluster] }, `,
    );
  t.match(await ask("", out("{ matchLabels: { app: api } }")), { verdict: "deny", reason: "egress-denied" });
  t.match(await ask("", out(`{ matchLabels: { app: api, ${CLUSTER}: west } }`)), { verdict: "allow" });
  const http = policy(`{ matchLabels: { app: client, ${CLUSTER}: east } }`).replace(
    " }]\n---",
    `, toPorts: [{ ports: [{ port: "8080", protocol: TCP }], rules: { http: [{ method: GET }] } }] }]\n---`,
  );
  t.match(await ask(http, "", "", "http://api/"), { verdict: "allow", endpoints: [{ ingress: "redirect" }] });
  const refused = await ask(http, "", "", "http://api/", "DELETE");
  t.match(refused, { verdict: "deny", reason: "l7-denied" }, "a proxy at the far end decides requests");
  const kubernetes = `apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { name: np, namespace: shop }
spec: { podSelector: { matchLabels: { app: api } }, ingress: [{ from: [{ podSelector: {} }] }] }
---
`;
  t.match(await ask(kubernetes), { verdict: "deny", reason: "ingress-denied" }, "so do NetworkPolicies");
});
