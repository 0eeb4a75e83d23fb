/** The three rules of the network model over all pairs, and ranges that are in each other's way. */
import t from "tap";
import { checkMtu, checkRanges, checkReach, findingsOf } from "../../src/cni/check.ts";
import type { CniName } from "../../src/cni/types.ts";
import { calico, codes, dual, flannelConfig, network, node, pod, pool, three } from "./support.ts";

t.test("every pod reaches every pod as itself", (t) => {
  const cases: (readonly [string, readonly object[], CniName, (readonly string[])?])[] = [
    ["bridge", three, "bridge"],
    ["calico VXLAN", [...three, pool({ vxlanMode: "CrossSubnet" })], "calico"],
    ["calico WireGuard", [...three, pool({ ipipMode: "Always" })], "calico", ["felix.wireguardEnabled=true"]],
    ["cilium", three, "cilium"],
    ["cilium Geneve + IPsec", three, "cilium", ["tunnelProtocol=geneve,encryption.enabled=true"]],
    ["flannel", three, "flannel"],
    [
      "calico, two families",
      [...dual, pool({ vxlanMode: "Always" }), pool({ cidr: "fd00:10::/32", vxlanMode: "Always" }, "v6")],
      "calico",
    ],
    ["cilium, two families", dual, "cilium"],
  ];
  for (const [name, objects, cni, set] of cases) {
    const reach = checkReach(network(objects, { cni, ...(set !== undefined && { set }) }));
    const pods = objects === three || objects.length === three.length + 1 ? 12 : 4;
    t.match(reach, { pairs: pods, walked: pods, lost: [], translated: [] }, name);
  }
  t.end();
});

t.test("who is lost, and who is seen as somebody else", (t) => {
  const host = network([...three, flannelConfig({ Backend: { Type: "host-gw" } })]);
  t.same(
    checkReach(host)
      .lost.map((l) => `${l.from} ${l.to}`)
      .sort(),
    [
      "default/a default/d",
      "default/b default/d",
      "default/c default/d",
      "default/d default/a",
      "default/d default/b",
      "default/d default/c",
    ],
  );
  t.match(
    findingsOf(host, checkReach(host)).map((f) => f.code),
    ["no-route-between-subnets", "unreachable", "assumed-subnet"],
  );
  const nat = network(three, {
    cni: "cilium",
    set: ["routingMode=native,autoDirectNodeRoutes=true,ipv4NativeRoutingCIDR=10.99.0.0/16"],
  });
  t.match(
    checkReach(nat).translated.find((x) => x.from === "default/a"),
    { to: "default/c", seen: "192.168.1.11" },
  );
  t.end();
});

t.test("many pods: those of a node and a block stand for each other", (t) => {
  const nodes = Array.from({ length: 4 }, (_, i) => node(`n${i}`, `192.168.1.${10 + i}`, `10.244.${i}.0/24`));
  const pods = nodes.flatMap((_, i) =>
    Array.from({ length: 60 }, (_, j) => pod(`p-${i}-${j}`, `n${i}`, `10.244.${i}.${j + 2}`)),
  );
  const reach = checkReach(network([...nodes, ...pods, pool({ vxlanMode: "Always" })]));
  t.equal(reach.pairs, 240 * 239);
  t.ok(reach.walked < 240 && reach.walked >= 4 * 3, `${reach.walked} ways`);
  t.same(reach.lost, []);
  t.end();
});

t.test("links that are too small for what pods may send", (t) => {
  const of = (objects: readonly object[], options = {}) =>
    checkMtu(network(objects, options)).map((f) => f.text);
  const calicoPool = [...three, pool({ vxlanMode: "Always" })];
  t.same(of(calicoPool), []);
  t.same(of(calicoPool, { mtu: 9001 }), []);
  t.match(of(calicoPool, { mtus: { n2: 1400 } }), [/packets of 1450 octets.* n2, which has room for 1350/]);
  t.match(of(calicoPool, { wireMtu: 1450 }), [
    /too large for wire between the nodes, which has room for 1400/,
  ]);
  t.match(
    of([...three, pool({})], { mtus: { n1: 9001 } }),
    [/packets of 9001 octets.*room for 1500/],
    "jumbo frames on one node",
  );
  for (const set of [
    ["encryption.enabled=true,encryption.type=wireguard"],
    ["encryption.enabled=true"],
    ["tunnelProtocol=geneve"],
  ])
    t.same(of(three, { cni: "cilium", set }), [], set.join());
  t.same(of(three, { cni: "flannel", set: ["Backend.Type=wireguard"] }), []);
  t.match(of([...dual, flannelConfig({ IPv6Network: "fd00:10::/32", Backend: { Type: "vxlan" } })]), [
    /packets of 1450.*room for 1430/,
  ]);
  t.match(codes(network(three, { mtus: { n9: 1400 } })), ["unknown-node"]);
  t.end();
});

t.test("ranges", (t) => {
  const found = (objects: readonly object[], options = {}) =>
    checkRanges(network(objects, options)).map((f) => f.text);
  t.same(found([...three, pool({})]), []);
  const inPods = [node("n1", "10.244.9.1", "10.244.1.0/24"), node("n2", "10.244.9.2", "10.244.2.0/24")];
  t.match(found([...inPods, pool({})]), [
    /the pods' range 10\.244\.0\.0\/16 overlaps the subnet of node n1, 10\.244\.9\.0\/24/,
  ]);
  const kubeadm = (podSubnet: string, serviceSubnet: string) => ({
    apiVersion: "kubeadm.k8s.io/v1beta4",
    kind: "ClusterConfiguration",
    networking: { podSubnet, serviceSubnet },
  });
  t.match(found([...three, pool({}), kubeadm("10.244.0.0/16", "10.244.128.0/20")]), [
    /overlaps the Services' range, 10\.244\.128\.0\/20/,
  ]);
  t.match(found([...three, pool({})], { serviceCidrs: ["192.168.0.0/16"] }), [
    /Services' range 192\.168\.0\.0\/16 overlaps the subnet of node n1/,
    /n3/,
  ]);
  const service = {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "s" },
    spec: { clusterIP: "10.244.0.10", ports: [{ port: 80 }] },
  };
  t.match(found([...three, pool({}), service]), [/10\.244\.0\.10 of this Service is in the pods' range/]);
  const twice = [node("n1", "192.168.1.11", "10.244.1.0/24"), node("n2", "192.168.1.12", "10.244.1.128/25")];
  t.match(found(twice, { cni: "flannel" }), [
    /10\.244\.1\.0\/24 of node n1 overlaps 10\.244\.1\.128\/25 of n2/,
  ]);
  t.ok(
    codes(
      network([...three, pool({ cidr: "10.250.0.0/16" }), kubeadm("10.244.0.0/16", "10.96.0.0/12")]),
    ).includes("pool-outside-cluster"),
  );
  t.ok(codes(network([...three, pool({ cidr: "10.250.0.0/16" })])).includes("address-outside-pools"));
  const mixed = network([...three, pool({}), flannelConfig({ Backend: { Type: "vxlan" } })]);
  t.ok(codes(mixed).includes("two-cnis"));
  t.same(codes(network([...three, calico("BGPConfiguration", "default", {})])), ["no-pool"]);
  t.end();
});
