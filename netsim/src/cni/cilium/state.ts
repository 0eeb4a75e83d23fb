/** What all parts of Cilium's model share: the configuration, the nodes' ranges and gateways, MTUs. */
import { blockOf, ciliumDevice, covers, isV6, nth, parseBlock, sha256Hex } from "../address.ts";
import type { Context } from "../network.ts";
import { type NodeFacts, addressOf } from "../nodes.ts";
import type { PodFacts } from "../types.ts";
import { type CiliumConfig, ciliumInternal, ciliumNodeRanges, readCilium } from "./config.ts";

/** Octets that the agent reckons for headers (pkg/mtu); WireGuard's and IPsec's are upper bounds. */
export const OVERHEAD = { tunnel: 50, tunnel6: 70, wireguard: 80, ipsec: 77 } as const;
export const WIREGUARD_PORT = 51_871;
export const HOST = "cilium_host";

export interface Cilium {
  readonly context: Context;
  readonly config: CiliumConfig;
  rangesOf(node: string): readonly string[];
  /** The pods' gateway: the address of cilium_host. */
  router(node: string, v6: boolean): string | undefined;
  deviceMtu(node: NodeFacts): number;
  routeMtu(node: NodeFacts): number;
}

export const lxcOf = ({ sandbox }: PodFacts): string => ciliumDevice(sandbox);

export function createCilium(context: Context): Cilium {
  const { cluster, options, nodes, podsOn } = context;
  const config = readCilium(
    cluster,
    options,
    nodes.length === 0 || nodes.some((n) => addressOf(n, false) !== undefined),
  );
  const dealt = ciliumNodeRanges(cluster);
  const ranges = new Map(
    nodes.map((n) => [n.name, dealt.get(n.name) ?? rangesBy(n, podsOn(n.name), config)]),
  );
  const routers = new Map<string, string | undefined>();
  const router: Cilium["router"] = (node, v6) => {
    const key = `${node} ${v6}`;
    if (!routers.has(key)) routers.set(key, routerOf(context, node, ranges.get(node) ?? [], v6));
    return routers.get(key);
  };
  const deviceMtu = (node: NodeFacts): number => config.mtu ?? node.mtu;
  const secret = config.encryption === undefined ? 0 : OVERHEAD[config.encryption];
  const cost =
    (config.tunnel === undefined ? 0 : config.underlay6 ? OVERHEAD.tunnel6 : OVERHEAD.tunnel) + secret;
  return {
    context,
    config,
    rangesOf: (node) => ranges.get(node) ?? [],
    router,
    deviceMtu,
    routeMtu: (node) => deviceMtu(node) - cost,
  };
}

/** Without CiliumNodes: the node's podCIDRs where its pods are in them, else blocks of the pool's mask around its pods. */
function rangesBy(node: NodeFacts, pods: readonly PodFacts[], config: CiliumConfig): readonly string[] {
  const addresses = pods.flatMap((p) => p.addresses);
  const own = node.podCIDRs.flatMap((c) => parseBlock(c)?.text ?? []);
  const stray = addresses.filter((a) => !own.some((r) => covers(r, a)));
  if (stray.length === 0) return own;
  return [...new Set(addresses.flatMap((a) => blockOf(a, config.maskSize(isV6(a)))?.text ?? []))];
}

export function routerOf(
  { cluster, podsOn }: Context,
  node: string,
  ranges: readonly string[],
  v6: boolean,
): string | undefined {
  const given = ciliumInternal(cluster, node).find((ip) => isV6(ip) === v6);
  const range = ranges.find((r) => isV6(r) === v6);
  const block = range === undefined ? undefined : parseBlock(range);
  if (given !== undefined || block === undefined) return given;
  const taken = new Set(podsOn(node).flatMap((p) => p.addresses));
  for (let i = 1; i < 1 << 12; i++) {
    const address = nth(block, i);
    if (address === undefined || !taken.has(address)) return address;
  }
  return undefined;
}

/** The address that a node's tunnels begin and end at. */
export const underlayOf = (config: CiliumConfig, node: NodeFacts): string | undefined =>
  addressOf(node, config.underlay6);

/** A real identity is dealt by the first who asks for the labels; here a number that follows from them. */
export function identityOf({ namespace, pod }: PodFacts): number {
  const labels = Object.entries({ ...pod.metadata.labels, "io.kubernetes.pod.namespace": namespace }).sort(
    ([a], [b]) => (a < b ? -1 : 1),
  );
  return 256 + (Number.parseInt(sha256Hex(JSON.stringify(labels)).slice(0, 8), 16) % 65_280);
}
