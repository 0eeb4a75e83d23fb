/** Address ranges of pods, Services and nodes, where they are written, and which of two clusters are the same. */
import { podRangeObjects } from "./range-objects.ts";
import { covers, parsePrefix, parsePrefixOrAddress, type Prefix } from "../select/cidr.ts";
import { finding, placeIn, type Finding, type MeshCluster, type Place } from "./types.ts";

export type RangeKind = "pods" | "services" | "nodes";

export interface Range {
  readonly kind: RangeKind;
  readonly cidr: string;
  readonly prefix: Prefix;
  readonly place: Place;
}

/** Ranges that somebody wrote down, each with its place; the widest of several that hold each other comes first. */
export function rangesOf(one: MeshCluster): readonly Range[] {
  const { cluster, invented } = one;
  const out: Range[] = [];
  const add = (kind: RangeKind, cidr: unknown, place: Place): void => {
    const prefix = typeof cidr === "string" && !invented.has(cidr) ? parsePrefix(cidr.trim()) : undefined;
    if (prefix !== undefined) out.push({ kind, cidr: cidr as string, prefix, place });
  };
  for (const { kind, object, path, cidr } of podRangeObjects(cluster))
    add(kind, cidr, placeIn(one, object, path));
  for (const node of cluster.nodes.filter((n) => n.derived === undefined)) {
    const list = node.spec.podCIDRs ?? (node.spec.podCIDR === undefined ? [] : [node.spec.podCIDR]);
    for (const cidr of list) add("pods", cidr, placeIn(one, node, ["spec", "podCIDR"]));
    for (const [i, { type, address }] of (node.status.addresses ?? []).entries()) {
      const prefix =
        type === "InternalIP" && !invented.has(address) ? parsePrefixOrAddress(address) : undefined;
      const place = placeIn(one, node, ["status", "addresses", i]);
      if (prefix !== undefined) out.push({ kind: "nodes", cidr: address, prefix, place });
    }
  }
  return out.sort((a, b) => a.prefix.bits - b.prefix.bits);
}

const overlap = (a: Prefix, b: Prefix): boolean => a.v6 === b.v6 && (covers(a, b) || covers(b, a));

const NAMES: Readonly<Record<RangeKind, string>> = {
  pods: "pod CIDR",
  services: "Service CIDR",
  nodes: "node address",
};

/** One finding for each pair of clusters and kinds, of the widest ranges that overlap; further ones are counted. */
export function overlapFindings(clusters: readonly MeshCluster[]): Finding[] {
  const ranges = new Map(clusters.map((one) => [one, rangesOf(one)]));
  return clusters.flatMap((a, i) => clusters.slice(i + 1).flatMap((b) => pairFindings(a, b, ranges)));
}

type Ranges = ReadonlyMap<MeshCluster, readonly Range[]>;

function pairFindings(a: MeshCluster, b: MeshCluster, ranges: Ranges): Finding[] {
  const found = new Map<string, [Range, Range][]>();
  for (const mine of ranges.get(a) ?? [])
    for (const theirs of ranges.get(b) ?? []) {
      if (!overlap(mine.prefix, theirs.prefix)) continue;
      const key = `${mine.kind} ${theirs.kind}`;
      const list = found.get(key) ?? [];
      found.set(key, list);
      // What only says the same of a part of it adds nothing.
      const isPart = list.some(([x, y]) => covers(x.prefix, mine.prefix) && covers(y.prefix, theirs.prefix));
      if (!isPart) list.push([mine, theirs]);
    }
  return [...found.values()].map((pairs) => {
    const [mine, theirs] = pairs[0]!;
    const kinds = [mine.kind, theirs.kind];
    const both = `${NAMES[mine.kind]} ${mine.cidr} of ${a.name} and ${NAMES[theirs.kind]} ${theirs.cidr} of ${b.name}`;
    const more = pairs.length > 1 ? ` (and ${pairs.length - 1} more pairs)` : "";
    const { severity, why, remedy } = judgement(kinds, a.name, b.name);
    return finding(
      severity,
      `${[...new Set(kinds)].sort().join("-")}-overlap`,
      `${both} overlap${more}: ${why}`,
      [mine.place, theirs.place],
      remedy,
    );
  });
}

function judgement(
  kinds: readonly RangeKind[],
  a: string,
  b: string,
): Pick<Finding, "severity" | "remedy"> & { why: string } {
  const has = (kind: RangeKind): boolean => kinds.includes(kind);
  if (has("pods") && !has("services"))
    return {
      severity: "error",
      why: has("nodes")
        ? "packets for the node end at a pod's node"
        : "a pod's address does not say which cluster it is in, and packets stay in the sender's",
      remedy: `give ${b} another range: addresses of pods and nodes must be unique in the whole mesh`,
    };
  if (has("pods"))
    return {
      severity: "error",
      why: "a pod there whose address is a cluster IP here cannot be reached: the packet is translated before it leaves",
      remedy: "move the Service range out of the other cluster's pod range",
    };
  if (has("services") && has("nodes"))
    return {
      severity: "error",
      why: "a node whose address is a cluster IP elsewhere cannot be reached from there",
      remedy: "move the Service range away from the nodes' network",
    };
  if (has("nodes"))
    return {
      severity: "error",
      why: "tunnels to that node end at the other cluster's",
      remedy: "nodes must reach each other by their InternalIPs: give them addresses of their own",
    };
  return {
    severity: "info",
    why: `cluster IPs mean something in their own cluster alone, so global Services work; whoever routes cluster IPs between ${a} and ${b} cannot`,
    remedy: null,
  };
}
