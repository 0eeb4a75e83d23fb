/** What the network needs to know of nodes: addresses and their subnets, gateways, the card. */
import type { Cluster, Node } from "../model/types.ts";
import {
  bare,
  blockOf,
  contains,
  isV6,
  macOf,
  nth,
  parseAddress,
  parseBlock,
  type Block,
} from "./address.ts";
import type { Finding } from "./types.ts";

export interface NodeOptions {
  /** Octets, of every card that has no own value. */
  readonly mtu?: number;
  /** Octets, by node. */
  readonly mtus?: Readonly<Record<string, number>>;
  /** The subnets that nodes are in; without, 24 bits (64 for IPv6) are assumed. */
  readonly subnets?: readonly string[];
}

/** `nets`: the card's addresses with their prefix lengths, at most one a family. `gateways`: the router in each. */
export interface NodeFacts {
  readonly name: string;
  readonly node: Node;
  readonly nets: readonly string[];
  readonly gateways: readonly string[];
  readonly card: string;
  readonly mtu: number;
  readonly mac: string;
  readonly podCIDRs: readonly string[];
}

export const MTU_ANNOTATION = "netsim.clusterdns.io/mtu";
const CARD_MTU = 1500;
const CALICO_ADDRESS = ["projectcalico.org/IPv4Address", "projectcalico.org/IPv6Address"];

export const addressOf = ({ nets }: NodeFacts, v6: boolean): string | undefined => {
  const net = nets.find((n) => isV6(n) === v6);
  return net === undefined ? undefined : bare(net);
};

export const subnetOf = ({ nets }: NodeFacts, v6: boolean): Block | undefined => {
  const net = nets.find((n) => isV6(n) === v6);
  return net === undefined ? undefined : parseBlock(net);
};

/** Whether `a`'s card is on the same link as `b`'s: its subnet has the other's address. */
export function sameSubnet(a: NodeFacts, b: NodeFacts, v6: boolean): boolean {
  const subnet = subnetOf(a, v6);
  const address = parseAddress(addressOf(b, v6) ?? "");
  return subnet !== undefined && address !== undefined && contains(subnet, address);
}

interface Facts {
  readonly nodes: readonly NodeFacts[];
  readonly findings: readonly Finding[];
}

/** `routers`: addresses outside the cluster that are known to be routers (BGP peers). */
export function nodeFacts(cluster: Cluster, options: NodeOptions, routers: readonly string[]): Facts {
  const subnets = (options.subnets ?? []).flatMap((s) => parseBlock(s) ?? []);
  const guessed: string[] = [];
  const all = cluster.nodes.map((node) => ({ node, nets: netsOf(node, subnets, guessed) }));
  const taken = new Set(all.flatMap(({ nets }) => nets.map(bare)));
  const nodes = all.map(({ node, nets }): NodeFacts => {
    const { name, annotations } = node.metadata;
    const noted = Number(annotations[MTU_ANNOTATION] ?? NaN);
    return {
      name,
      node,
      nets,
      gateways: nets.flatMap((net) => gatewayOf(net, taken, routers) ?? []),
      card: "eth0",
      mtu: options.mtus?.[name] ?? (noted > 0 ? noted : (options.mtu ?? CARD_MTU)),
      mac: macOf(`node ${name}`),
      podCIDRs: node.spec.podCIDRs ?? (node.spec.podCIDR === undefined ? [] : [node.spec.podCIDR]),
    };
  });
  const names = new Set(nodes.map((n) => n.name));
  const strangers = Object.keys(options.mtus ?? {}).filter((name) => !names.has(name));
  const unknown = strangers.map((name): Finding => ({
    severity: "warning",
    code: "unknown-node",
    text: `--mtu ${name}=...: there is no node ${name}`,
  }));
  const text = `the nodes' subnets are not in the input: ${[...new Set(guessed)].join(", ")} assumed (--subnet says otherwise)`;
  const assumed: Finding[] = guessed.length === 0 ? [] : [{ severity: "note", code: "assumed-subnet", text }];
  return { nodes, findings: [...unknown, ...assumed] };
}

function netsOf(node: Node, subnets: readonly Block[], guessed: string[]): string[] {
  const internal = (node.status.addresses ?? []).filter((a) => a.type === "InternalIP").map((a) => a.address);
  const noted = CALICO_ADDRESS.flatMap((key) => node.metadata.annotations[key] ?? []);
  const nets: string[] = [];
  for (const text of [...internal, ...noted.map(bare)]) {
    const address = parseAddress(text);
    if (address === undefined || nets.some((n) => isV6(n) === isV6(address.text))) continue;
    const own = noted.find((n) => bare(n) === address.text && n.includes("/"));
    const subnet = subnets.find((s) => contains(s, address));
    const bits = own === undefined ? subnet?.bits : Number(own.split("/")[1]);
    const assumed = blockOf(address.text, isV6(address.text) ? 64 : 24)!;
    if (bits === undefined) guessed.push(assumed.text);
    nets.push(`${address.text}/${bits ?? assumed.bits}`);
  }
  return nets;
}

/** The router of a subnet: one that is known, else the first address, else the last that is free. */
function gatewayOf(net: string, taken: ReadonlySet<string>, routers: readonly string[]): string | undefined {
  const block = parseBlock(net);
  if (block === undefined) return undefined;
  const known = routers.find((r) => {
    const address = parseAddress(r);
    return address !== undefined && contains(block, address) && !taken.has(address.text);
  });
  if (known !== undefined) return known;
  const size = block.last - block.first;
  return [1n, size - 1n, size - 2n, size - 3n]
    .flatMap((n) => (n > 0n ? (nth(block, n) ?? []) : []))
    .find((address) => !taken.has(address));
}
