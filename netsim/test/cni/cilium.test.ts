/** Cilium: its chart's values, the agent's options, MTUs by pkg/mtu, routing tables as published. */
import t from "tap";
import { ciliumDevice } from "../../src/cni/address.ts";
import { optionsOfValues } from "../../src/cni/cilium/config.ts";
import { ipRoute } from "../../src/cni/iproute.ts";
import type { NetworkOptions } from "../../src/cni/network.ts";
import { settingsOf } from "../../src/cni/settings.ts";
import { loadObjects } from "../../src/model/load.ts";
import { trace } from "../../src/trace/trace.ts";
import { around, codes, configMap, devices, dual, network, node, pod, three, way } from "./support.ts";

const cilium = (options: NetworkOptions = {}, objects: readonly object[] = three) =>
  network(objects, { cni: "cilium", ...options });
const routeMtu = (options: NetworkOptions) => {
  const place = cilium(options).place("pod/default/a")!;
  return {
    device: place.devices.find((d) => d.name === "eth0")?.mtu,
    route: place.routes.find((r) => r.to === "default")?.mtu,
  };
};

/** Section 3.4 of the guide, as it is written there. */
const GUIDE = [
  "kubeProxyReplacement=true",
  "k8sServiceHost=API_SERVER_IP",
  "k8sServicePort=6443",
  "hubble.enabled=true",
  "hubble.relay.enabled=true",
  "hubble.ui.enabled=true",
  "encryption.enabled=true",
  "encryption.type=wireguard",
];

t.test("the guide's Helm values", (t) => {
  const net = cilium({ set: GUIDE });
  t.same(around(way(net, "a", "c")), ["vxlan", "wireguard"], "VXLAN inside WireGuard, since Cilium 1.15");
  t.same(
    devices(way(net, "a", "c")).filter((d) => d.includes("cilium_")),
    ["n1/cilium_vxlan", "n1/cilium_wg0", "n2/cilium_wg0", "n2/cilium_vxlan"],
  );
  const wire = way(net, "a", "c").path.links.find((l) => l.kind === "wire")!;
  t.match(wire.tunnels, [
    { kind: "vxlan", port: 8472 },
    { kind: "wireguard", port: 51871 },
  ]);
  const values = {
    kubeProxyReplacement: true,
    hubble: { enabled: true, relay: { enabled: true } },
    encryption: { enabled: true, type: "wireguard" },
  };
  t.same(around(way(cilium({ values }), "a", "c")), ["vxlan", "wireguard"], "the same as values.yaml");
  t.match(optionsOfValues(values), {
    "kube-proxy-replacement": "true",
    "enable-wireguard": "true",
    "enable-ipsec": "false",
    "enable-hubble": "true",
  });
  t.same(
    around(way(cilium({ set: ["encryption.enabled=true"] }), "a", "c")),
    ["vxlan", "esp"],
    "the chart's default type is ipsec",
  );
  t.end();
});

t.test("--set as Helm reads it", (t) => {
  const { tree, wrong } = settingsOf({ a: { b: 1, c: 2 } }, [
    "a.b=x,d[1].e=true",
    "f={1,two}",
    "g\\.h=1\\,2",
    "nonsense",
    "=1",
  ]);
  t.same(tree, { a: { b: "x", c: 2 }, d: [undefined, { e: true }], f: [1, "two"], "g.h": "1,2" });
  t.same(wrong, ["nonsense", "=1"]);
  t.same(settingsOf({}, ["__proto__.x=1"]).wrong, ["__proto__.x=1"]);
  t.end();
});

t.test("MTUs", (t) => {
  // pkg/mtu: 50 for the tunnel (70 over IPv6), 80 for WireGuard, 77 for IPsec; the device keeps the card's, the route has less.
  const native = "routingMode=native,autoDirectNodeRoutes=true,ipv4NativeRoutingCIDR=10.244.0.0/16";
  t.same(routeMtu({}), { device: 1500, route: 1450 });
  t.same(routeMtu({ set: ["MTU=1400"] }), { device: 1400, route: 1350 });
  t.same(routeMtu({ set: [native] }), { device: 1500, route: undefined });
  t.same(routeMtu({ set: [native, "encryption.enabled=true,encryption.type=wireguard"] }), {
    device: 1500,
    route: 1420,
  });
  t.same(routeMtu({ set: GUIDE }), { device: 1500, route: 1370 });
  t.same(routeMtu({ set: [native, "encryption.enabled=true"] }), { device: 1500, route: 1423 });
  t.same(routeMtu({ set: ["encryption.enabled=true"] }), { device: 1500, route: 1373 });
  t.same(routeMtu({ mtu: 9001 }), { device: 9001, route: 8951 });
  const v6 = cilium({ set: ["underlayProtocol=ipv6"] }, dual).place("pod/default/a")!;
  t.equal(v6.routes.find((r) => r.to === "default")?.mtu, 1430);
  t.end();
});

t.test("cilium-config", (t) => {
  const by = (data: object) => network([...three, configMap("cilium-config", data)]);
  t.same(around(way(by({ "routing-mode": "tunnel", "tunnel-protocol": "geneve" }), "a", "d")), ["geneve"]);
  t.match(
    way(by({ "tunnel-protocol": "geneve" }), "a", "d").path.links.find((l) => l.kind === "wire")?.tunnels,
    [{ port: 6081 }],
  );
  t.same(around(way(by({ "tunnel-port": "8473" }), "a", "d")), ["vxlan"]);
  t.match(way(by({ "tunnel-port": "8473" }), "a", "d").path.links.find((l) => l.kind === "wire")?.tunnels, [
    { port: 8473 },
  ]);
  t.same(
    around(
      way(
        by({
          tunnel: "disabled",
          "auto-direct-node-routes": "true",
          "ipv4-native-routing-cidr": "10.244.0.0/16",
        }),
        "a",
        "c",
      ),
    ),
    [],
    "older versions' name",
  );
  const over = network([...three, configMap("cilium-config", { "routing-mode": "native" })], {
    set: ["routingMode=tunnel"],
  });
  t.same(around(way(over, "a", "c")), ["vxlan"], "--set counts more");
  t.end();
});

t.test("native routing: routes as published", (t) => {
  // prod.velog.io/@_gyullbb (Cilium, pod to pod, native routing): three nodes, the third behind a router; `ip -c route` of each.
  const internal = (ip: string) => ({ spec: { addresses: [{ type: "CiliumInternalIP", ip }] } });
  const of = (name: string, range: string, ip: string) => ({
    apiVersion: "cilium.io/v2",
    kind: "CiliumNode",
    metadata: { name },
    spec: { ...internal(ip).spec, ipam: { podCIDRs: [range] } },
  });
  const net = network(
    [
      node("k8s-ctr", "192.168.10.100"),
      node("k8s-w1", "192.168.10.101"),
      node("k8s-w0", "192.168.20.100"),
      of("k8s-ctr", "172.20.0.0/24", "172.20.0.98"),
      of("k8s-w1", "172.20.1.0/24", "172.20.1.60"),
      of("k8s-w0", "172.20.2.0/24", "172.20.2.159"),
      pod("x", "k8s-ctr", "172.20.0.187"),
      pod("y", "k8s-w1", "172.20.1.24"),
      pod("z", "k8s-w0", "172.20.2.36"),
      configMap("cilium-config", {
        "routing-mode": "native",
        "auto-direct-node-routes": "true",
        "ipv4-native-routing-cidr": "172.20.0.0/16",
      }),
    ],
    { subnets: ["192.168.10.0/24", "192.168.20.0/24"] },
  );
  const routes = (name: string) => ipRoute(net.place(`node/${name}`)!).filter((l) => l.startsWith("172.20."));
  t.same(routes("k8s-ctr"), [
    "172.20.0.0/24 via 172.20.0.98 dev cilium_host proto kernel src 172.20.0.98",
    "172.20.0.98 dev cilium_host proto kernel scope link",
    "172.20.1.0/24 via 192.168.10.101 dev eth0 proto kernel",
  ]);
  t.equal(way(net, "x", "y").outcome, "delivered");
  t.equal(way(net, "x", "z").outcome, "dropped", "as the page shows: the third node's range is nobody's");
  t.ok(codes(net).includes("no-route-between-subnets"));
  t.end();
});

t.test("tables in tunnel mode", (t) => {
  const net = cilium();
  const range = ipRoute(net.place("node/n1")!).filter((l) => l.startsWith("10.244."));
  t.match(range, [
    "10.244.1.0/24 via 10.244.1.1 dev cilium_host proto kernel src 10.244.1.1",
    "10.244.1.1 dev cilium_host proto kernel scope link",
    "10.244.2.0/24 via 10.244.1.1 dev cilium_host proto kernel src 10.244.1.1 mtu 1450",
    "10.244.3.0/24 via 10.244.1.1 dev cilium_host proto kernel src 10.244.1.1 mtu 1450",
  ]);
  t.same(ipRoute(net.place("pod/default/a")!), [
    "default via 10.244.1.1 dev eth0 mtu 1450",
    "10.244.1.1 dev eth0 scope link",
  ]);
  t.match(ciliumDevice("x"), /^lxc[0-9a-f]{12}$/, "IFNAMSIZ - 3 - 1 digits (pkg/datapath/connector)");
  t.end();
});

t.test("the network identifier is the sender's security identity", (t) => {
  // docs.cilium.io, Identity: numbers from 256 to 65535 are the cluster's own; equal labels have equal identities.
  const identity = (from: string, to: string) =>
    way(cilium(), from, to).path.links.find((l) => l.kind === "wire")?.tunnels[0]?.vni ?? 0;
  t.ok(identity("a", "c") >= 256 && identity("a", "c") <= 65_535);
  t.equal(identity("a", "c"), identity("b", "d"));
  const labelled = cilium({}, [
    ...three.slice(0, 3),
    pod("a", "n1", "10.244.1.5"),
    { ...pod("c", "n2", "10.244.2.7"), metadata: { name: "c", namespace: "default", labels: { app: "x" } } },
  ]);
  const vni = (from: string, to: string) =>
    way(labelled, from, to).path.links.find((l) => l.kind === "wire")?.tunnels[0]?.vni;
  t.not(vni("a", "c"), vni("c", "a"));
  t.end();
});

t.test("masquerading", (t) => {
  const seen = (options: NetworkOptions, to: string) => way(cilium(options), "a", to).path.sourceNat;
  t.equal(seen({}, "203.0.113.9"), "192.168.1.11");
  t.equal(seen({ set: ["enableIPv4Masquerade=false"] }, "203.0.113.9"), undefined);
  t.equal(seen({}, "n2"), undefined, "nodes are not outside");
  const native = "routingMode=native,autoDirectNodeRoutes=true,ipv4NativeRoutingCIDR=";
  t.equal(
    seen({ set: [`${native}10.0.0.0/8`] }, "10.9.9.9"),
    undefined,
    "the native routing range is inside",
  );
  t.equal(seen({ set: [`${native}10.244.0.0/16`] }, "c"), undefined);
  t.equal(
    seen({ set: [`${native}10.99.0.0/16`] }, "c"),
    "192.168.1.11",
    "a range without the pods breaks the rule",
  );
  t.end();
});

t.test("a trace with Helm values", async (t) => {
  const service = {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "db", namespace: "default" },
    spec: { clusterIP: "10.96.0.20", selector: { app: "db" }, ports: [{ port: 80 }] },
  };
  const db = {
    ...pod("c", "n2", "10.244.2.7"),
    metadata: { name: "c", namespace: "default", labels: { app: "db" } },
  };
  const cluster = loadObjects([
    ...three.filter((o) => !JSON.stringify(o).includes('"name":"c","namespace"')),
    db,
    service,
  ]);
  const plain = await trace(cluster, "default/a", "10.96.0.20:80");
  t.match(plain, { verdict: "allow", mode: "iptables" });
  t.equal(plain.hops.find((h) => h.layer === "route")?.details?.["encapsulation"], "unknown");
  const set = await trace(cluster, "default/a", "10.96.0.20:80", { network: { cni: "cilium", set: GUIDE } });
  t.match(set, { verdict: "allow", mode: "ebpf" });
  t.match(set.hops.find((h) => h.layer === "route")?.details, {
    cni: "cilium",
    encapsulation: "vxlan",
    encrypted: true,
    overhead: 110,
    mtu: 1370,
  });
  t.match(
    await trace(cluster, "default/a", "10.96.0.20:80"),
    { mode: "iptables" },
    "the cluster itself is as it was",
  );
});

t.test("what cannot be", (t) => {
  t.ok(codes(cilium({ set: ["routingMode=native"] })).includes("native-routing-cidr"));
  t.ok(
    codes(cilium({ set: ["routingMode=native,ipv4NativeRoutingCIDR=10.0.0.0/8"] })).includes(
      "native-without-routes",
    ),
  );
  t.ok(codes(cilium({ set: ["autoDirectNodeRoutes=true"] })).includes("direct-routes-with-tunnel"));
  const proxy = {
    apiVersion: "apps/v1",
    kind: "DaemonSet",
    metadata: { name: "kube-proxy", namespace: "kube-system" },
    spec: {
      template: {
        metadata: { labels: { a: "b" } },
        spec: { hostNetwork: true, containers: [{ name: "p" }] },
      },
    },
  };
  t.ok(codes(cilium({ set: GUIDE }, [...three, proxy])).includes("two-service-proxies"));
  t.end();
});
