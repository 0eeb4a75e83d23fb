/** The ranges of pods and of Services, from whatever object says them. */
import { load } from "js-yaml";
import type { Cluster } from "../model/types.ts";
import { parseBlock } from "./address.ts";
import { fields, type Fields } from "./fields.ts";
import type { NodeFacts } from "./nodes.ts";
import type { NodeRange } from "./types.ts";

/** Each node's podCIDRs, for CNIs that give addresses of them. */
export const podCidrRanges = (nodes: readonly NodeFacts[], from = "the Node's podCIDRs"): NodeRange[] =>
  nodes.flatMap((n) => n.podCIDRs.map((range) => ({ range, node: n.name, from, borrowed: [] })));

interface Given {
  readonly clusterCidrs?: readonly string[];
  readonly serviceCidrs?: readonly string[];
}

const list = (value: unknown): string[] =>
  typeof value === "string" ? value.split(",").flatMap((part) => parseBlock(part)?.text ?? []) : [];

function configurations(cluster: Cluster): Fields[] {
  const direct = ["ClusterConfiguration", "KubeProxyConfiguration"].flatMap(
    (kind) => cluster.others.get(kind) ?? [],
  );
  const texts = (cluster.others.get("ConfigMap") ?? [])
    .filter((m) => ["kubeadm-config", "kube-proxy"].includes(m.metadata.name))
    .flatMap((m) => Object.values(fields(m.data)));
  const parsed = texts.map((text) => {
    try {
      return fields(load(String(text)));
    } catch {
      return {};
    }
  });
  return [...direct.map(fields), ...parsed];
}

/** kubeadm's podSubnet, kube-proxy's clusterCIDR, kind's podSubnet; else the nodes' own ranges. */
export function clusterCidrs(cluster: Cluster, given: Given, nodes: readonly NodeFacts[]): string[] {
  if (given.clusterCidrs !== undefined && given.clusterCidrs.length > 0) return [...given.clusterCidrs];
  for (const config of configurations(cluster)) {
    const found = [...list(fields(config["networking"])["podSubnet"]), ...list(config["clusterCIDR"])];
    if (found.length > 0) return found;
  }
  return [...new Set(nodes.flatMap((n) => n.podCIDRs.flatMap((c) => parseBlock(c)?.text ?? [])))];
}

/** ServiceCIDR objects, kubeadm's serviceSubnet; empty where nothing says it. */
export function serviceCidrs(cluster: Cluster, given: Given): string[] {
  if (given.serviceCidrs !== undefined && given.serviceCidrs.length > 0) return [...given.serviceCidrs];
  const objects = (cluster.others.get("ServiceCIDR") ?? []).flatMap((o) => {
    const cidrs = fields(o.spec)["cidrs"];
    return Array.isArray(cidrs) ? cidrs.flatMap((c) => parseBlock(String(c))?.text ?? []) : [];
  });
  if (objects.length > 0) return objects;
  return configurations(cluster).flatMap((c) => list(fields(c["networking"])["serviceSubnet"]));
}
