/** Cilium: eBPF programs at each pod's device look the destination up and hand the packet on, to a pod, a tunnel or the kernel. */
import { bare, blockOf, ciliumDevice, covers, hostBlock, isV6, macOf, nth, parseBlock } from "../address.ts";
import type { Context } from "../network.ts";
import { addressOf, sameSubnet, type NodeFacts } from "../nodes.ts";
import { clusterCidrs } from "../ranges.ts";
import type { Bpf, Device, Fabric, Finding, Model, NodePart, PodFacts, PodPart, Route } from "../types.ts";
import { ciliumInternal, ciliumNodeRanges, readCilium, type CiliumConfig } from "./config.ts";
import { ciliumCreation } from "./creation.ts";

/** Octets that the agent reckons for headers (pkg/mtu); WireGuard's and IPsec's are upper bounds. */
const OVERHEAD = { tunnel: 50, tunnel6: 70, wireguard: 80, ipsec: 77 } as const;
const WIREGUARD_PORT = 51_871;
const HOST = "cilium_host";

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

function routerOf(
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

/** The address that a node's tunnels begin and end at. */
const underlayOf = (config: CiliumConfig, node: NodeFacts): string | undefined =>
  addressOf(node, config.underlay6);

function nodePart(cilium: Cilium, facts: NodeFacts): NodePart {
  const { context } = cilium;
  const local = context.podsOn(facts.name);
  const own = [false, true].flatMap((v6) => cilium.router(facts.name, v6) ?? []);
  const mtu = cilium.deviceMtu(facts);
  const bpf = bpfOf(cilium, facts, local);
  const host: Device[] = [
    {
      name: "cilium_net",
      kind: "veth",
      mtu,
      mac: macOf(`cilium_net ${facts.name}`),
      addresses: [],
      peer: { place: `node/${facts.name}`, device: HOST },
      says: "the other end of cilium_host",
    },
    {
      name: HOST,
      kind: "veth",
      mtu,
      mac: macOf(`cilium_host ${facts.name}`),
      addresses: own.map(hostBlock),
      peer: { place: `node/${facts.name}`, device: "cilium_net" },
      says: "the node's own door to the pods",
    },
  ];
  const lxc = local.map((p): Device => ({
    name: lxcOf(p),
    kind: "veth",
    mtu,
    mac: macOf(`lxc ${p.id}`),
    addresses: [],
    peer: { place: `pod/${p.id}`, device: "eth0" },
    says: `the node's end of the veth pair of ${p.id}: an eBPF program (cil_from_container) decides here`,
  }));
  return {
    devices: [...host, ...tunnelDevices(cilium, facts), ...lxc],
    routes: [...ownRoutes(cilium, facts, local), ...remoteRoutes(cilium, facts)],
    neighbours: [],
    fdb: [],
    masquerade: masquerades(cilium, facts),
    sysctls: lxc.map((d) => ({ key: `net.ipv4.conf.${d.name}.rp_filter`, value: "0" })),
    bpf,
  };
}

function bpfOf({ context, config, rangesOf }: Cilium, facts: NodeFacts, local: readonly PodFacts[]): Bpf {
  const endpoints = new Map(local.flatMap((p) => p.addresses.map((a) => [a, lxcOf(p)] as const)));
  const ipcache = context.nodes.flatMap((n) => {
    const end = underlayOf(config, n);
    if (n === facts || end === undefined) return [];
    return rangesOf(n.name).map((prefix) => ({
      prefix,
      node: n.name,
      ...(config.tunnel !== undefined && { tunnel: end }),
    }));
  });
  const ends = new Map(
    context.nodes.flatMap((n) =>
      [[n.name, underlayOf(config, n)] as const].flatMap(([name, end]) =>
        end === undefined ? [] : [[name, end] as const],
      ),
    ),
  );
  const kind = config.encryption === "ipsec" ? ("esp" as const) : config.encryption;
  return {
    endpoints,
    ipcache,
    ...(kind !== undefined && { encrypt: { kind, ends } }),
    ...(config.tunnel !== undefined && { overlay: `cilium_${config.tunnel}` }),
  };
}

function tunnelDevices(cilium: Cilium, facts: NodeFacts): Device[] {
  const { config, context, rangesOf } = cilium;
  const local = underlayOf(config, facts);
  if (local === undefined) return [];
  const mtu = cilium.deviceMtu(facts);
  const overlay =
    config.tunnel === undefined ? [] : [overlayDevice(config.tunnel, config, facts, local, mtu)];
  if (config.encryption !== "wireguard") return overlay;
  const peers = context.nodes.flatMap((n) => {
    const endpoint = n === facts ? undefined : underlayOf(config, n);
    return endpoint === undefined
      ? []
      : [{ node: n.name, endpoint, allowed: [...rangesOf(n.name), hostBlock(endpoint)] }];
  });
  const device: Device = {
    name: "cilium_wg0",
    kind: "wireguard",
    mtu: mtu - OVERHEAD.wireguard,
    addresses: [],
    tunnel: { kind: "wireguard", local, port: WIREGUARD_PORT, peers },
    says: "WireGuard: encrypted, in UDP to the other node",
  };
  return [...overlay, device];
}

const overlayDevice = (
  kind: "vxlan" | "geneve",
  { port }: CiliumConfig,
  facts: NodeFacts,
  local: string,
  mtu: number,
): Device => ({
  name: `cilium_${kind}`,
  kind,
  mtu,
  mac: macOf(`cilium_${kind} ${facts.name}`),
  addresses: [],
  tunnel: { kind, local, port, lower: facts.card, learning: false },
  says: `${kind === "vxlan" ? "VXLAN" : "Geneve"} to UDP port ${port} of the other node; the network identifier is the sender's security identity`,
});

function ownRoutes(cilium: Cilium, { name }: NodeFacts, local: readonly PodFacts[]): Route[] {
  const ranges = cilium.rangesOf(name).flatMap((range): Route[] => {
    const via = cilium.router(name, isV6(range));
    if (via === undefined) return [];
    // The kernel makes the IPv6 one itself.
    const self: Route[] = isV6(range)
      ? []
      : [{ to: hostBlock(via), dev: HOST, proto: "kernel", scope: "link" }];
    const all: Route = {
      to: range,
      via,
      dev: HOST,
      proto: "kernel",
      src: via,
      ...(isV6(range) && { metric: 1024 }),
    };
    return cilium.config.endpointRoutes ? self : [...self, all];
  });
  const single = cilium.config.endpointRoutes
    ? local.flatMap((p) =>
        p.addresses.map((a): Route => ({
          to: hostBlock(a),
          dev: lxcOf(p),
          proto: "kernel",
          ...(isV6(a) ? { metric: 1024 } : { scope: "link" as const }),
        })),
      )
    : [];
  return [...ranges, ...single];
}

function remoteRoutes(cilium: Cilium, facts: NodeFacts): Route[] {
  const { config, context, rangesOf } = cilium;
  return context.nodes.flatMap((n) =>
    n === facts
      ? []
      : rangesOf(n.name).flatMap((to): Route[] => {
          const v6 = isV6(to);
          const metric = v6 ? { metric: 1024 } : {};
          const router = cilium.router(facts.name, v6);
          if (config.tunnel !== undefined)
            return router === undefined
              ? []
              : [
                  {
                    to,
                    via: router,
                    dev: HOST,
                    proto: "kernel",
                    src: router,
                    mtu: cilium.routeMtu(facts),
                    ...metric,
                    says: `node ${n.name}`,
                  },
                ];
          const via = addressOf(n, v6);
          if (!config.autoDirectRoutes || via === undefined || !sameSubnet(facts, n, v6)) return [];
          return [{ to, via, dev: facts.card, proto: "kernel", ...metric, says: `node ${n.name}` }];
        }),
  );
}

/** What leaves the cluster gets the node's address; not what goes to nodes or into the native routing range. */
function masquerades({ config, context, rangesOf }: Cilium, { name }: NodeFacts): NodePart["masquerade"] {
  const nodes = context.nodes.flatMap((n) => n.nets.map((net) => hostBlock(bare(net))));
  return rangesOf(name).flatMap((from) => {
    if (!config.masquerade(isV6(from))) return [];
    const native = config.nativeCidrs.filter((c) => isV6(c) === isV6(from));
    const except = [...(native.length > 0 ? native : [from]), ...nodes];
    return [
      {
        from,
        except,
        says: config.bpfMasquerade
          ? "masqueraded by eBPF at the card"
          : "masqueraded by iptables (CILIUM_POST_nat)",
      },
    ];
  });
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
  if (config.tunnel !== undefined || config.routable !== undefined) return mtuFindings(config, nodes);
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
