/** Cilium: eBPF programs at each pod's device look the destination up and hand the packet on, to a pod, a tunnel or the kernel. */
import { clusterCidrs } from "../ranges.ts";
import { hostBlock, isV6, macOf } from "../address.ts";
import type { Context } from "../network.ts";
import { type NodeFacts, sameSubnet } from "../nodes.ts";
import type { Device, Fabric, Finding, Model, PodFacts, PodPart, Route } from "../types.ts";
import type { CiliumConfig } from "./config.ts";
import { ciliumCreation } from "./creation.ts";
import { nodePart } from "./node.ts";
import { type Cilium, createCilium, lxcOf } from "./state.ts";

export function ciliumModel(context: Context): Model {
  const cilium = createCilium(context);
  const { config } = cilium;
  const ranges = () => [
    ...new Set([
      ...clusterCidrs(context.cluster, context.options, []),
      ...context.nodes.flatMap((n) => cilium.rangesOf(n.name)),
    ]),
  ];
  return {
    cni: "cilium",
    replacesKubeProxy: config.kubeProxyReplacement,
    findings: () => [...config.findings, ...findingsOf(cilium)],
    node: (facts) => nodePart(cilium, facts),
    pod: (facts) => podPart(cilium, facts),
    fabricRoutes: () =>
      config.routable === undefined
        ? []
        : context.nodes.flatMap((n) =>
            cilium.rangesOf(n.name).map((to) => ({ to, node: n.name, says: config.routable ?? "" })),
          ),
    fabricTo: (address) => fabricOf(cilium, isV6(address)),
    podRanges: ranges,
    nodeRanges: () =>
      context.nodes.flatMap((n) =>
        cilium
          .rangesOf(n.name)
          .map((range) => ({ range, node: n.name, from: `ipam ${config.ipam}`, borrowed: [] })),
      ),
    creation: (facts) => ciliumCreation(cilium, facts),
  };
}

function fabricOf({ config, context, routeMtu }: Cilium, v6: boolean): Fabric {
  return {
    encapsulation: config.tunnel ?? "none",
    crossSubnet: false,
    encrypted: config.encryption !== undefined,
    mtu: Math.min(...context.nodes.map(routeMtu), 65_535),
    natOutgoing: config.masquerade(v6),
    ...(config.by !== undefined && { by: config.by }),
  };
}

function podPart(cilium: Cilium, p: PodFacts): PodPart {
  const node = cilium.context.nodes.find((n) => n.name === p.node);
  const device = node === undefined ? 1500 : cilium.deviceMtu(node);
  const mtu = node === undefined ? device : cilium.routeMtu(node);
  const eth0: Device = {
    name: "eth0",
    kind: "veth",
    mtu: device,
    mac: p.mac,
    addresses: p.addresses.map(hostBlock),
    peer: { place: `node/${p.node}`, device: lxcOf(p) },
    says: `the card of ${p.id}, one end of a veth pair`,
  };
  const gateways = p.addresses.flatMap((a) => cilium.router(p.node, isV6(a)) ?? []);
  return {
    devices: [eth0],
    routes: [
      ...gateways.map((via): Route => ({
        to: "default",
        via,
        dev: "eth0",
        ...(isV6(via) && { metric: 1024 }),
        ...(mtu < device && { mtu }),
      })),
      ...gateways.map((to): Route =>
        isV6(to)
          ? { to: hostBlock(to), dev: "eth0", metric: 1024 }
          : { to: hostBlock(to), dev: "eth0", scope: "link" },
      ),
    ],
    neighbours: gateways.map((address) => ({
      address,
      dev: "eth0",
      mac: macOf(`lxc ${p.id}`),
      state: "REACHABLE" as const,
    })),
    sysctls: [],
  };
}

/** Native routing where nobody has routes to the pods. */
function findingsOf({ config, context }: Cilium): Finding[] {
  const { nodes } = context;
  if (config.tunnel !== undefined || config.routable !== undefined || config.encryption === "wireguard")
    return mtuFindings(config, nodes);
  const v6 = config.underlay6;
  const apart = nodes.some((a) => nodes.some((b) => a !== b && !sameSubnet(a, b, v6)));
  if (nodes.length > 1 && !config.autoDirectRoutes)
    return [
      {
        severity: "error",
        code: "native-without-routes",
        text: "native routing, and nothing brings routes to other nodes' pods: neither autoDirectNodeRoutes nor BGP (CiliumBGPAdvertisement of PodCIDR). The network between the nodes would have to know the pods' ranges",
      },
    ];
  if (apart)
    return [
      {
        severity: "error",
        code: "no-route-between-subnets",
        text: `autoDirectNodeRoutes reaches nodes of the same subnet only: between subnets ${config.skipUnreachable ? "there is no route" : "the agent reports an error, and there is no route"}. BGP or a tunnel would help`,
      },
    ];
  return mtuFindings(config, nodes);
}

function mtuFindings(config: CiliumConfig, nodes: readonly NodeFacts[]): Finding[] {
  const low = nodes.filter((n) => config.mtu !== undefined && config.mtu > n.mtu);
  const [first] = low;
  if (first === undefined) return [];
  return [
    {
      severity: "warning",
      code: "mtu-above-card",
      text: `MTU ${config.mtu} is more than the card's ${first.mtu} on ${low.map((n) => n.name).join(", ")}: the agent reckons the tunnels' headers from it`,
    },
  ];
}
