/**
 * What each CNI can do. `variants` are ways of running it that the models know: the comparison runs each on a cluster and says
 * what came of it; `claims` is what it should come to. The other rows are facts of the projects, each by its documentation.
 */
import type { CniName, Fabric } from "./types.ts";

/** `spec`: of an IPPool, where the CNI has one. `routers`: the nodes tell them by BGP. `set`: as --set. */
export interface Variant {
  readonly name: string;
  readonly routers?: boolean;
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly set?: readonly string[];
  readonly claims: {
    readonly encapsulation: Fabric["encapsulation"];
    readonly encrypted: boolean;
    /** What is around packets between nodes of one subnet and of two, innermost first; undefined: they are lost. */
    readonly near: readonly string[];
    readonly far: readonly string[] | undefined;
    /** Of pods' packets to other nodes, with cards of 1500 octets. */
    readonly mtu: number;
  };
}

export interface Capabilities {
  readonly title: string;
  readonly developer: string;
  readonly dataPlane: string;
  readonly policy: string;
  readonly kubeProxyReplacement: string;
  readonly observability: string;
  readonly serviceMesh: string;
  readonly multiCluster: string;
  readonly ipam: string;
  readonly ipv6: string;
  readonly state: string;
  readonly sources: readonly string[];
  readonly variants: readonly Variant[];
}

const VXLAN = ["vxlan"];
const WIREGUARD = ["wireguard"];
const CILIUM_NATIVE = "routingMode=native,autoDirectNodeRoutes=true,ipv4NativeRoutingCIDR=10.244.0.0/16";
const SECRET = "encryption.enabled=true,encryption.type=wireguard";

export const CAPABILITIES: Readonly<Record<CniName, Capabilities>> = {
  calico: {
    title: "Calico",
    developer: "Tigera",
    dataPlane: "iptables, nftables or eBPF",
    policy: "NetworkPolicy and its own: order, tiers, deny, global, service accounts",
    kubeProxyReplacement: "eBPF data plane",
    observability: "flow logs (Goldmane, Whisker), metrics",
    serviceMesh: "none",
    multiCluster: "BGP; VXLAN cluster mesh in the commercial edition",
    ipam: "blocks of IPPools, affine to nodes",
    ipv6: "yes, dual stack",
    state: "maintained",
    sources: ["docs.tigera.io/calico/latest/networking", "github.com/projectcalico/calico"],
    variants: [
      {
        name: "BGP",
        spec: { ipipMode: "Never", vxlanMode: "Never" },
        claims: { encapsulation: "none", encrypted: false, near: [], far: undefined, mtu: 1500 },
      },
      {
        name: "BGP with the routers",
        routers: true,
        spec: { ipipMode: "Never", vxlanMode: "Never" },
        claims: { encapsulation: "none", encrypted: false, near: [], far: [], mtu: 1500 },
      },
      {
        name: "VXLAN",
        spec: { vxlanMode: "Always" },
        claims: { encapsulation: "vxlan", encrypted: false, near: VXLAN, far: VXLAN, mtu: 1450 },
      },
      {
        name: "VXLAN CrossSubnet",
        spec: { vxlanMode: "CrossSubnet" },
        claims: { encapsulation: "vxlan", encrypted: false, near: [], far: VXLAN, mtu: 1450 },
      },
      {
        name: "IP in IP",
        spec: { ipipMode: "Always" },
        claims: { encapsulation: "ipip", encrypted: false, near: ["ipip"], far: ["ipip"], mtu: 1480 },
      },
      {
        name: "IP in IP CrossSubnet",
        spec: { ipipMode: "CrossSubnet" },
        claims: { encapsulation: "ipip", encrypted: false, near: [], far: ["ipip"], mtu: 1480 },
      },
      {
        name: "WireGuard",
        spec: { vxlanMode: "Always" },
        set: ["felix.wireguardEnabled=true"],
        claims: { encapsulation: "wireguard", encrypted: true, near: WIREGUARD, far: WIREGUARD, mtu: 1440 },
      },
    ],
  },
  cilium: {
    title: "Cilium",
    developer: "Isovalent (Cisco), CNCF",
    dataPlane: "eBPF",
    policy: "NetworkPolicy and its own: L7 (HTTP, DNS names), identities, deny, cluster-wide",
    kubeProxyReplacement: "native eBPF",
    observability: "Hubble",
    serviceMesh: "built in (Envoy, optional)",
    multiCluster: "ClusterMesh",
    ipam: "a range for each node, dealt by the operator or by Kubernetes; clouds' addresses",
    ipv6: "yes, dual stack",
    state: "maintained",
    sources: ["docs.cilium.io/en/stable/network/concepts/routing", "github.com/cilium/cilium pkg/mtu"],
    variants: [
      {
        name: "VXLAN",
        claims: { encapsulation: "vxlan", encrypted: false, near: VXLAN, far: VXLAN, mtu: 1450 },
      },
      {
        name: "Geneve",
        set: ["tunnelProtocol=geneve"],
        claims: { encapsulation: "geneve", encrypted: false, near: ["geneve"], far: ["geneve"], mtu: 1450 },
      },
      {
        name: "native routing",
        set: [CILIUM_NATIVE],
        claims: { encapsulation: "none", encrypted: false, near: [], far: undefined, mtu: 1500 },
      },
      {
        name: "native routing, BGP",
        routers: true,
        set: ["routingMode=native,ipv4NativeRoutingCIDR=10.244.0.0/16"],
        claims: { encapsulation: "none", encrypted: false, near: [], far: [], mtu: 1500 },
      },
      {
        name: "VXLAN + WireGuard",
        set: [SECRET],
        claims: {
          encapsulation: "vxlan",
          encrypted: true,
          near: ["vxlan", "wireguard"],
          far: ["vxlan", "wireguard"],
          mtu: 1370,
        },
      },
      {
        name: "native routing + WireGuard",
        set: [CILIUM_NATIVE, SECRET],
        claims: { encapsulation: "none", encrypted: true, near: WIREGUARD, far: WIREGUARD, mtu: 1420 },
      },
      {
        name: "VXLAN + IPsec",
        set: ["encryption.enabled=true,encryption.type=ipsec"],
        claims: {
          encapsulation: "vxlan",
          encrypted: true,
          near: ["vxlan", "esp"],
          far: ["vxlan", "esp"],
          mtu: 1373,
        },
      },
    ],
  },
  flannel: {
    title: "Flannel",
    developer: "CoreOS, now flannel-io",
    dataPlane: "Linux bridge and routes",
    policy: "none (with Calico's: Canal)",
    kubeProxyReplacement: "no",
    observability: "none",
    serviceMesh: "none",
    multiCluster: "not supported",
    ipam: "host-local in the node's range",
    ipv6: "yes, dual stack",
    state: "maintained",
    sources: ["github.com/flannel-io/flannel Documentation/backends.md"],
    variants: [
      {
        name: "VXLAN",
        claims: { encapsulation: "vxlan", encrypted: false, near: VXLAN, far: VXLAN, mtu: 1450 },
      },
      {
        name: "VXLAN DirectRouting",
        set: ["Backend.DirectRouting=true"],
        claims: { encapsulation: "vxlan", encrypted: false, near: [], far: VXLAN, mtu: 1450 },
      },
      {
        name: "host-gw",
        set: ["Backend.Type=host-gw"],
        claims: { encapsulation: "none", encrypted: false, near: [], far: undefined, mtu: 1500 },
      },
      {
        name: "WireGuard",
        set: ["Backend.Type=wireguard"],
        claims: { encapsulation: "wireguard", encrypted: true, near: WIREGUARD, far: WIREGUARD, mtu: 1420 },
      },
      {
        name: "IP in IP",
        set: ["Backend.Type=ipip"],
        claims: { encapsulation: "ipip", encrypted: false, near: ["ipip"], far: ["ipip"], mtu: 1480 },
      },
    ],
  },
  weave: {
    title: "Weave Net",
    developer: "Weaveworks",
    dataPlane: "Open vSwitch datapath, or user space",
    policy: "NetworkPolicy (weave-npc)",
    kubeProxyReplacement: "no",
    observability: "Scope",
    serviceMesh: "none",
    multiCluster: "one network over clusters",
    ipam: "one range, shared by all nodes in a ring",
    ipv6: "no",
    state: "archived in 2024",
    sources: [
      "github.com/weaveworks/weave site/concepts/fastdp-how-it-works.md, site/concepts/encryption-implementation.md",
    ],
    variants: [
      {
        name: "fast datapath",
        claims: { encapsulation: "fastdp", encrypted: false, near: ["fastdp"], far: ["fastdp"], mtu: 1376 },
      },
      {
        name: "fast datapath, encrypted",
        set: ["WEAVE_PASSWORD=secret"],
        claims: {
          encapsulation: "fastdp",
          encrypted: true,
          near: ["fastdp", "esp"],
          far: ["fastdp", "esp"],
          mtu: 1376,
        },
      },
      {
        name: "sleeve",
        set: ["WEAVE_NO_FASTDP=true"],
        claims: { encapsulation: "sleeve", encrypted: false, near: ["sleeve"], far: ["sleeve"], mtu: 65_535 },
      },
      {
        name: "sleeve, encrypted",
        set: ["WEAVE_NO_FASTDP=true,WEAVE_PASSWORD=secret"],
        claims: { encapsulation: "sleeve", encrypted: true, near: ["sleeve"], far: ["sleeve"], mtu: 65_535 },
      },
    ],
  },
  bridge: {
    title: "bridge",
    developer: "CNI project (kubenet: Kubernetes, removed in 1.24)",
    dataPlane: "Linux bridge and routes",
    policy: "none",
    kubeProxyReplacement: "no",
    observability: "none",
    serviceMesh: "none",
    multiCluster: "not supported",
    ipam: "host-local in the node's range",
    ipv6: "yes, dual stack",
    state: "maintained (the plugins)",
    sources: ["github.com/containernetworking/plugins plugins/main/bridge, plugins/ipam/host-local"],
    variants: [
      {
        name: "routes for each pod range",
        claims: { encapsulation: "none", encrypted: false, near: [], far: [], mtu: 1500 },
      },
    ],
  },
};
