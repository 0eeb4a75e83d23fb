/**
 * Services as the nodes' proxies implement them. A program is made for a node and an address family; it prints itself as the
 * node's tool would, and says where a connection goes and what it met on the way.
 */
import type { Cluster, IPFamily, Node } from "../model/types.ts";
import { ebpfPlane } from "./ebpf/connect.ts";
import { ebpfProgram, type EbpfOptions } from "./ebpf/program.ts";
import { iptablesPlane } from "./iptables/connect.ts";
import { iptablesProgram } from "./iptables/program.ts";
import { ipvsPlane } from "./ipvs/connect.ts";
import { ipvsProgram } from "./ipvs/program.ts";
import { nftablesPlane } from "./nftables/connect.ts";
import { nftablesProgram } from "./nftables/program.ts";
import { proxyNode, type ProxyOptions } from "./node.ts";
import type { Connection, DataPlane, Packet, Situation } from "./packet.ts";

export type Mode = DataPlane["mode"];

export const MODES: readonly Mode[] = ["iptables", "nftables", "ipvs", "ebpf"];

/** The service proxy of a node, for both families. */
export interface ServiceProxy {
  readonly mode: Mode;
  readonly node: string;
  /** Not pure: see `DataPlane`. */
  connect(packet: Packet, situation: Situation): Connection;
  plane(family: IPFamily): DataPlane;
  reset(): void;
}

/** undefined when the cluster has no node of that name. Programs are made when they are first needed. */
export function serviceProxy(
  cluster: Cluster,
  node: string,
  mode: Mode = "iptables",
  options: ProxyOptions & EbpfOptions = {},
): ServiceProxy | undefined {
  const found = cluster.nodes.find(({ metadata }) => metadata.name === node);
  if (found === undefined) return undefined;
  const planes = new Map<IPFamily, DataPlane>();
  const plane = (family: IPFamily): DataPlane => {
    const made = planes.get(family) ?? makePlane(cluster, found, mode, family, options);
    planes.set(family, made);
    return made;
  };
  return {
    mode,
    node,
    connect: (packet, situation) => plane(packet.destination.family).connect(packet, situation),
    plane,
    reset: () => planes.forEach((each) => each.reset()),
  };
}

function makePlane(
  cluster: Cluster,
  of: Node,
  mode: Mode,
  family: IPFamily,
  options: ProxyOptions & EbpfOptions,
): DataPlane {
  const node = proxyNode(cluster, of, family, options);
  switch (mode) {
    case "iptables":
      return iptablesPlane(iptablesProgram(cluster, node));
    case "nftables":
      return nftablesPlane(nftablesProgram(cluster, node));
    case "ipvs":
      return ipvsPlane(ipvsProgram(cluster, node));
    case "ebpf":
      return ebpfPlane(ebpfProgram(cluster, node, options));
  }
}
