/** What all parts of Calico's model share: its objects as they are read, names, the tunnels' addresses. */
import { calicoFindings } from "./findings.ts";
import { bare, calicoDevice, linkLocal } from "../address.ts";
import { fields } from "../fields.ts";
import type { Context } from "../network.ts";
import type { NodeFacts } from "../nodes.ts";
import { clusterCidrs } from "../ranges.ts";
import { at, settingsOf } from "../settings.ts";
import type { Finding, PodFacts } from "../types.ts";
import { type Bgp, createBgp } from "./bgp.ts";
import { type Felix, readFelix } from "./felix.ts";
import { type Ipam, createIpam, tunnelAddress } from "./ipam.ts";
import { type Pool, readPools } from "./pools.ts";

/** All that Calico's parts share. */
export interface Calico {
  readonly context: Context;
  readonly pools: readonly Pool[];
  readonly felix: Felix;
  readonly ipam: Ipam;
  readonly bgp: Bgp;
  /** The address of a node's tunnel device, by kind; undefined where it has none. */
  tunnelIp(node: NodeFacts, kind: "vxlan" | "ipip" | "wireguard", v6: boolean): string | undefined;
}

const ANNOTATIONS = {
  vxlan: ["projectcalico.org/IPv4VXLANTunnelAddr", "projectcalico.org/IPv6VXLANTunnelAddr"],
  ipip: ["projectcalico.org/IPv4IPIPTunnelAddr", ""],
  wireguard: ["projectcalico.org/IPv4WireguardInterfaceAddr", "projectcalico.org/IPv6WireguardInterfaceAddr"],
} as const;

export function readCalico(context: Context): Calico & { readonly findings: () => readonly Finding[] } {
  const { cluster, nodes, pods, options } = context;
  const { tree } = settingsOf(undefined, options.set ?? []);
  const { pools, findings } = readPools(
    cluster,
    fields(at(tree, "ippool")),
    clusterCidrs(cluster, options, nodes),
  );
  const felix = readFelix(cluster, pools, nodes, fields(at(tree, "felix")));
  const ipam = createIpam(cluster, pools, nodes, pods);
  const bgp = createBgp(cluster, nodes, fields(at(tree, "bgp")));
  const given = new Set(pods.flatMap((p) => p.addresses));
  const dealt = new Map<string, string | undefined>();
  const tunnelIp: Calico["tunnelIp"] = (node, kind, v6) => {
    const noted = node.node.metadata.annotations[ANNOTATIONS[kind][v6 ? 1 : 0]];
    if (noted !== undefined) return bare(noted);
    const key = `${node.name} ${kind === "wireguard" ? "wireguard" : "tunnel"} ${v6}`;
    if (!dealt.has(key)) {
      const address = tunnelAddress(ipam, node.name, v6, given);
      if (address !== undefined) given.add(address);
      dealt.set(key, address);
    }
    return dealt.get(key);
  };
  const calico = { context, pools, felix, ipam, bgp, tunnelIp };
  return { ...calico, findings: () => [...findings, ...felix.findings(), ...calicoFindings(calico)] };
}

export const mtuOf = ({ context, felix }: Calico, node: string): number => {
  const facts = context.nodes.find((n) => n.name === node);
  return facts === undefined ? 1500 : felix.podMtu(facts);
};

/** The MAC of every cali device's host end, and the link-local address that follows from it. */
export const HOST_MAC = "ee:ee:ee:ee:ee:ee";
export const GATEWAY = "169.254.1.1";
export const GATEWAY6 = linkLocal(HOST_MAC);
export /** The tunnel devices of a node with Calico, and what other nodes know of them. */

const deviceOf = ({ felix }: Calico, { namespace, name }: PodFacts): string =>
  calicoDevice(namespace, name, felix.interfacePrefix);
export const uses = ({ pools }: Calico, kind: "vxlan" | "ipip", v6: boolean): boolean =>
  pools.some((p) => p[kind] !== "Never" && (p.block.family === "IPv6") === v6);

export const vxlanName = (v6: boolean): string => (v6 ? "vxlan-v6.calico" : "vxlan.calico");
export const wireguardName = (v6: boolean): string => (v6 ? "wg-v6.cali" : "wireguard.cali");
