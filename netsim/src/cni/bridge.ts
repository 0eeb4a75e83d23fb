/**
 * A bridge on each node (cbr0 of kubenet, cni0 of the bridge plugin) with addresses of the node's pod range, as the plugins
 * `bridge` and `host-local` make it. Between nodes: a route for each pod range, in the nodes of the subnet and in the routers.
 */
import type { Cluster } from "../model/types.ts";
import { bare, covers, isV6, macOf, nth, parseAddress, parseBlock, sha256Hex } from "./address.ts";
import type { Context } from "./network.ts";
import { addressOf, sameSubnet, type NodeFacts } from "./nodes.ts";
import { clusterCidrs, podCidrRanges } from "./ranges.ts";
import type {
  Creation,
  Device,
  FdbEntry,
  Finding,
  Model,
  Neighbour,
  NodePart,
  PodFacts,
  PodPart,
  Route,
} from "./types.ts";

/** The random part of the name of a veth pair, made from the sandbox. */
const vethOf = ({ sandbox }: PodFacts): string => `veth${sha256Hex(`veth ${sandbox}`).slice(0, 8)}`;
const bridgeMac = (bridge: string, node: string): string => macOf(`${bridge} ${node}`);

export interface BridgeSettings {
  readonly bridge: string;
  readonly mtu: number;
  readonly hairpin: boolean;
  /** The ranges of the node, a family each. */
  readonly ranges: readonly string[];
}

/** The first address of the range: host-local's gateway, and the bridge's own. */
const gatewayOf = (range: string): string => nth(parseBlock(range)!, 1) ?? bare(range);
const bitsOf = (range: string): string => range.split("/")[1] ?? "";
const usable = (ranges: readonly string[]): readonly string[] =>
  ranges.filter((r) => parseBlock(r) !== undefined);

/** The bridge, its ports and what it has learned; nothing between nodes. */
export function bridgeOn(node: string, pods: readonly PodFacts[], settings: BridgeSettings): NodePart {
  const { bridge, mtu, hairpin } = settings;
  const ranges = usable(settings.ranges);
  const device: Device = {
    name: bridge,
    kind: "bridge",
    mtu,
    mac: bridgeMac(bridge, node),
    addresses: ranges.map((r) => `${gatewayOf(r)}/${bitsOf(r)}`),
    says: `the bridge of node ${node}: finds the port by the MAC address`,
  };
  const ports = pods.map((p): Device => ({
    name: vethOf(p),
    kind: "veth",
    mtu,
    mac: macOf(`veth ${p.id}`),
    addresses: [],
    master: bridge,
    peer: { place: `pod/${p.id}`, device: "eth0" },
    hairpin,
    says: `the node's end of the veth pair of ${p.id}`,
  }));
  const learned = pods.map((p): FdbEntry => ({ mac: p.mac, dev: vethOf(p), master: bridge, learned: true }));
  const own = ports.map((d): FdbEntry => ({ mac: d.mac!, dev: d.name, master: bridge }));
  const neighbours = pods.flatMap((p) =>
    p.addresses.map((address): Neighbour => ({ address, dev: bridge, mac: p.mac, state: "REACHABLE" })),
  );
  return {
    devices: [device, ...ports],
    routes: [],
    neighbours,
    fdb: [...learned, ...own],
    masquerade: [],
    sysctls: [],
  };
}

/** A pod behind a bridge: in the node's subnet, with the bridge as its gateway, and the other pods of the node beside it. */
export function podOnBridge(
  facts: PodFacts,
  others: readonly PodFacts[],
  settings: BridgeSettings,
  more: (gateway: string) => readonly Route[] = () => [],
): PodPart {
  const ranges = usable(settings.ranges);
  const mine = facts.addresses.map((a) => ({ address: a, range: ranges.find((r) => covers(r, a)) }));
  const eth0: Device = {
    name: "eth0",
    kind: "veth",
    mtu: settings.mtu,
    mac: facts.mac,
    addresses: mine.map(
      ({ address, range }) =>
        `${address}/${range === undefined ? (isV6(address) ? 128 : 32) : bitsOf(range)}`,
    ),
    peer: { place: `node/${facts.node}`, device: vethOf(facts) },
    says: `the card of ${facts.id}, one end of a veth pair`,
  };
  const gateways = mine.flatMap(({ range }) => (range === undefined ? [] : [gatewayOf(range)]));
  const mac = bridgeMac(settings.bridge, facts.node);
  return {
    devices: [eth0],
    routes: [
      ...gateways.map((via): Route => ({ to: "default", via, dev: "eth0" })),
      ...gateways.flatMap(more),
    ],
    neighbours: [
      ...gateways.map((address): Neighbour => ({ address, dev: "eth0", mac, state: "REACHABLE" })),
      ...others
        .filter((o) => o.id !== facts.id)
        .flatMap((o) =>
          o.addresses.map((address): Neighbour => ({ address, dev: "eth0", mac: o.mac, state: "REACHABLE" })),
        ),
    ],
    sysctls: [],
  };
}

/** host-local's decision, and what a bridge plugin does beside. */
export function bridgeCreation(
  facts: PodFacts,
  settings: BridgeSettings,
  configList: Creation["configList"],
): Creation {
  const ranges = usable(settings.ranges);
  const gateways = Object.fromEntries(ranges.map((r) => [isV6(r) ? "IPv6" : "IPv4", gatewayOf(r)]));
  const file = (address: string): string =>
    `/var/lib/cni/networks/${String(configList.content["name"])}/${address}`;
  return {
    configList,
    ipam: {
      actor: "host-local",
      action: "IPAM",
      says: `takes ${facts.addresses.join(" and ")} of the node's range ${ranges.join(", ")}: the next free address after the last one given; a file remembers it`,
      object: facts.addresses.map((a) => ({ file: file(a), content: `${facts.sandbox}\neth0` })),
    },
    gateways,
    routes: [],
    further: [
      {
        actor: "bridge",
        action: "port",
        says: `${vethOf(facts)} becomes a port of ${settings.bridge}${settings.hairpin ? ", hairpin on, so that a pod reaches itself through a Service" : ""}; the bridge is ${Object.values(gateways).join(" and ")}`,
        object: { device: vethOf(facts), master: settings.bridge, hairpin: settings.hairpin },
      },
    ],
  };
}

/** Routes to the pod ranges of the nodes on the same link, by these nodes' own addresses. */
export function directRoutes(from: NodeFacts, nodes: readonly NodeFacts[]): Route[] {
  return nodes.flatMap((to) =>
    to === from
      ? []
      : usable(to.podCIDRs).flatMap((range): Route[] => {
          const via = addressOf(to, isV6(range));
          return via !== undefined && sameSubnet(from, to, isV6(range))
            ? [{ to: range, via, dev: from.card, says: `node ${to.name}` }]
            : [];
        }),
  );
}

const KUBENET = "cbr0";

export function bridgeModel(context: Context): Model {
  const { nodes, podsOn, cluster, options } = context;
  const ranges = clusterCidrs(cluster, options, nodes);
  const byName = new Map(nodes.map((n) => [n.name, n]));
  const settingsOf = (node: string): BridgeSettings => {
    const facts = byName.get(node);
    return { bridge: KUBENET, mtu: facts?.mtu ?? 1500, hairpin: true, ranges: facts?.podCIDRs ?? [] };
  };
  return {
    cni: "bridge",
    findings: () => missingRanges(cluster, nodes),
    replacesKubeProxy: false,
    node(facts) {
      const part = bridgeOn(facts.name, podsOn(facts.name), settingsOf(facts.name));
      return {
        ...part,
        routes: [...part.routes, ...directRoutes(facts, nodes)],
        masquerade: facts.podCIDRs.map((from) => ({
          from,
          except: ranges,
          says: "ip-masq: what leaves the pods' ranges gets the node's address",
        })),
      };
    },
    pod: (facts) => podOnBridge(facts, podsOn(facts.node), settingsOf(facts.node)),
    fabricRoutes: () =>
      nodes.flatMap((n) =>
        usable(n.podCIDRs).map((to) => ({
          to,
          node: n.name,
          says: "the network's route table: a route for each node's pod range",
        })),
      ),
    fabricTo: () => ({
      encapsulation: "none",
      crossSubnet: false,
      encrypted: false,
      mtu: Math.min(...nodes.map((n) => n.mtu), 65_535),
      natOutgoing: true,
    }),
    podRanges: () => ranges,
    nodeRanges: () => podCidrRanges(nodes),
    creation: (facts) =>
      bridgeCreation(facts, settingsOf(facts.node), {
        file: "/etc/cni/net.d/10-bridge.conflist",
        content: {
          cniVersion: "1.1.0",
          name: "kubenet",
          plugins: [
            {
              type: "bridge",
              bridge: KUBENET,
              isGateway: true,
              isDefaultGateway: true,
              hairpinMode: true,
              mtu: settingsOf(facts.node).mtu,
              ipam: {
                type: "host-local",
                ranges: settingsOf(facts.node).ranges.map((subnet) => [{ subnet }]),
              },
            },
            { type: "portmap", capabilities: { portMappings: true } },
          ],
        },
      }),
  };
}

/** Pods whose address is in no range of their node: such a pod has no gateway there. */
export function missingRanges(cluster: Cluster, nodes: readonly NodeFacts[]): readonly Finding[] {
  const ranges = new Map(nodes.map((n) => [n.name, n.podCIDRs]));
  const stray = cluster.pods.filter((p) => {
    const ip = parseAddress(p.status.podIP ?? "");
    const own = ranges.get(p.spec.nodeName ?? "");
    return (
      p.spec.hostNetwork !== true &&
      ip !== undefined &&
      own !== undefined &&
      !own.some((r) => covers(r, ip.text))
    );
  });
  return stray.slice(0, 10).map((p) => ({
    severity: "warning" as const,
    code: "address-outside-pod-range",
    text: `${p.metadata.namespace}/${p.metadata.name} has ${p.status.podIP}, which is not in the pod range of its node ${p.spec.nodeName}: other nodes send its packets elsewhere`,
    object: `Pod ${p.metadata.namespace}/${p.metadata.name}`,
    file: p.source.file,
    line: p.source.line,
  }));
}
