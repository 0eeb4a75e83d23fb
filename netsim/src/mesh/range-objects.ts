/** Objects that say which addresses a cluster's pods and Services have. */
import type { Path } from "../model/read.ts";
import type { Cluster, KubeObject } from "../model/types.ts";

interface Written {
  readonly kind: "pods" | "services";
  readonly object: KubeObject;
  readonly path: Path;
  readonly cidr: unknown;
}

type Fields = Readonly<Record<string, unknown>>;
const fields = (value: unknown): Fields =>
  typeof value === "object" && value !== null ? (value as Fields) : {};
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? (value as unknown[]) : []);

/** A comma between CIDRs of both families. */
const split = (value: unknown): string[] =>
  typeof value === "string" ? value.split(/[\s,]+/).filter((c) => c !== "") : [];

export function podRangeObjects({ others }: Cluster): Written[] {
  const out: Written[] = [];
  const all = (kind: string): readonly (KubeObject & Fields)[] => others.get(kind) ?? [];
  const add = (kind: Written["kind"], object: KubeObject, path: Path, cidrs: readonly unknown[]): void => {
    for (const cidr of cidrs) out.push({ kind, object, path, cidr });
  };
  for (const map of all("ConfigMap").filter((m) => m.metadata.name === "cilium-config"))
    for (const key of ["cluster-pool-ipv4-cidr", "cluster-pool-ipv6-cidr"])
      add("pods", map, ["data", key], split(fields(map["data"])[key]));
  for (const node of all("CiliumNode"))
    add("pods", node, ["spec", "ipam", "podCIDRs"], list(fields(fields(node["spec"])["ipam"])["podCIDRs"]));
  for (const pool of all("CiliumPodIPPool"))
    for (const family of ["ipv4", "ipv6"])
      add("pods", pool, ["spec", family, "cidrs"], list(fields(fields(pool["spec"])[family])["cidrs"]));
  for (const pool of all("IPPool")) add("pods", pool, ["spec", "cidr"], [fields(pool["spec"])["cidr"]]);
  for (const kind of ["ClusterConfiguration", "Cluster"])
    for (const object of all(kind)) {
      const networking = fields(object["networking"]);
      add("pods", object, ["networking", "podSubnet"], split(networking["podSubnet"]));
      add("services", object, ["networking", "serviceSubnet"], split(networking["serviceSubnet"]));
    }
  for (const object of all("KubeProxyConfiguration"))
    add("pods", object, ["clusterCIDR"], split(object["clusterCIDR"]));
  for (const range of all("ServiceCIDR"))
    add("services", range, ["spec", "cidrs"], list(fields(range["spec"])["cidrs"]));
  return out;
}
