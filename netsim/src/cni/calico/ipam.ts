/**
 * Calico's IPAM: each node takes blocks of a pool (block affinity) and gives its pods addresses of them. Which blocks are a
 * node's follows, in this order, from BlockAffinity objects, from IPAMBlock objects, from the addresses that its pods have,
 * and for nodes without any from the node's pod range where that lies in the pool, else from the first block that is free.
 */
import type { Cluster } from "../../model/types.ts";
import {
  addressText,
  bare,
  blockOf,
  contains,
  covers,
  isV6,
  nth,
  parseAddress,
  parseBlock,
  type Block,
} from "../address.ts";
import { fields, others, text } from "../fields.ts";
import type { NodeFacts } from "../nodes.ts";
import type { PodFacts } from "../types.ts";
import type { Pool } from "./pools.ts";

export interface Affinity {
  readonly block: Block;
  readonly node: string;
  readonly pool: Pool;
  readonly from: "BlockAffinity" | "IPAMBlock" | "pods" | "pod range" | "free";
}

export interface Ipam {
  readonly affinities: readonly Affinity[];
  /** A pod's address that lies in another node's block: a route of its own leads to it. */
  readonly borrowed: readonly {
    readonly address: string;
    readonly node: string;
    readonly owner: string;
    readonly pod: string;
  }[];
  poolOf(address: string): Pool | undefined;
  affinityOf(address: string): Affinity | undefined;
}

export function createIpam(
  cluster: Cluster,
  pools: readonly Pool[],
  nodes: readonly NodeFacts[],
  pods: readonly PodFacts[],
): Ipam {
  const byBlock = new Map<string, Affinity>();
  const poolOf = (address: string): Pool | undefined => {
    const ip = parseAddress(address);
    return ip === undefined
      ? undefined
      : pools.filter((p) => contains(p.block, ip)).sort((a, b) => b.block.bits - a.block.bits)[0];
  };
  const claim = (block: Block | undefined, node: string, from: Affinity["from"]): void => {
    const pool = block === undefined ? undefined : poolOf(bare(block.text));
    if (block !== undefined && pool !== undefined && !byBlock.has(block.text))
      byBlock.set(block.text, { block, node, pool, from });
  };
  for (const { block, node, from } of claimed(cluster)) claim(block, node, from);
  const known = [...byBlock.values()];
  for (const pod of [...pods].sort((a, b) => (a.id < b.id ? -1 : 1)))
    for (const address of pod.addresses) {
      const pool = poolOf(address);
      if (pool !== undefined && !known.some((a) => covers(a.block.text, address)))
        claim(blockOf(address, pool.blockSize), pod.node, "pods");
    }
  for (const node of nodes) for (const pool of pools) dealBlock(node, pool, byBlock, claim);
  const affinities = [...byBlock.values()].sort(byAddress);
  const exact = new Map(affinities.map((a) => [a.block.text, a]));
  const sizes = [...new Set(affinities.map((a) => `${a.block.family}/${a.block.bits}`))];
  const affinityOf = (address: string): Affinity | undefined => {
    for (const size of sizes) {
      const [family, bits] = size.split("/");
      if ((family === "IPv6") !== isV6(address)) continue;
      const found = exact.get(blockOf(address, Number(bits))?.text ?? "");
      if (found !== undefined) return found;
    }
    return undefined;
  };
  const borrowed = pods.flatMap((p) =>
    p.addresses.flatMap((address) => {
      const owner = affinityOf(address)?.node;
      return owner === undefined || owner === p.node ? [] : [{ address, node: p.node, owner, pod: p.id }];
    }),
  );
  return { affinities, borrowed, poolOf, affinityOf };
}

const byAddress = ({ block: a }: Affinity, { block: b }: Affinity): number =>
  a.family !== b.family
    ? a.family < b.family
      ? -1
      : 1
    : a.first < b.first
      ? -1
      : a.first > b.first
        ? 1
        : a.bits - b.bits;

/** What the datastore's own objects say. */
function claimed(cluster: Cluster) {
  const affine = others(cluster, "BlockAffinity").flatMap((o) => {
    const spec = fields(o.spec);
    const node = text(spec["node"]);
    const pending =
      spec["deleted"] === "true" || spec["deleted"] === true || spec["state"] === "pendingDeletion";
    const block = parseBlock(String(spec["cidr"] ?? ""));
    return node === undefined || pending || block === undefined
      ? []
      : [{ block, node, from: "BlockAffinity" as const }];
  });
  const blocks = others(cluster, "IPAMBlock").flatMap((o) => {
    const spec = fields(o.spec);
    const host = /^host:(.+)$/.exec(text(spec["affinity"]) ?? "")?.[1];
    const block = parseBlock(String(spec["cidr"] ?? ""));
    return host === undefined || block === undefined
      ? []
      : [{ block, node: host, from: "IPAMBlock" as const }];
  });
  return [...affine, ...blocks];
}

const MAX_TRIES = 4096;

/** A block for a node that has none of the pool, and may have one (a tunnel's address needs one, where no pod does). */
function dealBlock(
  node: NodeFacts,
  pool: Pool,
  taken: ReadonlyMap<string, Affinity>,
  claim: (block: Block | undefined, node: string, from: Affinity["from"]) => void,
): void {
  const has = [...taken.values()].some((a) => a.node === node.name && a.pool === pool);
  if (has || pool.disabled || !pool.uses.includes("Workload") || !pool.selects(node.node.metadata.labels))
    return;
  const range = node.podCIDRs
    .map(parseBlock)
    .find((r) => r !== undefined && contains(pool.block, { text: "", family: r.family, value: r.first }));
  const wanted = range === undefined ? undefined : blockOf(bare(range.text), pool.blockSize);
  if (wanted !== undefined && !taken.has(wanted.text)) return claim(wanted, node.name, "pod range");
  const v6 = pool.block.family === "IPv6";
  const size = 1n << BigInt((v6 ? 128 : 32) - pool.blockSize);
  for (let i = 0n; i < MAX_TRIES; i++) {
    const first = pool.block.first + i * size;
    if (first > pool.block.last) return;
    const block = blockOf(addressText(first, v6), pool.blockSize);
    if (block !== undefined && !taken.has(block.text)) return claim(block, node.name, "free");
  }
}

/** The address of a node's tunnel device: of its first block, the first that no pod has. */
export function tunnelAddress(
  ipam: Ipam,
  node: string,
  v6: boolean,
  taken: ReadonlySet<string>,
): string | undefined {
  for (const { block, node: owner } of ipam.affinities) {
    if (owner !== node || (block.family === "IPv6") !== v6) continue;
    for (let i = 0; i < 1 << 12; i++) {
      const address = nth(block, i);
      if (address === undefined) break;
      if (!taken.has(address)) return address;
    }
  }
  return undefined;
}
