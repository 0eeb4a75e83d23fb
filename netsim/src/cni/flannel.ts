/** Flannel: a bridge (cni0) on each node, and one subnet a node carried by VXLAN, host routes, WireGuard or IP in IP. */
import { podCidrRanges } from "./ranges.ts";
import { bare, hostBlock, isV6, macOf, parseBlock } from "./address.ts";
import { type BridgeSettings, bridgeCreation, bridgeOn, podOnBridge } from "./bridge.ts";
import { text } from "./fields.ts";
import { type Backend, type Flannel, parsed, readFlannel } from "./flannel-settings.ts";
import type { Context } from "./network.ts";
import { type NodeFacts, addressOf, sameSubnet } from "./nodes.ts";
import type { Device, Fabric, FdbEntry, Masquerade, Model, Neighbour, Route } from "./types.ts";

/** What flannel subtracts, whatever the family: backends' constants. */
const OVERHEAD: Readonly<Record<Backend, number>> = { vxlan: 50, "host-gw": 0, wireguard: 80, ipip: 20 };
const PREFIX = "flannel.alpha.coreos.com";

export function flannelModel(context: Context): Model {
  const flannel = readFlannel(context);
  const { podsOn, nodes } = context;
  const byName = new Map(nodes.map((n) => [n.name, n]));
  const mtuOf = (node: NodeFacts | undefined): number =>
    (flannel.cardMtu ?? node?.mtu ?? 1500) - OVERHEAD[flannel.backend];
  const settings = (name: string): BridgeSettings => {
    const node = byName.get(name);
    return { bridge: "cni0", mtu: mtuOf(node), hairpin: true, ranges: node?.podCIDRs ?? [] };
  };
  return {
    cni: "flannel",
    findings: flannel.findings,
    replacesKubeProxy: false,
    node(facts) {
      const bridge = bridgeOn(facts.name, podsOn(facts.name), settings(facts.name));
      const between = betweenNodes(flannel, facts, mtuOf(facts));
      return {
        ...bridge,
        ...between,
        devices: [...between.devices, ...bridge.devices],
        routes: [...bridge.routes, ...between.routes],
        neighbours: [...bridge.neighbours, ...between.neighbours],
        fdb: [...bridge.fdb, ...between.fdb],
        masquerade: masquerades(flannel, facts),
      };
    },
    pod: (facts) =>
      podOnBridge(facts, podsOn(facts.node), settings(facts.node), (via) =>
        flannel.networks
          .filter((n) => isV6(n) === isV6(via))
          .map((to): Route => ({ to, via, dev: "eth0", ...(isV6(to) && { metric: 1024 }) })),
      ),
    fabricRoutes: () => [],
    fabricTo: () => fabricOf(flannel, Math.min(...nodes.map(mtuOf), 65_535)),
    nodeRanges: () => podCidrRanges(nodes),
    podRanges: () => [...new Set([...flannel.networks, ...nodes.flatMap((n) => n.podCIDRs)])],
    creation: (facts) =>
      bridgeCreation(facts, settings(facts.node), {
        file: "/etc/cni/net.d/10-flannel.conflist",
        content: {
          cniVersion: "1.1.0",
          name: "cbr0",
          plugins: [
            {
              type: "flannel",
              delegate: { hairpinMode: true, isDefaultGateway: true, mtu: settings(facts.node).mtu },
            },
            { type: "portmap", capabilities: { portMappings: true } },
          ],
        },
      }),
  };
}

const fabricOf = ({ backend, direct, by }: Flannel, mtu: number): Fabric => ({
  encapsulation: backend === "host-gw" ? "none" : backend,
  crossSubnet: backend === "vxlan" || backend === "ipip" ? direct : false,
  encrypted: backend === "wireguard",
  mtu,
  natOutgoing: true,
  ...(by !== undefined && { by }),
});

/** From the whole network to outside it; neither packets between pods of the network, nor what comes in from outside, is touched. */
const masquerades = ({ networks }: Flannel, _facts: NodeFacts): Masquerade[] =>
  networks.map((from) => ({
    from,
    except: networks.filter((n) => isV6(n) === isV6(from)),
    says: "FLANNEL-POSTRTG (--ip-masq)",
  }));

const nameOf = ({ backend, vni }: Flannel, v6: boolean): string =>
  backend === "vxlan"
    ? `flannel${v6 ? "-v6" : ""}.${vni}`
    : backend === "wireguard"
      ? `flannel-wg${v6 ? "-v6" : ""}`
      : "flannel.ipip";

/** The MAC of flannel.1: the annotation that flanneld leaves on the Node, else one that follows from the name. */
function macOfTunnel(node: NodeFacts, v6: boolean): string {
  const noted = parsed(node.node.metadata.annotations[`${PREFIX}/backend-${v6 ? "v6-" : ""}data`])["VtepMAC"];
  return text(noted) ?? macOf(`flannel ${v6} ${node.name}`);
}

const publicIp = (node: NodeFacts, v6: boolean): string | undefined =>
  node.node.metadata.annotations[`${PREFIX}/public-ip${v6 ? "v6" : ""}`] ?? addressOf(node, v6);

const subnet = (node: NodeFacts, v6: boolean): string | undefined =>
  node.podCIDRs.find((r) => isV6(r) === v6 && parseBlock(r) !== undefined);

function betweenNodes(flannel: Flannel, facts: NodeFacts, mtu: number) {
  const devices: Device[] = [];
  const routes: Route[] = [];
  const neighbours: Neighbour[] = [];
  const fdb: FdbEntry[] = [];
  for (const v6 of [false, true]) {
    const local = publicIp(facts, v6);
    const own = subnet(facts, v6);
    if (local === undefined || own === undefined) continue;
    const dev = nameOf(flannel, v6);
    const device = tunnelDevice(flannel, facts, v6, local, bare(own), mtu);
    if (device !== undefined) devices.push(device);
    if (device?.kind === "wireguard")
      routes.push(
        ...flannel.networks
          .filter((n) => isV6(n) === v6)
          .map((to): Route => ({ to, dev, ...(v6 ? { metric: 1024 } : { scope: "link" as const }) })),
      );
    for (const other of flannel.context.nodes) {
      const to = subnet(other, v6);
      const address = publicIp(other, v6);
      if (other === facts || to === undefined || address === undefined) continue;
      const near = sameSubnet(facts, other, v6);
      const metric = v6 ? { metric: 1024 } : {};
      const says = `node ${other.name}`;
      const straight = flannel.backend === "host-gw" || (flannel.direct && device?.kind !== "wireguard");
      if (straight && near) routes.push({ to, via: address, dev: facts.card, ...metric, says });
      else if (device?.kind === "vxlan") {
        const mac = macOfTunnel(other, v6);
        routes.push({ to, via: bare(to), dev, onlink: true, ...metric, says });
        neighbours.push({ address: bare(to), dev, mac, state: "PERMANENT" });
        fdb.push({ mac, dev, dst: address });
      } else if (device?.kind === "ipip") routes.push({ to, via: address, dev, onlink: true, says });
    }
  }
  return { devices, routes, neighbours, fdb };
}

function tunnelDevice(
  flannel: Flannel,
  facts: NodeFacts,
  v6: boolean,
  local: string,
  first: string,
  mtu: number,
): Device | undefined {
  const { backend, vni, port, context } = flannel;
  const base = { name: nameOf(flannel, v6), mtu, addresses: [hostBlock(first)] };
  if (backend === "vxlan")
    return {
      ...base,
      kind: "vxlan",
      mac: macOfTunnel(facts, v6),
      tunnel: { kind: "vxlan", local, port, vni, lower: facts.card, learning: false },
      says: `VXLAN: the frame goes in UDP to port ${port} of the other node`,
    };
  if (backend === "ipip" && !v6)
    return {
      ...base,
      kind: "ipip",
      tunnel: { kind: "ipip", local },
      says: "IP in IP: a second IP header, from node to node",
    };
  if (backend !== "wireguard") return undefined;
  const peers = context.nodes.flatMap((n) => {
    const endpoint = n === facts ? undefined : publicIp(n, v6);
    const allowed = subnet(n, v6);
    return endpoint === undefined || allowed === undefined
      ? []
      : [{ node: n.name, endpoint, allowed: [allowed] }];
  });
  return {
    ...base,
    kind: "wireguard",
    tunnel: { kind: "wireguard", local, port: v6 ? 51_821 : 51_820, peers },
    says: "WireGuard: encrypted, in UDP to the other node",
  };
}
