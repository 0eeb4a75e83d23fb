/** A node with Cilium: the programs' maps, the devices, and the routes that the kernel has. */
import { bare, hostBlock, isV6, macOf } from "../address.ts";
import { type NodeFacts, addressOf, sameSubnet } from "../nodes.ts";
import type { Bpf, Device, NodePart, PodFacts, Route } from "../types.ts";
import type { CiliumConfig } from "./config.ts";
import { type Cilium, HOST, OVERHEAD, WIREGUARD_PORT, identityOf, lxcOf, underlayOf } from "./state.ts";

export function nodePart(cilium: Cilium, facts: NodeFacts): NodePart {
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
  const identities = new Map(local.flatMap((p) => p.addresses.map((a) => [a, identityOf(p)] as const)));
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
    identities,
    ...(kind !== undefined && { encrypt: { kind, ends } }),
    ...(config.tunnel !== undefined && { overlay: `cilium_${config.tunnel}` }),
  };
}

export function tunnelDevices(cilium: Cilium, facts: NodeFacts): Device[] {
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

export function remoteRoutes(cilium: Cilium, facts: NodeFacts): Route[] {
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
export function masquerades(
  { config, context, rangesOf }: Cilium,
  { name }: NodeFacts,
): NodePart["masquerade"] {
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
