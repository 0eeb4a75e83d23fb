import type { Cluster, IPFamily, Node } from "../model/types.ts";
import { contains, cover, parseAddress, parseBlock, type Address, type Block } from "./address.ts";

/** How kube-proxy is set up; the defaults are its own. */
export interface ProxyOptions {
  /** `--cluster-cidr`: at most one block a family. Default: what covers the nodes' podCIDRs (see `clusterBlock`). */
  readonly clusterCIDRs?: readonly string[];
  /** Default: the cluster's ServiceCIDR objects. nftables drops what goes to their addresses and belongs to no Service. */
  readonly serviceCIDRs?: readonly string[];
  readonly masqueradeAll?: boolean;
  /** `--ipvs-scheduler`: rr, wrr, lc, wlc, sh, dh, sed or nq. */
  readonly scheduler?: string;
}

/** What kube-proxy on one node knows for one address family. */
export interface ProxyNode {
  readonly name: string;
  readonly zone: string;
  readonly family: IPFamily;
  /** The node's own address of this family: what masquerading writes into packets. */
  readonly address: Address | undefined;
  /** Every address that the node's routing table calls local, loopback aside. */
  readonly addresses: readonly Address[];
  /** Who is in here is a pod; undefined: nobody can tell, and no rule asks. */
  readonly clusterCIDR: Block | undefined;
  readonly serviceCIDRs: readonly Block[];
  readonly masqueradeAll: boolean;
  readonly scheduler: string;
}

export const LOOPBACK: Record<IPFamily, Block> = {
  IPv4: parseBlock("127.0.0.0/8") as Block,
  IPv6: parseBlock("::1/128") as Block,
};

/** kube-proxy of one of the cluster's nodes for one family. */
export function proxyNode(
  cluster: Cluster,
  node: Node,
  family: IPFamily,
  options: ProxyOptions = {},
): ProxyNode {
  const addresses = nodeAddresses(node).filter((address) => address.family === family);
  const blocks = (list: readonly string[]) =>
    list.map(parseBlock).filter((each): each is Block => each?.family === family);
  return {
    name: node.metadata.name,
    zone: node.metadata.labels["topology.kubernetes.io/zone"] ?? "",
    family,
    address: addresses[0],
    addresses,
    clusterCIDR:
      options.clusterCIDRs === undefined
        ? clusterBlock(cluster, node, family)
        : blocks(options.clusterCIDRs)[0],
    serviceCIDRs: blocks(options.serviceCIDRs ?? serviceCIDRs(cluster)),
    masqueradeAll: options.masqueradeAll ?? false,
    scheduler: options.scheduler ?? "rr",
  };
}

/** Is the address one of the node's own, as the `local` type of its routing table says? */
export function isLocal(node: ProxyNode, address: Address): boolean {
  return contains(LOOPBACK[node.family], address) || node.addresses.some((own) => own.text === address.text);
}

function nodeAddresses(node: Node): Address[] {
  const of = (type: string) =>
    (node.status.addresses ?? [])
      .filter((each) => each.type === type)
      .map((each) => parseAddress(each.address))
      .filter((each) => each !== undefined);
  const internal = of("InternalIP");
  return internal.length > 0 ? internal : of("ExternalIP");
}

/**
 * kube-proxy takes one block a family. The one that covers the podCIDRs of all nodes is what an administrator would write;
 * where it would cover a node or a Service too, the node's own podCIDR stands in (`--detect-local-mode=NodeCIDR`).
 */
function clusterBlock(cluster: Cluster, node: Node, family: IPFamily): Block | undefined {
  const podCIDRs = (each: Node) =>
    (each.spec.podCIDRs ?? (each.spec.podCIDR === undefined ? [] : [each.spec.podCIDR]))
      .map(parseBlock)
      .filter((block): block is Block => block?.family === family);
  const all = cover(cluster.nodes.flatMap(podCIDRs));
  if (all === undefined) return undefined;
  const outsiders = [
    ...cluster.nodes.flatMap((each) => each.status.addresses ?? []).map((each) => each.address),
    ...cluster.services.flatMap((service) => service.spec.clusterIPs ?? []),
  ];
  const swallows = outsiders.some((text) => {
    const address = parseAddress(text);
    return address !== undefined && contains(all, address);
  });
  return swallows ? podCIDRs(node)[0] : all;
}

function serviceCIDRs(cluster: Cluster): readonly string[] {
  return (cluster.others.get("ServiceCIDR") ?? []).flatMap((each) => {
    const cidrs = (each.spec as { cidrs?: unknown } | undefined)?.cidrs;
    return Array.isArray(cidrs) ? cidrs.filter((cidr) => typeof cidr === "string") : [];
  });
}
