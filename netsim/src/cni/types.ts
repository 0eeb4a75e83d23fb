/**
 * What a CNI makes of a cluster: for every node and every pod a network namespace (`Place`) with devices, routes, neighbours and
 * forwarding tables. Paths are found by walking these tables, and `ip route` prints them: the two cannot disagree.
 */
import type { Tunnel } from "../packet/path.ts";
import type { KubeObject, Pod } from "../model/types.ts";
import type { NodeFacts } from "./nodes.ts";

export const CNIS = ["bridge", "calico", "cilium", "flannel", "weave"] as const;
export type CniName = (typeof CNIS)[number];

/** A network device. `addresses` are `address/bits`; `mtu` in octets of an IP packet; `mac` as `aa:bb:cc:dd:ee:ff`. */
export interface Device {
  readonly name: string;
  readonly kind:
    "loopback" | "veth" | "bridge" | "card" | "vxlan" | "geneve" | "ipip" | "wireguard" | "datapath";
  readonly mtu: number;
  readonly mac?: string;
  readonly addresses: readonly string[];
  /** The bridge that it is a port of. */
  readonly master?: string;
  /** The other end of a veth pair: a place's key, and the device there. */
  readonly peer?: { readonly place: string; readonly device: string };
  readonly tunnel?: TunnelDevice;
  /** Packets get in by bridging, not by routing, though the device is no port of a bridge that is its neighbour on the path. */
  readonly bridged?: boolean;
  /** A bridge port that sends a frame back where it came from. */
  readonly hairpin?: boolean;
  readonly says: string;
}

/** How a tunnel device encapsulates. `local`: the outer source address. */
export interface TunnelDevice {
  readonly kind: Tunnel["kind"];
  readonly local: string;
  readonly port?: number;
  readonly vni?: number;
  /** The device that the outer packets leave by. */
  readonly lower?: string;
  readonly learning?: boolean;
  /** WireGuard: whose packets go where (cryptokey routing). */
  readonly peers?: readonly {
    readonly node: string;
    readonly endpoint: string;
    readonly allowed: readonly string[];
  }[];
  /** Encrypted beside: the ESP of Weave's fast datapath, sleeve's NaCl boxes. */
  readonly encrypted?: boolean;
}

/** A route; `to` is a block in canonical text or "default". Fields as iproute2 names them. */
export interface Route {
  readonly to: string;
  readonly type?: "unicast" | "blackhole" | "throw" | "unreachable";
  readonly via?: string;
  readonly dev?: string;
  readonly proto?: string;
  readonly scope?: "link";
  readonly src?: string;
  readonly metric?: number;
  readonly onlink?: boolean;
  readonly mtu?: number;
  /** Without: main. */
  readonly table?: string;
  readonly says?: string;
}

/** A rule of the routing policy database beside the usual three. It is for packets that no tunnel has made. */
export interface RoutingRule {
  readonly priority: number;
  /** As iproute2 writes it between `from all` and `lookup`. */
  readonly selector: string;
  readonly table: string;
}

/** `PERMANENT`: written by the CNI; the others are what the kernel learns. */
export interface Neighbour {
  readonly address: string;
  readonly dev: string;
  readonly mac: string;
  readonly state: "PERMANENT" | "REACHABLE";
}

/** `dst`: the remote tunnel end. `learned`: from traffic, and so with an age. */
export interface FdbEntry {
  readonly mac: string;
  readonly dev: string;
  readonly dst?: string;
  readonly master?: string;
  readonly learned?: boolean;
}

/** Source NAT: packets from `from` to anywhere but `except`, leaving by a card, get the address of the card. */
export interface Masquerade {
  readonly from: string;
  readonly except: readonly string[];
  readonly says: string;
}

export interface Sysctl {
  readonly key: string;
  readonly value: string;
}

/** What eBPF programs at the pods' devices do before the kernel routes (Cilium). */
export interface Bpf {
  /** The node's own endpoints: address -> device. */
  readonly endpoints: ReadonlyMap<string, string>;
  /** Prefix -> where its packets are tunnelled to; without a tunnel the kernel routes. */
  readonly ipcache: readonly { readonly prefix: string; readonly node: string; readonly tunnel?: string }[];
  /** Outer addresses of the nodes whose traffic is encrypted, and with what. */
  readonly encrypt?: { readonly kind: "wireguard" | "esp"; readonly ends: ReadonlyMap<string, string> };
  readonly overlay?: string;
  /** The node's own endpoints: address -> security identity, which goes along as the tunnel's network identifier. */
  readonly identities: ReadonlyMap<string, number>;
}

/** A network namespace, or the routers between the nodes. `key`: `node/NAME`, `pod/NS/NAME`, `router`. */
export interface Place {
  readonly key: string;
  readonly kind: "node" | "pod" | "router";
  readonly name: string;
  readonly devices: readonly Device[];
  readonly routes: readonly Route[];
  readonly rules: readonly RoutingRule[];
  readonly neighbours: readonly Neighbour[];
  readonly fdb: readonly FdbEntry[];
  readonly masquerade: readonly Masquerade[];
  readonly sysctls: readonly Sysctl[];
  readonly bpf?: Bpf;
}

/** A step of a pod's creation. `object` is what came into being, as data. */
export interface CreationEvent {
  readonly actor: string;
  readonly action: string;
  readonly says: string;
  readonly object?: unknown;
}

/** Something found that does not fit together, or was assumed. */
export interface Finding {
  readonly severity: "error" | "warning" | "note";
  readonly code: string;
  readonly text: string;
  /** `Kind namespace/name`, where an object is to blame. */
  readonly object?: string;
  readonly file?: string;
  readonly line?: number;
}

/** A pod as the network sees it. */
export interface PodFacts {
  readonly id: string;
  readonly namespace: string;
  readonly name: string;
  readonly node: string;
  readonly addresses: readonly string[];
  readonly mac: string;
  /** Of its sandbox; a real runtime draws it at random, here it follows from the name. */
  readonly sandbox: string;
  readonly pod: Pod;
}

/** How packets between nodes go, for one destination: the summary that the trace's route hop shows. */
export interface Fabric {
  readonly encapsulation:
    "none" | "vxlan" | "geneve" | "ipip" | "wireguard" | "sleeve" | "fastdp" | "unknown";
  /** Only between nodes of different subnets. */
  readonly crossSubnet: boolean;
  readonly encrypted: boolean;
  /** Of pods' packets: the device's MTU, or the route's where that is lower. */
  readonly mtu: number;
  readonly natOutgoing: boolean;
  /** What says so: the object, the field in it, and the field as a rule to show. */
  readonly by?: {
    readonly object: KubeObject;
    readonly path: readonly (string | number)[];
    readonly rule: string;
  };
}

/** A range of addresses that a node gives its pods. `from`: what says that it is the node's. */
export interface NodeRange {
  readonly range: string;
  readonly node: string;
  readonly pool?: string;
  readonly from: string;
  /** Addresses of other nodes' pods in it. */
  readonly borrowed: readonly string[];
}

/** BGP as configured: who speaks with whom, and from whom each node has the routes of the others (null: from nobody). */
export interface BgpReport {
  readonly sessions: readonly {
    readonly ends: readonly {
      readonly name: string;
      readonly as: number;
      readonly routeReflector: string | null;
    }[];
    readonly family: "IPv4" | "IPv6";
    readonly kind: "mesh" | "ibgp" | "ebgp";
    readonly by: string;
  }[];
  readonly routes: readonly {
    readonly node: string;
    readonly prefix: string;
    readonly origin: string;
    readonly from: string | null;
  }[];
}

/** What each CNI gives for a cluster. Everything is computed when asked for. */
export interface Model {
  readonly cni: CniName;
  findings(): readonly Finding[];
  /** Its eBPF programs translate Services. */
  readonly replacesKubeProxy: boolean;
  /** The devices and tables of a node beside its card and its loopback. */
  node(facts: NodeFacts): NodePart;
  pod(facts: PodFacts): PodPart;
  /** Pod ranges that the routers between nodes know, and the node each leads to. */
  fabricRoutes(): readonly { readonly to: string; readonly node: string; readonly says: string }[];
  fabricTo(address: string): Fabric;
  /** The ranges that pods have. */
  podRanges(): readonly string[];
  nodeRanges(): readonly NodeRange[];
  /** Of a CNI that speaks BGP itself. */
  bgp?(): BgpReport;
  creation(facts: PodFacts): Creation;
}

export type NodePart = Pick<Place, "devices" | "routes" | "neighbours" | "fdb" | "masquerade" | "sysctls"> &
  Partial<Pick<Place, "rules" | "bpf">>;
export type PodPart = Pick<Place, "devices" | "routes" | "neighbours" | "sysctls">;

/** What differs between CNIs when a pod is made. */
export interface Creation {
  /** The network configuration list, as it lies in /etc/cni/net.d. */
  readonly configList: { readonly file: string; readonly content: Readonly<Record<string, unknown>> };
  readonly ipam: CreationEvent;
  /** Gateways for the Result, by family. */
  readonly gateways: Readonly<Record<string, string>>;
  readonly routes: readonly Route[];
  /** The plugin's further steps, after the pod has its addresses. */
  readonly further: readonly CreationEvent[];
}
