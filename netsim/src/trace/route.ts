/** From the source's interface to the destination's: same node, another node, or out of the cluster, device by device. */
import { networkOf } from "../cni/index.ts";
import type { Network } from "../cni/network.ts";
import { overheadOfAll } from "../cni/overhead.ts";
import type { Fabric } from "../cni/types.ts";
import { walk, type Walk } from "../cni/walk.ts";
import type { Cluster, Node } from "../model/types.ts";
import type { Link } from "../packet/path.ts";
import type { Endpoint } from "../policy/endpoint.ts";
import { contains, parseAddress, parseBlock } from "../service/address.ts";
import { hop, originOfObject } from "./origin.ts";
import { type Hop, type Origin, type Stop } from "./types.ts";

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

/** The way as the tables of the nodes have it; undefined for ends that are in no namespace of the cluster's. */
function wayOf(network: Network, from: Endpoint, address: string): Walk | undefined {
  const place = from.kind === "external" ? undefined : network.find(from.onHost ? from.node : from.id);
  return place === undefined ? undefined : walk(network, place, address, from.address.text);
}

/** `network`: where it is not the one that the cluster's own objects describe. */
export function route(
  cluster: Cluster,
  from: Endpoint,
  to: Endpoint,
  network: Network = networkOf(cluster),
): Routed {
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
    const lost = wayOf(network, from, address);
    if (!network.assumed && network.isOurs(address) && lost?.outcome === "dropped")
      return {
        hop: hop("route", "unroutable", `${address} is in the pods' range, and no pod has it: ${lost.why}`),
        stop: { verdict: "unroutable", reason: "no-such-address" },
      };
    return { hop: out(network, from, address), stop: undefined };
  }
  const way = wayOf(network, from, address);
  if (from.node === to.node && from.node !== "") return { hop: near(from, to, way), stop: undefined };
  const lost = way?.outcome === "dropped" && !network.assumed && !to.onHost;
  return {
    hop: far(network, from, to, way, lost),
    stop: lost ? { verdict: "unroutable", reason: "no-pod-route" } : undefined,
  };
}

const originOf = ({ by }: Fabric): Partial<Origin> =>
  by === undefined ? {} : { rule: by.rule, ...originOfObject(by.object, by.path) };

const linksOf = (way: Walk | undefined) =>
  way === undefined || way.path.links.length === 0
    ? {}
    : {
        links: way.path.links.map(({ node, device, kind, mtu, routeMtu, tunnels }) => ({
          node,
          device,
          kind,
          mtu,
          ...(routeMtu !== undefined && { routeMtu }),
          ...(tunnels.length > 0 && { tunnels: tunnels.map((t) => t.kind) }),
        })),
      };

/** The devices in a row; what is around the packets stands at the arrow over the wire. */
function devicesText(way: Walk | undefined): string {
  const links = way?.path.links ?? [];
  if (links.length === 0) return "";
  const text = links.reduce((line, link, i) => {
    if (link.kind === "wire") return line;
    const before = links[i - 1];
    return `${line}${line === "" ? "" : before?.kind === "wire" ? arrow(before) : " > "}${link.device}`;
  }, "");
  const last = links.at(-1);
  return `; ${text}${last?.kind === "wire" ? arrow(last).trimEnd() : ""}`;
}

const arrow = ({ tunnels }: Link): string =>
  tunnels.length === 0 ? " ==> " : ` =${tunnels.map((t) => t.kind).join(" in ")}=> `;

function out(network: Network, from: Endpoint, address: string): Hop {
  const { assumed, context, model } = network;
  const pod = from.kind === "pod" && !from.onHost;
  const fabric = model.fabricTo(from.address.text);
  const way = wayOf(network, from, address);
  const own = context.cluster.nodes
    .find((n) => n.metadata.name === from.node)
    ?.status.addresses?.find((a) => a.type === "InternalIP")?.address;
  const masked = assumed ? (pod ? own : undefined) : way?.path.sourceNat;
  const nat =
    masked === undefined
      ? ""
      : `; the source becomes the node's ${masked}${assumed ? " where the CNI masquerades, as nearly all do" : ""}`;
  return hop(
    "route",
    "allow",
    `${from.node === "" ? from.id : `node ${from.node}`} sends it out of the cluster to ${address}, by its default route${nat}`,
    originOf(fabric),
    {
      from: from.node,
      to: null,
      natOutgoing: assumed ? null : fabric.natOutgoing,
      sourceNat: masked ?? null,
      ...(assumed ? {} : linksOf(way)),
    },
  );
}

function near(from: Endpoint, to: Endpoint, way: Walk | undefined): Hop {
  const self = from.id === to.id;
  const what = self
    ? `${to.id} itself: it never leaves the pod`
    : `same node (${from.node}): no NAT, no encapsulation${devicesText(way)}`;
  const details = { from: from.node, to: to.node, sameNode: true, encapsulation: "none" };
  return hop("route", "allow", what, {}, self ? details : { ...details, ...linksOf(way) });
}

const NAMES: Readonly<Record<Fabric["encapsulation"], string>> = {
  vxlan: "VXLAN",
  ipip: "IP in IP",
  geneve: "Geneve",
  wireguard: "WireGuard",
  fastdp: "fast datapath (VXLAN)",
  sleeve: "sleeve (UDP)",
  none: "no encapsulation",
  unknown: "",
};

function far(network: Network, from: Endpoint, to: Endpoint, way: Walk | undefined, lost: boolean): Hop {
  const { assumed, model, context, cni } = network;
  const outside = from.kind === "external";
  const fabric = model.fabricTo(to.address.text);
  const target = context.cluster.nodes.find((n) => n.metadata.name === to.node);
  const cidr = target === undefined ? undefined : podRanges(target)[0];
  // Packets between nodes' own addresses are not the CNI's.
  const plain = outside || from.onHost || to.onHost;
  const unknown = assumed && !plain;
  const over = way?.path.links.find((l) => l.kind === "card")?.tunnels ?? [];
  const where = `${outside ? from.id : `node ${from.node || "?"}`} to node ${to.node || "?"}${cidr === undefined || to.onHost ? "" : ` (${cidr})`}`;
  const how = plain
    ? "the nodes' own network"
    : assumed
      ? `no ${cni === "cilium" ? "Cilium" : "CNI"} configuration in the input says how; pod addresses stay as they are`
      : fabricText(fabric, cni, way, overheadOfAll(over));
  const text = `${where}: ${how}${lost ? `; ${way?.why ?? ""}` : assumed ? "" : devicesText(way)}`;
  return hop("route", lost ? "unroutable" : "allow", text, plain || assumed ? {} : originOf(fabric), {
    from: from.node,
    to: to.node,
    sameNode: false,
    podCIDR: cidr ?? null,
    cni: assumed && cni === "bridge" ? null : cni,
    encapsulation: plain ? "none" : unknown ? "unknown" : fabric.encapsulation,
    crossSubnet: !unknown && fabric.crossSubnet,
    encrypted: !unknown && fabric.encrypted,
    overhead: plain || assumed ? 0 : overheadOfAll(over),
    mtu: plain || assumed ? null : fabric.mtu,
    ...(assumed ? {} : { ...linksOf(way), sourceNat: way?.path.sourceNat ?? null }),
  });
}

function fabricText(fabric: Fabric, cni: string, way: Walk | undefined, overhead: number): string {
  const { encapsulation, crossSubnet, encrypted, mtu } = fabric;
  const where = crossSubnet && encapsulation !== "none" ? " between subnets, none within one" : "";
  const secret = encrypted && encapsulation !== "wireguard" ? ", encrypted" : "";
  const cost = overhead > 0 ? `: ${overhead} octets of headers` : "";
  const seen = way?.path.sourceNat;
  const nat = seen === undefined ? "no NAT" : `the source becomes ${seen}`;
  return `${NAMES[encapsulation]}${where}${secret} (${cni})${cost}, MTU ${mtu}; ${nat}`;
}
