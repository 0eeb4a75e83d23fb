/**
 * BGP sessions as Calico's own templates make them (the cases of confd/tests: the same objects, and the neighbours that the
 * compiled bird.cfg of the node kube-master has), and the routes that follow by RFC 4271 and RFC 4456.
 */
import t from "tap";
import { createBgp } from "../../src/cni/calico/bgp.ts";
import { ipRoute } from "../../src/cni/iproute.ts";
import { nodeFacts } from "../../src/cni/nodes.ts";
import { loadObjects } from "../../src/model/load.ts";
import { calico, codes, network, node, pod, pool, three, way } from "./support.ts";

const hosts = ["kube-master", "kube-node-1", "kube-node-2"];
const machine = (name: string, labels: object = {}, annotations: object = {}) =>
  node(name, `10.192.0.${hosts.indexOf(name) + 2}`, [], { labels, annotations });
const config = (spec: object) => calico("BGPConfiguration", "default", spec);
const peer = (name: string, spec: object) => calico("BGPPeer", name, spec);

function bgpOf(objects: readonly object[]) {
  const cluster = loadObjects([...objects]);
  return createBgp(cluster, nodeFacts(cluster, {}, []).nodes, {});
}

/** The neighbours of a node, with the kind of each session. */
const neighbours = (objects: readonly object[], of: string) =>
  Object.fromEntries(
    bgpOf(objects)
      .sessions.filter((s) => [s.a.name, s.b.name].includes(of))
      .map((s) => [s.a.name === of ? s.b.name : s.a.name, s.kind]),
  );

t.test("the node-to-node mesh", (t) => {
  // confd/tests/mock_data/calicoctl/mesh/ipip-cross-subnet: every node, without a BGPConfiguration
  t.same(
    neighbours(
      hosts.map((h) => machine(h)),
      "kube-master",
    ),
    { "kube-node-1": "mesh", "kube-node-2": "mesh" },
  );
  t.same(
    neighbours([...hosts.map((h) => machine(h)), config({ nodeToNodeMeshEnabled: false })], "kube-master"),
    {},
  );
  t.end();
});

t.test("route reflectors", (t) => {
  const reflector = { routeReflector: "true" };
  const cluster = { "projectcalico.org/RouteReflectorClusterID": "10.0.0.1" };
  const peers = [
    peer("bgppeer-1", { peerIP: "172.19.4.87", asNumber: 64533, nodeSelector: "has(routeReflector)" }),
    peer("bgppeer-other-nodes", {
      nodeSelector: "has(routeReflector)",
      peerSelector: "!has(routeReflector)",
    }),
  ];
  // explicit_peering/route_reflector: the mesh is off, kube-master reflects.
  const star = [
    machine("kube-master", reflector, cluster),
    machine("kube-node-1"),
    machine("kube-node-2"),
    config({ asNumber: 64532, nodeToNodeMeshEnabled: false }),
    ...peers,
  ];
  t.same(neighbours(star, "kube-master"), {
    "172.19.4.87": "ebgp",
    "kube-node-1": "ibgp",
    "kube-node-2": "ibgp",
  });
  t.same(neighbours(star, "kube-node-1"), { "kube-master": "ibgp" }, "peers are peers from both sides");
  const bgp = bgpOf(star);
  t.equal(bgp.learned("kube-node-1", "kube-node-2", false), "kube-master", "reflected from client to client");
  t.equal(bgp.learned("kube-master", "kube-node-2", false), "kube-node-2");
  t.ok(bgp.knownOutside("kube-node-2", false), "and to the router outside");
  // mesh/route-reflector-mesh-enabled: the mesh leaves out kube-node-2, which reflects.
  const mixed = [
    machine("kube-master"),
    machine("kube-node-1"),
    machine("kube-node-2", reflector, cluster),
    config({ asNumber: 64532, nodeToNodeMeshEnabled: true }),
    ...peers,
  ];
  t.same(neighbours(mixed, "kube-master"), { "kube-node-1": "mesh", "kube-node-2": "ibgp" });
  // Without its mark the node in the middle passes nothing on (RFC 4271, 9.2).
  const mute = star.map(
    (o) => JSON.parse(JSON.stringify(o).replace("projectcalico.org/RouteReflectorClusterID", "x")) as object,
  );
  t.equal(bgpOf(mute).learned("kube-node-1", "kube-node-2", false), undefined);
  t.end();
});

t.test("selectors on both sides", (t) => {
  // explicit_peering/selectors: group one peers with group two.
  const objects = [
    machine("kube-master", { group: "one" }),
    machine("kube-node-1", { group: "two" }),
    machine("kube-node-2", { group: "two" }),
    config({ nodeToNodeMeshEnabled: false }),
    peer("bgppeer-1", { nodeSelector: "group=='one'", peerSelector: "group=='two'" }),
  ];
  t.same(neighbours(objects, "kube-master"), { "kube-node-1": "ibgp", "kube-node-2": "ibgp" });
  t.same(neighbours(objects, "kube-node-2"), { "kube-master": "ibgp" });
  t.end();
});

t.test("reverse peering", (t) => {
  // reverse_peering/auto and /manual: the nodes peer with the reflectors, and these with the nodes, or not.
  const objects = (reversePeering: string) => [
    machine("kube-master", { "route-reflector": "true" }),
    machine("kube-node-1"),
    machine("kube-node-2"),
    config({ nodeToNodeMeshEnabled: false }),
    peer("peer-with-route-reflectors", {
      nodeSelector: "all()",
      peerSelector: "route-reflector == 'true'",
      reversePeering,
    }),
  ];
  t.same(neighbours(objects("Auto"), "kube-master"), { "kube-node-1": "ibgp", "kube-node-2": "ibgp" });
  t.same(neighbours(objects("Manual"), "kube-master"), {}, "nothing answers the nodes");
  const back = peer("back", {
    nodeSelector: "route-reflector == 'true'",
    peerSelector: "all()",
    reversePeering: "Manual",
  });
  t.same(neighbours([...objects("Manual"), back], "kube-master"), {
    "kube-node-1": "ibgp",
    "kube-node-2": "ibgp",
  });
  t.end();
});

t.test("a peer of one node, and of all", (t) => {
  // explicit_peering/specific_node, explicit_peering/global-external
  const off = config({ nodeToNodeMeshEnabled: false });
  const specific = [
    ...hosts.map((h) => machine(h)),
    off,
    peer("a", { node: "kube-master", peerIP: "10.192.0.250", asNumber: 64514 }),
  ];
  t.same(neighbours(specific, "kube-master"), { "10.192.0.250": "ebgp" });
  t.same(neighbours(specific, "kube-node-1"), {});
  const everybody = [
    ...hosts.map((h) => machine(h)),
    off,
    peer("a", { peerIP: "10.192.0.250:179", asNumber: 64512 }),
  ];
  t.same(neighbours(everybody, "kube-node-1"), { "10.192.0.250": "ibgp" });
  t.end();
});

t.test("the guide's rack: who the switch knows", (t) => {
  // Section 3.3: encapsulation None, a BGPPeer for the nodes of rack-1.
  const guide = [
    pool({ encapsulation: "None", blockSize: 26, nodeSelector: "all()" }),
    peer("rack-tor-switch", { peerIP: "192.168.1.1", asNumber: 64512, nodeSelector: 'rack == "rack-1"' }),
  ];
  const rack = (name: string) => ({ labels: { rack: name } });
  const cluster = (third: string) => [
    node("n1", "192.168.1.11", "10.244.1.0/24", rack("rack-1")),
    node("n2", "192.168.1.12", "10.244.2.0/24", rack("rack-1")),
    node("n3", "192.168.2.13", "10.244.3.0/24", rack(third)),
    pod("a", "n1", "10.244.1.5"),
    pod("c", "n2", "10.244.2.7"),
    pod("d", "n3", "10.244.3.8"),
    ...guide,
  ];
  const known = network(cluster("rack-1"));
  t.equal(way(known, "a", "d").outcome, "delivered");
  t.same(
    codes(known).filter((c) => c !== "pool-encapsulation"),
    [],
  );
  const unknown = network(cluster("rack-2"));
  t.match(way(unknown, "a", "d"), {
    outcome: "dropped",
    why: /routers between the nodes have no route to 10\.244\.3\.8/,
  });
  t.equal(way(unknown, "d", "a").outcome, "delivered", "the way back is known");
  t.ok(codes(unknown).includes("no-route-between-subnets"));
  t.end();
});

t.test("without any session a node sends to its default gateway", (t) => {
  const net = network([...three, pool({}), config({ nodeToNodeMeshEnabled: false })]);
  t.notOk(ipRoute(net.place("node/n1")!).some((l) => l.startsWith("10.244.2.")));
  t.equal(way(net, "a", "c").outcome, "dropped");
  t.ok(codes(net).includes("bgp-not-learned"));
  const mesh = network([...three, pool({})]);
  t.ok(ipRoute(mesh.place("node/n1")!).includes("10.244.2.0/26 via 192.168.1.12 dev eth0 proto bird"));
  // `gateway recursive` of bird.cfg: the next hop is reached by the default route, which knows nothing of pods.
  t.ok(ipRoute(mesh.place("node/n1")!).includes("10.244.3.0/26 via 192.168.1.1 dev eth0 proto bird"));
  t.end();
});
