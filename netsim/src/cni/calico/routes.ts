/** The routes of a node with Calico: to its own pods, to other nodes' blocks, and WireGuard's table. */
import { hostBlock, isV6 } from "../address.ts";
import { type NodeFacts, addressOf, sameSubnet } from "../nodes.ts";
import type { PodFacts, Route } from "../types.ts";
import type { Felix } from "./felix.ts";
import type { Pool } from "./pools.ts";
import { type Calico, deviceOf, vxlanName, wireguardName } from "./state.ts";

const FELIX_PROTO = "80";
export const WIREGUARD_TABLE = "1";

export const localRoute = (calico: Calico, p: PodFacts, address: string): Route => ({
  to: hostBlock(address),
  dev: deviceOf(calico, p),
  ...(isV6(address) ? { metric: 1024 } : { scope: "link" as const }),
  says: p.id,
});

/** The node's own block: what of it no pod has goes nowhere, and not to the default gateway. */
export function ownBlock(felix: Felix, pool: Pool, block: string, local: readonly PodFacts[]): Route[] {
  if (local.some((p) => p.addresses.some((a) => hostBlock(a) === block))) return [];
  const byFelix =
    pool.vxlan !== "Never" || (pool.ipip !== "Never" ? felix.programs.ipip : felix.programs.none);
  return [
    {
      to: block,
      type: "blackhole",
      proto: byFelix ? FELIX_PROTO : "bird",
      ...(isV6(block) && { metric: 1024 }),
      says: "no pod of this node has the address",
    },
  ];
}

/** The route to a block of another node, as the pool's mode has it; none where BGP is needed and does not bring it. */
export function remoteRoutes(
  calico: Calico,
  from: NodeFacts,
  block: string,
  target: string,
  pool: Pool,
): Route[] {
  const { context, felix, bgp } = calico;
  const v6 = isV6(block);
  const to = context.nodes.find((n) => n.name === target);
  const address = to === undefined ? undefined : addressOf(to, v6);
  if (to === undefined || address === undefined) return [];
  const near = sameSubnet(from, to, v6);
  const metric = v6 ? { metric: 1024 } : {};
  const says = `node ${target}`;
  if (pool.vxlan === "Always" || (pool.vxlan === "CrossSubnet" && !near)) {
    const via = calico.tunnelIp(to, "vxlan", v6);
    return via === undefined ? [] : [{ to: block, via, dev: vxlanName(v6), onlink: true, ...metric, says }];
  }
  if (pool.vxlan === "CrossSubnet")
    return [{ to: block, via: address, dev: from.card, proto: FELIX_PROTO, ...metric, says }];
  const byFelix = pool.ipip !== "Never" ? felix.programs.ipip : felix.programs.none;
  const through = bgp.learned(from.name, target, v6);
  if (!byFelix && through === undefined) return [];
  const proto = byFelix ? FELIX_PROTO : "bird";
  if (pool.ipip === "Always" || (pool.ipip === "CrossSubnet" && !near))
    return [{ to: block, via: address, dev: "tunl0", proto, onlink: true, says }];
  const next = byFelix ? address : nextHop(calico, from, through ?? "", address, v6);
  const via =
    near && next === address
      ? address
      : onLink(from, next, context.nodes)
        ? next
        : from.gateways.find((g) => isV6(g) === v6);
  if (via === undefined || (byFelix && !near)) return [];
  const heard = through === target || through === undefined ? "" : `, learned through ${through}`;
  return [{ to: block, via, dev: from.card, proto, ...metric, says: `${says}${heard}` }];
}

/** EBGP announces the speaker itself as the next hop, IBGP leaves it as it is (RFC 4271, 5.1.3). */
function nextHop(
  { bgp, context }: Calico,
  from: NodeFacts,
  through: string,
  origin: string,
  v6: boolean,
): string {
  const session = bgp.sessions.find(
    (s) => s.v6 === v6 && [s.a.name, s.b.name].includes(from.name) && [s.a.name, s.b.name].includes(through),
  );
  if (session?.kind !== "ebgp") return origin;
  const node = context.nodes.find((n) => n.name === through);
  return node === undefined ? through : (addressOf(node, v6) ?? origin);
}

export const onLink = (from: NodeFacts, address: string, nodes: readonly NodeFacts[]): boolean =>
  from.gateways.includes(address) ||
  nodes.some(
    (n) => n !== from && addressOf(n, isV6(address)) === address && sameSubnet(from, n, isV6(address)),
  );

/** The blocks and borrowed addresses of a node: its peers' allowed IPs. */
export const allowedOf = ({ ipam }: Calico, { name }: NodeFacts, v6: boolean): string[] => [
  ...ipam.affinities
    .filter((a) => a.node === name && (a.block.family === "IPv6") === v6)
    .map((a) => a.block.text),
  ...ipam.borrowed.filter((b) => b.node === name && isV6(b.address) === v6).map((b) => hostBlock(b.address)),
];

/** Policy routing's table for WireGuard: other nodes' blocks; `throw` sends this node's own back to the main table. */
export function secretRoutes(calico: Calico, facts: NodeFacts): Route[] {
  return [false, true].flatMap((v6) => {
    if (!calico.felix.wireguard(v6) || addressOf(facts, v6) === undefined) return [];
    return calico.context.nodes.flatMap((n) =>
      allowedOf(calico, n, v6).map((to): Route =>
        n === facts
          ? { to, type: "throw", table: WIREGUARD_TABLE }
          : {
              to,
              dev: wireguardName(v6),
              table: WIREGUARD_TABLE,
              ...(v6 ? { metric: 1024 } : { scope: "link" as const }),
              says: `node ${n.name}`,
            },
      ),
    );
  });
}
