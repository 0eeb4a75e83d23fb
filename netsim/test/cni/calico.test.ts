/** Calico's models, against Calico's own tests, its documentation, and routing tables that people have published. */
import t from "tap";
import { calicoDevice, calicoTunnelMac } from "../../src/cni/address.ts";
import { ipRoute, ipRule } from "../../src/cni/iproute.ts";
import {
  around,
  calico,
  codes,
  configMap,
  devices,
  dual,
  network,
  node,
  pod,
  pool,
  three,
  way,
} from "./support.ts";

const routes = (net: ReturnType<typeof network>, name: string) => ipRoute(net.place(`node/${name}`)!);

t.test("names that follow from names", (t) => {
  // libcalico-go/lib/backend/k8s/conversion/conversion_test.go and resources/workloadendpoint_test.go
  t.equal(calicoDevice("default", "podA"), "cali7f94ce7c295");
  t.equal(calicoDevice("default", "podB"), "cali92cf1f5e9f6");
  t.equal(calicoDevice("testNamespace", "simplePod"), "caliedff4356bd6");
  // felix/calc/states_for_test.go
  t.equal(calicoTunnelMac("remotehostname"), "66:3e:ca:a4:db:65");
  t.equal(calicoTunnelMac("remotehostname2"), "66:40:18:59:1f:16");
  t.end();
});

t.test("a node's routes in VXLAN mode", (t) => {
  // As geek-networking.blogspot.com/2026/01/k8spod-to-pod.html shows them on a node of its cluster.
  const net = network([
    node("w1", "172.27.71.1", [], {
      annotations: { "projectcalico.org/IPv4VXLANTunnelAddr": "10.233.101.128" },
    }),
    node("w2", "172.27.71.2"),
    pod("x", "w1", "10.233.101.130"),
    pod("y", "w2", "10.233.101.222"),
    pod("z", "w2", "10.233.101.224"),
    pool({ cidr: "10.233.64.0/18", vxlanMode: "Always" }),
  ]);
  const lines = routes(net, "w2").map((l) => l.replace(/cali[0-9a-f]{11}/, "caliX"));
  t.match(lines, [
    /^default via /,
    "10.233.101.128/26 via 10.233.101.128 dev vxlan.calico onlink",
    "blackhole 10.233.101.192/26 proto 80",
    "10.233.101.222 dev caliX scope link",
    "10.233.101.224 dev caliX scope link",
    /^172\.27\.71\.0\/24 dev eth0 proto kernel scope link src 172\.27\.71\.2$/,
  ]);
  t.end();
});

t.test("a pod's own tables", (t) => {
  // docs.tigera.io, "Why can't I see the 169.254.1.1 address": proxy ARP, a /32, and one gateway for all.
  const net = network([...dual, pool({}), pool({ cidr: "fd00:10::/32" }, "v6")]);
  const place = net.place("pod/default/a")!;
  t.same(ipRoute(place), ["default via 169.254.1.1 dev eth0", "169.254.1.1 dev eth0 scope link"]);
  t.same(place.devices[1]?.addresses, ["10.244.1.5/32", "fd00:10:1::5/128"]);
  t.match(place.neighbours, [
    { address: "169.254.1.1", mac: "ee:ee:ee:ee:ee:ee" },
    { address: "fe80::ecee:eeff:feee:eeee", mac: "ee:ee:ee:ee:ee:ee" },
  ]);
  t.ok(
    ipRoute(place, { v6: true }).includes(
      "default via fe80::ecee:eeff:feee:eeee dev eth0 metric 1024 pref medium",
    ),
  );
  t.end();
});

t.test("encapsulation, by whichever field says it", (t) => {
  // docs.tigera.io/calico/latest/networking/configuring/vxlan-ipip; the operator's API: encapsulation.
  const vxlan = ["vxlan"];
  const ipip = ["ipip"];
  const cases: [object, readonly string[], readonly string[] | undefined][] = [
    [{ vxlanMode: "Always" }, vxlan, vxlan],
    [{ vxlanMode: "CrossSubnet" }, [], vxlan],
    [{ ipipMode: "Always" }, ipip, ipip],
    [{ ipipMode: "CrossSubnet" }, [], ipip],
    [{ ipipMode: "Never", vxlanMode: "Never" }, [], undefined],
    [{ encapsulation: "VXLANCrossSubnet" }, [], vxlan],
    [{ encapsulation: "IPIP" }, ipip, ipip],
    [{ encapsulation: "IPIPCrossSubnet" }, [], ipip],
    [{ encapsulation: "None" }, [], undefined],
    // The guide's VXLAN pool says it twice.
    [{ encapsulation: "VXLAN", vxlanMode: "Always" }, vxlan, vxlan],
  ];
  for (const [spec, near, far] of cases)
    for (const apiVersion of ["crd.projectcalico.org/v1", "projectcalico.org/v3"]) {
      const net = network([...three, { ...pool(spec), apiVersion }]);
      t.same(around(way(net, "a", "c")), near, `${apiVersion} ${JSON.stringify(spec)} in one subnet`);
      const there = way(net, "a", "d");
      t.equal(there.outcome, far === undefined ? "dropped" : "delivered", JSON.stringify(spec));
      if (far !== undefined) t.same(around(there), far, `${JSON.stringify(spec)} between subnets`);
    }
  const installation = (spec: object) => ({
    apiVersion: "operator.tigera.io/v1",
    kind: "Installation",
    metadata: { name: "default" },
    spec: { calicoNetwork: spec },
  });
  const by = (spec: object) => around(way(network([...three, installation(spec)]), "a", "d"));
  t.same(by({ ipPools: [{ cidr: "10.244.0.0/16", encapsulation: "VXLAN" }] }), vxlan);
  t.same(by({ ipPools: [{ cidr: "10.244.0.0/16" }] }), ipip, "the operator's default");
  t.same(by({ bgp: "Disabled", ipPools: [{ cidr: "10.244.0.0/16" }] }), vxlan, "its default without BGP");
  t.end();
});

t.test("the devices of each way", (t) => {
  const one = calicoDevice("default", "a");
  const two = calicoDevice("default", "b");
  const far = calicoDevice("default", "c");
  const net = network([...three, pool({ vxlanMode: "Always" })]);
  t.same(devices(way(net, "a", "b")), ["n1/eth0", `n1/${one}`, `n1/${two}`, "n1/eth0"]);
  t.same(devices(way(net, "a", "c")), [
    "n1/eth0",
    `n1/${one}`,
    "n1/vxlan.calico",
    "n1/eth0",
    "-/wire",
    "n2/eth0",
    "n2/vxlan.calico",
    `n2/${far}`,
    "n2/eth0",
  ]);
  const tunnel = way(net, "a", "c").path.links.find((l) => l.kind === "wire")?.tunnels[0];
  t.same(tunnel, {
    kind: "vxlan",
    source: "192.168.1.11",
    destination: "192.168.1.12",
    port: 4789,
    vni: 4096,
    inner: { source: calicoTunnelMac("n1"), destination: calicoTunnelMac("n2") },
  });
  t.end();
});

t.test("MTUs", (t) => {
  // felix/dataplane/linux/int_dataplane.go: 20, 50, 70, 60, 80 octets; the pods' is the least of the enabled ones.
  const mtu = (objects: readonly object[], options = {}) =>
    network([...objects], options)
      .place("pod/default/a")
      ?.devices.find((d) => d.name === "eth0")?.mtu;
  const felix = (spec: object) => calico("FelixConfiguration", "default", spec);
  t.equal(mtu([...three, pool({})]), 1500);
  t.equal(mtu([...three, pool({ ipipMode: "Always" })]), 1480);
  t.equal(mtu([...three, pool({ vxlanMode: "Always" })]), 1450);
  t.equal(mtu([...three, pool({ vxlanMode: "CrossSubnet" })]), 1450);
  t.equal(mtu([...three, pool({}), felix({ wireguardEnabled: true })]), 1440);
  t.equal(mtu([...dual, pool({}), pool({ cidr: "fd00:10::/32", vxlanMode: "Always" }, "v6")]), 1430);
  t.equal(mtu([...dual, pool({}), felix({ wireguardEnabledV6: true })]), 1420);
  // The guide's section 12.1: jumbo frames.
  const jumbo = { mtu: 9000 };
  t.equal(mtu([...three, pool({ vxlanMode: "Always" })], jumbo), 8950);
  t.equal(mtu([...three, pool({ ipipMode: "Always" })], jumbo), 8980);
  t.equal(mtu([...three, pool({}), felix({ wireguardEnabled: true })], jumbo), 8940);
  const guide = felix({ mtu: 8950, vxlanMTU: 8950, wireguardMTU: 8940 });
  t.equal(mtu([...three, pool({ vxlanMode: "Always" }), guide], jumbo), 8950);
  t.same(codes(network([...three, pool({ vxlanMode: "Always" }), guide], jumbo)), ["felix-mtu"]);
  const low = network([...three, pool({ vxlanMode: "Always" }), guide]);
  t.ok(codes(low).includes("mtu-above-card"), "the same with cards of 1500 octets");
  t.equal(
    mtu([...three, pool({ vxlanMode: "Always" }), configMap("calico-config", { veth_mtu: "1400" })]),
    1400,
  );
  t.end();
});

t.test("WireGuard has a routing table of its own", (t) => {
  // felix/wireguard: rule 99, `not from all fwmark 0x100000/0x100000 lookup 1`.
  const net = network([
    ...three,
    pool({ vxlanMode: "Always" }),
    calico("FelixConfiguration", "default", { wireguardEnabled: true }),
  ]);
  const place = net.place("node/n1")!;
  t.ok(ipRule(place).includes("99:\tnot from all fwmark 0x100000/0x100000 lookup 1"));
  t.same(ipRoute(place, { table: "1" }), [
    "throw 10.244.1.0/26",
    "10.244.2.0/26 dev wireguard.cali scope link",
    "10.244.3.0/26 dev wireguard.cali scope link",
  ]);
  t.same(around(way(net, "a", "d")), ["wireguard"]);
  t.same(around(way(net, "a", "b")), undefined, "not on one node");
  t.same(
    codes(network([...three, pool({})], { set: ["felix.wireguardEnabled=true"] })),
    [],
    "it needs nobody's routes",
  );
  t.match(way(net, "a", "d").path.links.find((l) => l.kind === "wire")?.tunnels, [
    { port: 51820, source: "192.168.1.11", destination: "192.168.2.13" },
  ]);
  t.end();
});

t.test("blocks", (t) => {
  const blocks = (net: ReturnType<typeof network>) =>
    routes(net, "n1")
      .filter((l) => l.includes("vxlan.calico") || l.startsWith("blackhole"))
      .map((l) => l.replace(/ (proto|onlink|dev).*/, ""));
  const vxlan = { vxlanMode: "Always" };
  const pods = [pod("a", "n1", "10.244.7.70"), pod("c", "n2", "10.244.7.130")];
  const two = [node("n1", "192.168.1.11"), node("n2", "192.168.1.12"), ...pods];
  t.same(blocks(network([...two, pool(vxlan)])), [
    "blackhole 10.244.7.64/26",
    "10.244.7.128/26 via 10.244.7.128",
  ]);
  t.same(blocks(network([...two, pool({ ...vxlan, blockSize: 28 })])), [
    "blackhole 10.244.7.64/28",
    "10.244.7.128/28 via 10.244.7.128",
  ]);
  // A BlockAffinity of another node: the address is borrowed, and a /32 leads to it.
  const affinity = calico("BlockAffinity", "n2-10-244-7-64-26", {
    cidr: "10.244.7.64/26",
    node: "n2",
    state: "confirmed",
    deleted: "false",
  });
  const borrowed = network([...two, pool(vxlan), affinity]);
  t.ok(
    routes(borrowed, "n2").some(
      (l) => l.startsWith("10.244.7.70 via ") && l.endsWith("dev vxlan.calico onlink"),
    ),
  );
  t.equal(way(borrowed, "c", "a").outcome, "delivered");
  const block = calico("IPAMBlock", "10-244-7-64-26", { cidr: "10.244.7.64/26", affinity: "host:n1" });
  t.same(blocks(network([...two, pool(vxlan), block])), [
    "blackhole 10.244.7.64/26",
    "10.244.7.128/26 via 10.244.7.128",
  ]);
  for (const bad of [
    { blockSize: 19 },
    { blockSize: 33 },
    { cidr: "10.244.0.0/28", blockSize: 26 },
    { ipipMode: "Always", vxlanMode: "Always" },
    { nodeSelector: "==" },
  ])
    t.ok(codes(network([...two, pool({ ...vxlan, ...bad })])).includes("bad-pool"), JSON.stringify(bad));
  t.end();
});

t.test("pools of some nodes only, or of none", (t) => {
  const labelled = [
    node("n1", "192.168.1.11", [], { labels: { rack: "one" } }),
    node("n2", "192.168.1.12", [], { labels: { rack: "two" } }),
  ];
  const net = network([...labelled, pool({ vxlanMode: "Always", nodeSelector: "rack == 'one'" })]);
  t.ok(routes(net, "n1").includes("blackhole 10.244.0.0/26 proto 80"));
  t.notOk(
    routes(net, "n2").some((l) => l.startsWith("blackhole")),
    "no block for a node that the pool does not select",
  );
  const disabled = network([...labelled, pool({ vxlanMode: "Always", disabled: true })]);
  t.notOk(
    routes(disabled, "n1").some((l) => l.startsWith("blackhole")),
    "no new blocks of a disabled pool",
  );
  t.end();
});

t.test("natOutgoing", (t) => {
  const seen = (spec: object, to: string, more: readonly object[] = []) =>
    way(network([...three, pool({ vxlanMode: "Always", ...spec }), ...more]), "a", to).path.sourceNat;
  t.equal(seen({}, "203.0.113.9"), "192.168.1.11");
  t.equal(seen({ natOutgoing: false }, "203.0.113.9"), undefined);
  t.equal(seen({}, "c"), undefined, "not between pods");
  // Nodes are in no pool (FelixConfiguration natOutgoingExclusions: IPPoolsOnly).
  t.equal(seen({}, "n2"), "192.168.1.11");
  t.equal(
    seen({}, "n2", [calico("FelixConfiguration", "default", { natOutgoingExclusions: "IPPoolsAndHostIPs" })]),
    undefined,
  );
  const other = pool({ cidr: "10.250.0.0/16" }, "other");
  t.equal(seen({}, "10.250.0.9", [other]), undefined, "another pool is inside");
  t.end();
});

t.test("settings by --set", (t) => {
  const net = network([...three, pool({ ipipMode: "Always" })], {
    set: ["ippool.ipipMode=Never,ippool.vxlanMode=CrossSubnet"],
  });
  t.same(around(way(net, "a", "d")), ["vxlan"]);
  t.equal(
    way(network([...three, pool({})], { set: ["bgp.nodeToNodeMeshEnabled=false"] }), "a", "c").outcome,
    "dropped",
  );
  t.end();
});
