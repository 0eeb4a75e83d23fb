/** Places: what every node, pod and router has, and what the CNI's model adds. */
import { bare, blockOf, covers, isV6, macOf } from "./address.ts";
import type { NodeFacts } from "./nodes.ts";
import type { Device, Model, Neighbour, Place, PodFacts, Route } from "./types.ts";

export const LOOPBACK: Device = {
  name: "lo",
  kind: "loopback",
  mtu: 65_536,
  addresses: ["127.0.0.1/8", "::1/128"],
  says: "loopback",
};

/** A node is a router: kubeadm insists on it. */
const FORWARDING = [
  { key: "net.ipv4.ip_forward", value: "1" },
  { key: "net.ipv6.conf.all.forwarding", value: "1" },
];

export function nodePlace(facts: NodeFacts, nodes: readonly NodeFacts[], model: Model): Place {
  const { name, nets, card, mtu, mac, gateways } = facts;
  const part = model.node(facts);
  const device: Device = {
    name: card,
    kind: "card",
    mtu,
    mac,
    addresses: nets,
    says: `the card of node ${name}`,
  };
  const onLink = nodes.flatMap((other) =>
    other === facts
      ? []
      : other.nets.flatMap((net) =>
          nets.some((n) => sameLink(n, net)) ? [{ address: bare(net), mac: other.mac }] : [],
        ),
  );
  const routers = gateways.map((address) => ({ address, mac: routerMac(address) }));
  return {
    key: `node/${name}`,
    kind: "node",
    name,
    devices: [LOOPBACK, device, ...part.devices],
    routes: [
      ...gateways.map((via): Route => ({ to: "default", via, dev: card })),
      ...[device, ...part.devices].flatMap(connected),
      ...linkLocals([device, ...part.devices]),
      ...part.routes,
    ],
    rules: part.rules ?? [],
    neighbours: [
      ...[...routers, ...onLink].map((n): Neighbour => ({ ...n, dev: card, state: "REACHABLE" })),
      ...part.neighbours,
    ],
    fdb: part.fdb,
    masquerade: part.masquerade,
    sysctls: [...FORWARDING, ...part.sysctls],
    ...(part.bpf !== undefined && { bpf: part.bpf }),
  };
}

export function podPlace(facts: PodFacts, model: Model): Place {
  const part = model.pod(facts);
  return {
    key: `pod/${facts.id}`,
    kind: "pod",
    name: facts.id,
    devices: [LOOPBACK, ...part.devices],
    routes: [...part.devices.flatMap(connected), ...linkLocals(part.devices), ...part.routes],
    rules: [],
    neighbours: part.neighbours,
    fdb: [],
    masquerade: [],
    sysctls: part.sysctls,
  };
}

const sameLink = (own: string, other: string): boolean =>
  isV6(own) === isV6(other) &&
  blockOf(bare(own), Number(own.split("/")[1]))?.text ===
    blockOf(bare(other), Number(own.split("/")[1]))?.text;
const routerMac = (address: string): string => macOf(`router ${address}`);

/** The routes that the kernel makes for a device's own addresses. */
export function connected(device: Device): Route[] {
  return device.addresses.flatMap((net): Route[] => {
    const [address = "", bits = ""] = net.split("/");
    const block = blockOf(address, Number(bits));
    if (block === undefined || address.startsWith("fe80:") || (block.first === block.last && !isV6(address)))
      return [];
    return isV6(address)
      ? [{ to: block.text, dev: device.name, proto: "kernel", metric: 256 }]
      : [{ to: block.text, dev: device.name, proto: "kernel", scope: "link", src: address }];
  });
}

function linkLocals(devices: readonly Device[]): Route[] {
  if (!devices.some((d) => d.addresses.some(isV6))) return [];
  return devices
    .filter((d) => d.master === undefined && d.kind !== "ipip" && d.kind !== "wireguard")
    .map((d): Route => ({ to: "fe80::/64", dev: d.name, proto: "kernel", metric: 256 }));
}

/** One for all subnets: a card in each, and the pod ranges that it has been told of. */
/** `wireMtu`: what the routes of the routers carry, as a narrow link between them would. */
export function routerPlace(nodes: readonly NodeFacts[], model: Model, wireMtu: number | undefined): Place {
  const narrow = (route: Route): Route => (wireMtu === undefined ? route : { ...route, mtu: wireMtu });
  const cards = new Map<string, Device>();
  for (const node of nodes)
    for (const net of node.nets) {
      const [address = "", bits = ""] = net.split("/");
      const subnet = blockOf(address, Number(bits));
      const gateway = node.gateways.find((g) => isV6(g) === isV6(address));
      if (subnet === undefined || gateway === undefined || cards.has(subnet.text)) continue;
      const mtu = Math.max(...nodes.map((n) => n.mtu));
      const says = `the router of ${subnet.text}`;
      cards.set(subnet.text, {
        name: `to ${subnet.text}`,
        kind: "card",
        mtu,
        mac: routerMac(gateway),
        addresses: [`${gateway}/${bits}`],
        says,
      });
    }
  const cardTo = (address: string) => [...cards].find(([subnet]) => covers(subnet, address))?.[1];
  const told = model.fabricRoutes().flatMap(({ to, node, says }): Route[] => {
    const via = nodes
      .find((n) => n.name === node)
      ?.nets.map(bare)
      .find((a) => isV6(a) === isV6(to));
    const dev = via === undefined ? undefined : cardTo(via)?.name;
    return via === undefined || dev === undefined ? [] : [{ to, via, dev, says }];
  });
  const neighbours = nodes.flatMap((n) =>
    n.nets.flatMap((net): Neighbour[] => {
      const dev = cardTo(bare(net))?.name;
      return dev === undefined ? [] : [{ address: bare(net), dev, mac: n.mac, state: "REACHABLE" }];
    }),
  );
  return {
    key: "router",
    kind: "router",
    name: "router",
    devices: [...cards.values()],
    routes: [...[...cards.values()].flatMap(connected), ...told].map(narrow),
    rules: [],
    neighbours,
    fdb: [],
    masquerade: [],
    sysctls: [],
  };
}
