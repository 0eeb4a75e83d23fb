/** Calico: each pod a point-to-point link with proxy ARP, each node a router; blocks of addresses go by BGP, VXLAN or IP in IP. */
import { bare, calicoDevice, calicoTunnelMac, hostBlock, isV6, linkLocal } from "../address.ts";
import { clusterCidrs } from "../ranges.ts";
import { at, settingsOf } from "../settings.ts";
import { fields } from "../fields.ts";
import type { Context } from "../network.ts";
import { addressOf, sameSubnet, type NodeFacts } from "../nodes.ts";
import type {
  Device,
  Fabric,
  FdbEntry,
  Finding,
  Masquerade,
  Model,
  Neighbour,
  NodePart,
  PodFacts,
  PodPart,
  Route,
  Sysctl,
} from "../types.ts";
import { createBgp, type Bgp } from "./bgp.ts";
import { calicoCreation } from "./creation.ts";
import { calicoFindings } from "./findings.ts";
import { readFelix, type Felix } from "./felix.ts";
import { createIpam, tunnelAddress, type Ipam } from "./ipam.ts";
import { readPools, type Pool } from "./pools.ts";

/** The MAC of every cali device's host end, and the link-local address that follows from it. */
export const HOST_MAC = "ee:ee:ee:ee:ee:ee";
export const GATEWAY = "169.254.1.1";
export const GATEWAY6 = linkLocal(HOST_MAC);
const FELIX_PROTO = "80";
const WIREGUARD_TABLE = "1";

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

export const deviceOf = ({ felix }: Calico, { namespace, name }: PodFacts): string =>
  calicoDevice(namespace, name, felix.interfacePrefix);
const uses = ({ pools }: Calico, kind: "vxlan" | "ipip", v6: boolean): boolean =>
  pools.some((p) => p[kind] !== "Never" && (p.block.family === "IPv6") === v6);

export function calicoModel(context: Context): Model {
  const calico = readCalico(context);
  const { pools, felix, ipam, bgp } = calico;
  return {
    cni: "calico",
    findings: calico.findings,
    node: (facts) => nodePart(calico, facts),
    pod: (facts) => podPart(calico, facts),
    fabricRoutes: () =>
      ipam.affinities.flatMap(({ block, node, pool }) => {
        const session = pool.disableBGPExport ? undefined : bgp.knownOutside(node, block.family === "IPv6");
        const peer = session === undefined ? "" : session.a.node ? session.b.name : session.a.name;
        return session === undefined
          ? []
          : [{ to: block.text, node, says: `learned by BGP (${session.by}, ${peer})` }];
      }),
    fabricTo: (address) => fabricOf(calico, address),
    podRanges: () => pools.map((p) => p.block.text),
    creation: (facts) =>
      calicoCreation(calico, facts, {
        device: deviceOf(calico, facts),
        mtu: mtuOf(calico, facts.node),
        felix,
      }),
  };
}

export const mtuOf = ({ context, felix }: Calico, node: string): number => {
  const facts = context.nodes.find((n) => n.name === node);
  return facts === undefined ? 1500 : felix.podMtu(facts);
};

function fabricOf({ ipam, felix, context }: Calico, address: string): Fabric {
  const pool = ipam.poolOf(address);
  const encrypted = felix.wireguard(isV6(address));
  const encapsulation =
    pool === undefined ? "none" : pool.vxlan !== "Never" ? "vxlan" : pool.ipip !== "Never" ? "ipip" : "none";
  return {
    encapsulation: encrypted ? "wireguard" : encapsulation,
    crossSubnet: pool?.vxlan === "CrossSubnet" || pool?.ipip === "CrossSubnet",
    encrypted,
    mtu: Math.min(...context.nodes.map((n) => felix.podMtu(n)), 65_535),
    natOutgoing: pool?.natOutgoing ?? false,
    ...(pool !== undefined && { by: pool.by }),
  };
}

function nodePart(calico: Calico, facts: NodeFacts): NodePart {
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

const localRoute = (calico: Calico, p: PodFacts, address: string): Route => ({
  to: hostBlock(address),
  dev: deviceOf(calico, p),
  ...(isV6(address) ? { metric: 1024 } : { scope: "link" as const }),
  says: p.id,
});

/** The node's own block: what of it no pod has goes nowhere, and not to the default gateway. */
function ownBlock(felix: Felix, pool: Pool, block: string, local: readonly PodFacts[]): Route[] {
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
function remoteRoutes(calico: Calico, from: NodeFacts, block: string, target: string, pool: Pool): Route[] {
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

const onLink = (from: NodeFacts, address: string, nodes: readonly NodeFacts[]): boolean =>
  from.gateways.includes(address) ||
  nodes.some(
    (n) => n !== from && addressOf(n, isV6(address)) === address && sameSubnet(from, n, isV6(address)),
  );

const vxlanName = (v6: boolean): string => (v6 ? "vxlan-v6.calico" : "vxlan.calico");
const wireguardName = (v6: boolean): string => (v6 ? "wg-v6.cali" : "wireguard.cali");

function tunnelDevices(calico: Calico, facts: NodeFacts): Device[] {
  const { felix, context } = calico;
  const devices: Device[] = [];
  for (const v6 of [false, true]) {
    const local = addressOf(facts, v6);
    if (local === undefined) continue;
    const own = (kind: "vxlan" | "ipip" | "wireguard"): string[] => {
      const address = calico.tunnelIp(facts, kind, v6);
      return address === undefined ? [] : [hostBlock(address)];
    };
    if (uses(calico, "vxlan", v6))
      devices.push({
        name: vxlanName(v6),
        kind: "vxlan",
        mtu: felix.tunnelMtu("vxlan", facts, v6),
        mac: calicoTunnelMac(v6 ? `${facts.name}-v6` : facts.name),
        addresses: own("vxlan"),
        tunnel: {
          kind: "vxlan",
          local,
          port: felix.vxlanPort,
          vni: felix.vxlanVni,
          lower: facts.card,
          learning: false,
        },
        says: `VXLAN: the frame goes in UDP to port ${felix.vxlanPort} of the other node`,
      });
    if (!v6 && uses(calico, "ipip", v6))
      devices.push({
        name: "tunl0",
        kind: "ipip",
        mtu: felix.tunnelMtu("ipip", facts, v6),
        addresses: own("ipip"),
        tunnel: { kind: "ipip", local },
        says: "IP in IP: a second IP header, from node to node",
      });
    if (felix.wireguard(v6))
      devices.push({
        name: wireguardName(v6),
        kind: "wireguard",
        mtu: felix.tunnelMtu("wireguard", facts, v6),
        addresses: own("wireguard"),
        tunnel: {
          kind: "wireguard",
          local,
          port: felix.wireguardPort(v6),
          peers: context.nodes.flatMap((n) => {
            const endpoint = n === facts ? undefined : addressOf(n, v6);
            return endpoint === undefined
              ? []
              : [{ node: n.name, endpoint, allowed: allowedOf(calico, n, v6) }];
          }),
        },
        says: "WireGuard: encrypted, in UDP to the other node",
      });
  }
  return devices;
}

/** The blocks and borrowed addresses of a node: its peers' allowed IPs. */
const allowedOf = ({ ipam }: Calico, { name }: NodeFacts, v6: boolean): string[] => [
  ...ipam.affinities
    .filter((a) => a.node === name && (a.block.family === "IPv6") === v6)
    .map((a) => a.block.text),
  ...ipam.borrowed.filter((b) => b.node === name && isV6(b.address) === v6).map((b) => hostBlock(b.address)),
];

/** Policy routing's table for WireGuard: other nodes' blocks; `throw` sends this node's own back to the main table. */
function secretRoutes(calico: Calico, facts: NodeFacts): Route[] {
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

/** What other nodes must know of a node's VXLAN devices: the route's gateway, its MAC, the node's own address. */
function vtep(calico: Calico, node: NodeFacts) {
  return [false, true].flatMap((v6) => {
    const dst = addressOf(node, v6);
    const address = uses(calico, "vxlan", v6) ? calico.tunnelIp(node, "vxlan", v6) : undefined;
    if (dst === undefined || address === undefined) return [];
    return [{ address, dst, dev: vxlanName(v6), mac: calicoTunnelMac(v6 ? `${node.name}-v6` : node.name) }];
  });
}

/** cali-nat-outgoing: from pools with natOutgoing, to what is in no pool. */
function masquerades({ pools, felix, context }: Calico): Masquerade[] {
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

function sysctls(device: string, { addresses }: PodFacts): Sysctl[] {
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

function podPart(calico: Calico, p: PodFacts): PodPart {
  const eth0: Device = {
    name: "eth0",
    kind: "veth",
    mtu: mtuOf(calico, p.node),
    mac: p.mac,
    addresses: p.addresses.map(hostBlock),
    peer: { place: `node/${p.node}`, device: deviceOf(calico, p) },
    says: `the card of ${p.id}, one end of a veth pair`,
  };
  return {
    devices: [eth0],
    routes: p.addresses.flatMap((a): Route[] =>
      isV6(a)
        ? [{ to: "default", via: GATEWAY6, dev: "eth0", metric: 1024 }]
        : [
            { to: "default", via: GATEWAY, dev: "eth0" },
            { to: hostBlock(GATEWAY), dev: "eth0", scope: "link" },
          ],
    ),
    neighbours: p.addresses.map((a): Neighbour => ({
      address: isV6(a) ? GATEWAY6 : GATEWAY,
      dev: "eth0",
      mac: HOST_MAC,
      state: "REACHABLE",
    })),
    sysctls: [{ key: "net.ipv4.ip_forward", value: "0" }],
  };
}
