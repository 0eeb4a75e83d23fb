/** A node with Calico: a router, with a device and a route for each of its pods. */
import { secretRoutes } from "./routes.ts";
import { bare, hostBlock, isV6 } from "../address.ts";
import type { NodeFacts } from "../nodes.ts";
import type { Device, FdbEntry, Masquerade, Neighbour, NodePart, PodFacts, Sysctl } from "../types.ts";
import { WIREGUARD_TABLE, localRoute, ownBlock, remoteRoutes } from "./routes.ts";
import { type Calico, GATEWAY6, HOST_MAC, deviceOf, mtuOf } from "./state.ts";
import { tunnelDevices, vtep } from "./tunnels.ts";

export function nodePart(calico: Calico, facts: NodeFacts): NodePart {
  const { context, felix, ipam } = calico;
  const local = context.podsOn(facts.name);
  const tunnels = tunnelDevices(calico, facts);
  const remote = context.nodes.filter((n) => n !== facts).flatMap((n) => vtep(calico, n));
  return {
    devices: [...local.map((p) => hostEnd(calico, p)), ...tunnels],
    routes: [
      ...local.flatMap((p) => p.addresses.map((a) => localRoute(calico, p, a))),
      ...ipam.affinities.flatMap(({ block, node, pool }) =>
        node === facts.name
          ? ownBlock(felix, pool, block.text, local)
          : remoteRoutes(calico, facts, block.text, node, pool),
      ),
      ...ipam.borrowed.flatMap(({ address, node }) => {
        const pool = ipam.poolOf(address);
        return node === facts.name || pool === undefined
          ? []
          : remoteRoutes(calico, facts, hostBlock(address), node, pool);
      }),
      ...secretRoutes(calico, facts),
    ],
    rules: [false, true].some(felix.wireguard)
      ? [{ priority: 99, selector: "not from all fwmark 0x100000/0x100000", table: WIREGUARD_TABLE }]
      : [],
    neighbours: [
      ...local.flatMap((p) =>
        p.addresses.map((address): Neighbour => ({
          address,
          dev: deviceOf(calico, p),
          mac: p.mac,
          state: isV6(address) ? "REACHABLE" : "PERMANENT",
        })),
      ),
      ...remote
        .filter((r) => tunnels.some((t) => t.name === r.dev))
        .map(({ address, dev, mac }): Neighbour => ({ address, dev, mac, state: "PERMANENT" })),
    ],
    fdb: remote
      .filter((r) => tunnels.some((t) => t.name === r.dev))
      .map(({ mac, dev, dst }): FdbEntry => ({ mac, dev, dst })),
    masquerade: masquerades(calico),
    sysctls: local.flatMap((p) => sysctls(deviceOf(calico, p), p)),
  };
}

function hostEnd(calico: Calico, p: PodFacts): Device {
  return {
    name: deviceOf(calico, p),
    kind: "veth",
    mtu: mtuOf(calico, p.node),
    mac: HOST_MAC,
    addresses: p.addresses.some(isV6) ? [`${GATEWAY6}/64`] : [],
    peer: { place: `pod/${p.id}`, device: "eth0" },
    says: `the node's end of the veth pair of ${p.id}; answers ARP for everything (proxy_arp)`,
  };
}

/** cali-nat-outgoing: from pools with natOutgoing, to what is in no pool. */
export function masquerades({ pools, felix, context }: Calico): Masquerade[] {
  const inside = pools
    .filter((p) => !(p.uses.length === 1 && p.uses[0] === "LoadBalancer"))
    .map((p) => p.block.text);
  const hosts = felix.excludeHosts
    ? context.nodes.flatMap((n) => n.nets.map((net) => hostBlock(bare(net))))
    : [];
  return pools
    .filter((p) => p.natOutgoing)
    .map((p) => ({
      from: p.block.text,
      except: [...inside, ...hosts],
      says: `natOutgoing of IPPool ${p.name}`,
    }));
}

export function sysctls(device: string, { addresses }: PodFacts): Sysctl[] {
  const v4 = addresses.some((a) => !isV6(a));
  const v6 = addresses.some(isV6);
  return [
    ...(v4
      ? [
          { key: `net.ipv4.conf.${device}.route_localnet`, value: "1" },
          { key: `net.ipv4.neigh.${device}.proxy_delay`, value: "0" },
          { key: `net.ipv4.conf.${device}.proxy_arp`, value: "1" },
          { key: `net.ipv4.conf.${device}.forwarding`, value: "1" },
        ]
      : []),
    ...(v6
      ? [
          { key: `net.ipv6.conf.${device}.proxy_ndp`, value: "1" },
          { key: `net.ipv6.conf.${device}.forwarding`, value: "1" },
        ]
      : []),
  ];
}
