/** Flannel, Weave and the plain bridge. */
import t from "tap";
import { bridgeFdb, ipNeigh, ipRoute } from "../../src/cni/iproute.ts";
import { pathBetween } from "../../src/cni/paths.ts";
import {
  around,
  codes,
  devices,
  dual,
  flannelConfig,
  network,
  node,
  pod,
  pool,
  three,
  way,
} from "./support.ts";

const routes = (net: ReturnType<typeof network>, key: string) => ipRoute(net.place(key)!);
const flannel = (backend: object, objects: readonly object[] = three) =>
  network([...objects, flannelConfig({ Backend: backend })]);
const mtu = (net: ReturnType<typeof network>) =>
  net.place("pod/default/a")?.devices.find((d) => d.name === "eth0")?.mtu;

t.test("flannel's backends", (t) => {
  // Documentation/backends.md
  const vxlan = flannel({ Type: "vxlan" });
  t.ok(routes(vxlan, "node/n1").includes("10.244.2.0/24 via 10.244.2.0 dev flannel.1 onlink"));
  t.match(way(vxlan, "a", "d").path.links.find((l) => l.kind === "wire")?.tunnels, [
    { kind: "vxlan", port: 8472, vni: 1 },
  ]);
  t.equal(mtu(vxlan), 1450);
  t.match(
    way(flannel({ Type: "vxlan", VNI: 4096, Port: 4789 }), "a", "d").path.links.find((l) => l.kind === "wire")
      ?.tunnels,
    [{ port: 4789, vni: 4096 }],
  );

  const direct = flannel({ Type: "vxlan", DirectRouting: true });
  t.ok(routes(direct, "node/n1").includes("10.244.2.0/24 via 192.168.1.12 dev eth0"));
  t.same([around(way(direct, "a", "c")), around(way(direct, "a", "d"))], [[], ["vxlan"]]);

  const host = flannel({ Type: "host-gw" });
  t.same(around(way(host, "a", "c")), []);
  t.equal(mtu(host), 1500);
  t.equal(way(host, "a", "d").outcome, "dropped", "requires direct layer 2 connectivity between hosts");
  t.ok(codes(host).includes("no-route-between-subnets"));

  const secret = flannel({ Type: "wireguard" });
  t.ok(routes(secret, "node/n1").includes("10.244.0.0/16 dev flannel-wg scope link"));
  t.same(around(way(secret, "a", "d")), ["wireguard"]);
  t.equal(mtu(secret), 1420);

  const ipip = flannel({ Type: "ipip" });
  t.ok(routes(ipip, "node/n1").includes("10.244.2.0/24 via 192.168.1.12 dev flannel.ipip onlink"));
  t.equal(mtu(ipip), 1480);
  t.ok(codes(flannel({ Type: "udp" })).includes("unknown-backend"));
  t.end();
});

t.test("flannel's tables", (t) => {
  const noted = three.map((o) =>
    JSON.stringify(o).includes('"n2"') && (o as { kind: string }).kind === "Node"
      ? node("n2", "192.168.1.12", "10.244.2.0/24", {
          annotations: { "flannel.alpha.coreos.com/backend-data": '{"VNI":1,"VtepMAC":"ee:5f:a1:00:11:22"}' },
        })
      : o,
  );
  const net = flannel({ Type: "vxlan" }, noted);
  t.ok(
    ipNeigh(net.place("node/n1")!).includes("10.244.2.0 dev flannel.1 lladdr ee:5f:a1:00:11:22 PERMANENT"),
  );
  t.ok(
    bridgeFdb(net.place("node/n1")!).includes(
      "ee:5f:a1:00:11:22 dev flannel.1 dst 192.168.1.12 self permanent",
    ),
  );
  t.same(routes(net, "pod/default/a"), [
    "default via 10.244.1.1 dev eth0",
    "10.244.0.0/16 via 10.244.1.1 dev eth0",
    "10.244.1.0/24 dev eth0 proto kernel scope link src 10.244.1.5",
  ]);
  t.match(
    devices(way(net, "a", "b")),
    ["n1/eth0", /^n1\/veth/, "n1/cni0", /^n1\/veth/, "n1/eth0"],
    "on one node: the bridge",
  );
  const stray = [...three, flannelConfig({ Network: "10.96.0.0/16", Backend: { Type: "vxlan" } })];
  t.ok(codes(network(stray)).includes("range-outside-network"));
  t.end();
});

t.test("flannel over IPv6", (t) => {
  const net = network([
    ...dual,
    flannelConfig({ IPv6Network: "fd00:10::/32", EnableIPv6: true, Backend: { Type: "vxlan" } }),
  ]);
  t.match(way(net, "a", "c", true).path.links.find((l) => l.kind === "wire")?.tunnels, [
    { kind: "vxlan", source: "fd00:1::11", destination: "fd00:1::12" },
  ]);
  t.ok(devices(way(net, "a", "c", true)).includes("n1/flannel-v6.1"));
  // pkg/backend/vxlan: encapOverhead is 50 whatever the family.
  t.equal(mtu(net), 1450);
  t.ok(codes(net).includes("mtu-above-card"));
  t.end();
});

const segment = (more: readonly object[] = []) => [
  node("n1", "192.168.1.11"),
  node("n2", "192.168.2.12"),
  pod("a", "n1", "10.32.0.5"),
  pod("b", "n1", "10.32.0.6"),
  pod("c", "n2", "10.44.0.7"),
  ...more,
];
const weaveNet = (env: readonly object[]) => ({
  apiVersion: "apps/v1",
  kind: "DaemonSet",
  metadata: { name: "weave-net", namespace: "kube-system" },
  spec: {
    template: {
      metadata: { labels: { name: "weave-net" } },
      spec: { hostNetwork: true, containers: [{ name: "weave", env }] },
    },
  },
});

t.test("weave", (t) => {
  // site/concepts/fastdp-how-it-works.md, net/bridge.go (1376 = 1460 - 50 - 34), plugin/net/cni.go
  const net = network(segment([weaveNet([])]));
  t.equal(net.cni, "weave");
  t.equal(mtu(net), 1376);
  t.match(devices(way(net, "a", "b")), ["n1/eth0", /^n1\/vethwepl/, "n1/weave", /^n1\/vethwepl/, "n1/eth0"]);
  t.match(devices(way(net, "a", "c")), [
    "n1/eth0",
    /^n1\/vethwepl/,
    "n1/weave",
    "n1/vethwe-bridge",
    "n1/vethwe-datapath",
    "n1/datapath",
    "n1/eth0",
    "-/wire",
    /^-\/to /,
    "-/wire",
    "n2/eth0",
    "n2/datapath",
    "n2/vethwe-datapath",
    "n2/vethwe-bridge",
    "n2/weave",
    /^n2\/vethwepl/,
    "n2/eth0",
  ]);
  t.match(way(net, "a", "c").path.links.find((l) => l.kind === "wire")?.tunnels, [
    { kind: "fastdp", port: 6784 },
  ]);
  t.match(routes(net, "pod/default/a"), [
    /^default via 10\.32\.0\.\d+ dev eth0$/,
    "10.32.0.0/12 dev eth0 proto kernel scope link src 10.32.0.5",
  ]);
  const secret = network(segment([weaveNet([{ name: "WEAVE_PASSWORD", value: "s3cret" }])]));
  t.same(around(way(secret, "a", "c")), ["fastdp", "esp"]);
  const sleeve = network(segment([weaveNet([])]), { set: ["WEAVE_NO_FASTDP=true"] });
  t.match(way(sleeve, "a", "c").path.links.find((l) => l.kind === "wire")?.tunnels, [
    { kind: "sleeve", port: 6783 },
  ]);
  t.same(codes(network(segment([weaveNet([{ name: "WEAVE_MTU", value: "8916" }])]))), ["mtu-above-card"]);
  t.same(
    codes(network(segment([weaveNet([{ name: "WEAVE_MTU", value: "8916" }])]), { mtu: 9000 })),
    [],
    "the documentation's jumbo frames",
  );
  t.end();
});

t.test("a bridge and routes", (t) => {
  const net = network(three);
  t.ok(net.assumed);
  t.match(
    devices(way(net, "a", "b")),
    ["n1/eth0", /^n1\/veth/, "n1/cbr0", /^n1\/veth/, "n1/eth0"],
    "section 2.1 of the guide",
  );
  t.ok(routes(net, "node/n1").includes("10.244.2.0/24 via 192.168.1.12 dev eth0"));
  t.ok(routes(net, "node/n1").includes("10.244.1.0/24 dev cbr0 proto kernel scope link src 10.244.1.1"));
  t.same(routes(net, "pod/default/a"), [
    "default via 10.244.1.1 dev eth0",
    "10.244.1.0/24 dev eth0 proto kernel scope link src 10.244.1.5",
  ]);
  t.equal(way(net, "a", "203.0.113.9").path.sourceNat, "192.168.1.11");
  t.match(way(net, "a", "10.244.1.99"), { outcome: "dropped" }, "nobody answers ARP");
  const six = network(dual);
  t.equal(way(six, "a", "c", true).outcome, "delivered");
  t.end();
});

t.test("paths from nodes, and from outside", (t) => {
  const vxlan = network([...three, pool({ vxlanMode: "Always" })]);
  t.equal(way(vxlan, "n1", "c").path.source, "10.244.1.0", "the kernel takes the address of vxlan.calico");
  t.equal(way(vxlan, "n1", "a").path.source, "192.168.1.11");
  t.same(devices(way(vxlan, "n1", "n2")), ["n1/eth0", "-/wire", "n2/eth0"]);
  t.match(way(vxlan, "203.0.113.9", "n2"), { outcome: "delivered", path: { source: "203.0.113.9" } });
  t.equal(way(vxlan, "203.0.113.9", "c").outcome, "dropped", "no router knows pods");
  t.equal(way(network(three), "203.0.113.9", "c").outcome, "delivered", "but where the network has routes");
  const service = {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "s" },
    spec: { clusterIP: "10.96.0.9", ports: [{ port: 80 }] },
  };
  t.match(
    pathBetween(network([...three, service]), "default/a", "10.96.0.9"),
    /is the address of the Service default\/s/,
  );
  t.match(pathBetween(vxlan, "default/a", "fd00::1"), /has no IPv6 address/);
  t.end();
});

t.test("cards and subnets", (t) => {
  const annotated = [
    node("n1", "10.192.0.2", "10.244.1.0/24", {
      annotations: { "projectcalico.org/IPv4Address": "10.192.0.2/16" },
    }),
    node("n2", "10.192.9.3", "10.244.2.0/24", { annotations: { "netsim.clusterdns.io/mtu": "9001" } }),
    pod("a", "n1", "10.244.1.5"),
    pod("c", "n2", "10.244.2.7"),
  ];
  const net = network(annotated, { subnets: ["10.192.0.0/16"] });
  t.same(net.findings(), [], "nothing is assumed");
  t.ok(routes(net, "node/n1").includes("10.192.0.0/16 dev eth0 proto kernel scope link src 10.192.0.2"));
  t.equal(net.place("node/n2")?.devices.find((d) => d.kind === "card")?.mtu, 9001);
  t.equal(
    network(annotated, { mtus: { n2: 1400 } })
      .place("node/n2")
      ?.devices.find((d) => d.kind === "card")?.mtu,
    1400,
    "the option counts more",
  );
  t.ok(
    network(annotated)
      .findings()
      .some((f) => f.code === "assumed-subnet" && f.text.includes("10.192.9.0/24")),
  );
  t.end();
});
