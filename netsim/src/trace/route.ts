/** From the source's interface to the destination's: same node, another node, or out of the cluster. */
import type { Cluster, Node } from "../model/types.ts";
import type { Endpoint } from "../policy/endpoint.ts";
import { contains, parseAddress, parseBlock } from "../service/address.ts";
import { fabricOf, overheadOf, type Fabric } from "./fabric.ts";
import { hop, originOfObject } from "./origin.ts";
import { type Hop, type Stop } from "./types.ts";

export interface Routed {
  readonly hop: Hop;
  readonly stop: Stop | undefined;
}

const podRanges = (node: Node): readonly string[] =>
  node.spec.podCIDRs ?? (node.spec.podCIDR === undefined ? [] : [node.spec.podCIDR]);

/** The node in whose podCIDR the address is. */
function homeOf(cluster: Cluster, address: string): Node | undefined {
  const ip = parseAddress(address);
  if (ip === undefined) return undefined;
  return cluster.nodes.find((n) =>
    podRanges(n).some((cidr) => {
      const block = parseBlock(cidr);
      return block !== undefined && contains(block, ip);
    }),
  );
}

const wired = (end: Endpoint): string =>
  end.kind === "pod" && !end.onHost ? `the veth pair of ${end.id}` : "the node itself";

export function route(cluster: Cluster, from: Endpoint, to: Endpoint): Routed {
  const address = to.address.text;
  if (to.kind === "external") {
    const home = homeOf(cluster, address);
    if (home !== undefined) {
      const what = `${address} is in the pod range of node ${home.metadata.name}, and no pod has it`;
      return {
        hop: hop("route", "unroutable", what, originOfObject(home, ["spec", "podCIDR"])),
        stop: { verdict: "unroutable", reason: "no-such-address" },
      };
    }
    return { hop: out(cluster, from, address), stop: undefined };
  }
  return {
    hop: from.node === to.node && from.node !== "" ? near(from, to) : far(cluster, from, to),
    stop: undefined,
  };
}

function out(cluster: Cluster, from: Endpoint, address: string): Hop {
  const fabric = fabricOf(cluster, from.address.text);
  const pod = from.kind === "pod" && !from.onHost;
  const node = cluster.nodes.find((n) => n.metadata.name === from.node);
  const own = node?.status.addresses?.find((a) => a.type === "InternalIP")?.address;
  const nat = pod && fabric.natOutgoing !== false && own !== undefined;
  const masked = nat
    ? `; the source becomes the node's ${own}${fabric.natOutgoing === undefined ? " where the CNI masquerades, as nearly all do" : ""}`
    : "";
  return hop(
    "route",
    "allow",
    `${from.node === "" ? from.id : `node ${from.node}`} sends it out of the cluster to ${address}, by its default route${masked}`,
    fabric.origin,
    {
      from: from.node,
      to: null,
      natOutgoing: fabric.natOutgoing ?? null,
    },
  );
}

function near(from: Endpoint, to: Endpoint): Hop {
  const what =
    from.id === to.id
      ? `${to.id} itself: it never leaves the pod`
      : `same node (${from.node}): ${wired(from)}, the node's bridge or routes, ${wired(to)}; no NAT, no encapsulation`;
  return hop(
    "route",
    "allow",
    what,
    {},
    { from: from.node, to: to.node, sameNode: true, encapsulation: "none" },
  );
}

const NAMES = {
  vxlan: "VXLAN",
  ipip: "IP in IP",
  geneve: "Geneve",
  wireguard: "WireGuard",
  none: "no encapsulation",
  unknown: "",
} as const;

function far(cluster: Cluster, from: Endpoint, to: Endpoint): Hop {
  const outside = from.kind === "external";
  const fabric = fabricOf(cluster, to.address.text);
  const target = cluster.nodes.find((n) => n.metadata.name === to.node);
  const cidr = target === undefined ? undefined : podRanges(target)[0];
  // Packets between nodes' own addresses are not the CNI's.
  const plain = outside || from.onHost || to.onHost;
  const way = `${outside ? from.id : `node ${from.node || "?"}`} to node ${to.node || "?"}${cidr === undefined || to.onHost ? "" : ` (${cidr})`}`;
  const how = plain ? "the nodes' own network" : fabricText(fabric);
  return hop("route", "allow", `${way}: ${how}`, plain ? {} : fabric.origin, {
    from: from.node,
    to: to.node,
    sameNode: false,
    podCIDR: cidr ?? null,
    cni: fabric.cni ?? null,
    encapsulation: plain ? "none" : fabric.encapsulation,
    crossSubnet: fabric.crossSubnet,
    encrypted: fabric.encrypted,
    overhead: plain ? 0 : overheadOf(fabric),
    mtu: plain ? null : (fabric.mtu ?? null),
  });
}

function fabricText(fabric: Fabric): string {
  const { encapsulation, crossSubnet, encrypted, mtu, cni } = fabric;
  if (encapsulation === "unknown")
    return `no ${cni === undefined ? "CNI" : "Cilium"} configuration in the input says how; pod addresses stay as they are`;
  const where = crossSubnet && encapsulation !== "none" ? " between subnets, none within one" : "";
  const cost = overheadOf(fabric);
  const room = cost > 0 ? `: ${cost} octets of headers` : "";
  const secret = encrypted && encapsulation !== "wireguard" ? " in WireGuard" : "";
  return `${NAMES[encapsulation]}${where}${secret} (${cni})${room}${mtu === undefined ? "" : `, MTU ${mtu}`}; no NAT`;
}
