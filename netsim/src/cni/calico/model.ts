/** Calico: each pod a point-to-point link with proxy ARP, each node a router; blocks of addresses go by BGP, VXLAN or IP in IP. */
import { covers, hostBlock, isV6 } from "../address.ts";
import type { Context } from "../network.ts";
import type { BgpReport, Device, Fabric, Model, Neighbour, PodFacts, PodPart, Route } from "../types.ts";
import type { Speaker } from "./bgp.ts";
import { calicoCreation } from "./creation.ts";
import { nodePart } from "./node.ts";
import { type Calico, GATEWAY, GATEWAY6, HOST_MAC, deviceOf, mtuOf, readCalico } from "./state.ts";

export function calicoModel(context: Context): Model {
  const calico = readCalico(context);
  const { pools, felix, ipam, bgp } = calico;
  return {
    cni: "calico",
    findings: calico.findings,
    replacesKubeProxy: felix.bpf,
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
    nodeRanges: () =>
      ipam.affinities.map(({ block, node, pool, from }) => ({
        range: block.text,
        node,
        pool: pool.name,
        from,
        borrowed: ipam.borrowed
          .filter((b) => b.owner === node && covers(block.text, b.address))
          .map((b) => b.address),
      })),
    bgp: () => reportOf(calico),
    podRanges: () => pools.map((p) => p.block.text),
    creation: (facts) =>
      calicoCreation(calico, facts, {
        device: deviceOf(calico, facts),
        mtu: mtuOf(calico, facts.node),
        felix,
      }),
  };
}

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

function reportOf({ bgp, ipam, context }: Calico): BgpReport {
  const end = ({ name, as, clusterId }: Speaker) => ({ name, as, routeReflector: clusterId ?? null });
  return {
    sessions: bgp.sessions.map(({ a, b, v6, kind, by }) => ({
      ends: [end(a), end(b)],
      family: v6 ? "IPv6" : "IPv4",
      kind,
      by,
    })),
    routes: context.nodes.flatMap((n) =>
      ipam.affinities
        .filter((a) => a.node !== n.name)
        .map(({ block, node }) => ({
          node: n.name,
          prefix: block.text,
          origin: node,
          from: bgp.learned(n.name, node, block.family === "IPv6") ?? null,
        })),
    ),
  };
}
