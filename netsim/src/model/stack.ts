/** The cluster's address ranges and families, as far as its configuration or its objects say, and the families of a Service. */
import { load } from "js-yaml";
import { parseAddress, parsePrefix } from "../select/cidr.ts";
import type { IPFamily, Node, OtherObject, Pod, Service } from "./types.ts";

/** CIDRs, the primary family's first; empty where nothing says. */
export interface Subnets {
  readonly services: readonly string[];
  readonly pods: readonly string[];
}

type Fields = Readonly<Record<string, unknown>>;
type Others = ReadonlyMap<string, readonly OtherObject[]>;

const fields = (value: unknown): Fields =>
  typeof value === "object" && value !== null ? (value as Fields) : {};

const isIPv6 = (cidr: string): boolean => parsePrefix(cidr)?.v6 === true;
const familyOf = (ip: string): IPFamily => (parseAddress(ip)?.v6 === true ? "IPv6" : "IPv4");

/** `10.96.0.0/16,fd00:10:96::/112`, or a list of such; what is no CIDR is left out. */
const cidrs = (value: unknown): readonly string[] =>
  (Array.isArray(value) ? value : String(value ?? "").split(","))
    .map((text) => String(text).trim())
    .filter((text) => parsePrefix(text) !== undefined);

/**
 * In the order in which they are believed: ServiceCIDR objects (the API server's own, `kubernetes`, first), flags of
 * kube-apiserver and kube-controller-manager, kubeadm's ClusterConfiguration (or its ConfigMap), kind's configuration,
 * kube-proxy's.
 */
export function subnetsOf(others: Others, pods: readonly Pod[]): Subnets {
  const isDefault = (o: OtherObject): boolean => o.metadata.name === "kubernetes";
  const ranges = others.get("ServiceCIDR") ?? [];
  const objects = [...ranges.filter(isDefault), ...ranges.filter((o) => !isDefault(o))].flatMap((o) =>
    cidrs(fields(o.spec)["cidrs"]),
  );
  const networks = [...kubeadm(others), ...(others.get("Cluster") ?? [])].map((o) =>
    fields(fields(o)["networking"]),
  );
  const proxies = others.get("KubeProxyConfiguration") ?? [];
  const first = (...found: (readonly string[])[]): readonly string[] => found.find((f) => f.length > 0) ?? [];
  return {
    services: first(
      objects,
      flag(pods, /^kube-(apiserver|controller-manager)/, "--service-cluster-ip-range"),
      ...networks.map((n) => cidrs(n["serviceSubnet"])),
    ),
    pods: first(
      flag(pods, /^kube-controller-manager/, "--cluster-cidr"),
      ...networks.map((n) => cidrs(n["podSubnet"])),
      ...proxies.map((p) => cidrs(fields(p)["clusterCIDR"])),
    ),
  };
}

function kubeadm(others: Others): readonly unknown[] {
  const maps = (others.get("ConfigMap") ?? []).filter((m) => m.metadata.name === "kubeadm-config");
  const texts = maps.map((m) => fields(m.data)["ClusterConfiguration"]);
  return [...(others.get("ClusterConfiguration") ?? []), ...texts.map(yaml)];
}

const yaml = (text: unknown): unknown => {
  try {
    return typeof text === "string" ? load(text) : undefined;
  } catch {
    return undefined;
  }
};

/** What a static pod of the control plane is started with: `--flag=VALUE`, or the value as the next word. */
function flag(pods: readonly Pod[], name: RegExp, option: string): readonly string[] {
  for (const pod of pods) {
    if (pod.metadata.namespace !== "kube-system" || !name.test(pod.metadata.name)) continue;
    const words = pod.spec.containers.flatMap((c) => [...(c.command ?? []), ...(c.args ?? [])]);
    const at = words.findIndex((w) => w === option || w.startsWith(`${option}=`));
    const word = words[at];
    if (word === undefined) continue;
    const found = cidrs(word === option ? words[at + 1] : word.slice(option.length + 1));
    if (found.length > 0) return found;
  }
  return [];
}

/**
 * The families that the cluster has, its primary one first. Where no configuration says: those of the cluster IPs, the
 * nodes' podCIDRs and the pods; and both where a Service must have both, since its cluster then does.
 */
export function stackOf(
  subnets: Subnets,
  services: readonly Service[],
  nodes: readonly Node[],
  pods: readonly Pod[],
): readonly IPFamily[] {
  if (subnets.services.length > 0)
    return [...new Set(subnets.services.map((c): IPFamily => (isIPv6(c) ? "IPv6" : "IPv4")))];
  const podRanges = [...subnets.pods, ...nodes.flatMap((n) => n.spec.podCIDRs ?? n.spec.podCIDR ?? [])];
  const evidence = [
    ...services.flatMap((s) => clusterAddresses(s).map(familyOf)),
    ...podRanges.map((c): IPFamily => (isIPv6(c) ? "IPv6" : "IPv4")),
    ...pods.flatMap(({ status }) => status.podIPs?.map(({ ip }) => ip) ?? status.podIP ?? []).map(familyOf),
    ...services.flatMap((s) => s.spec.ipFamilies ?? []),
  ];
  const found = [...new Set(evidence.length > 0 ? evidence : (["IPv4"] as const))];
  const both = services.some((s) => s.spec.ipFamilyPolicy === "RequireDualStack");
  return both && found.length === 1 ? [...found, other(found[0]!)] : found;
}

const other = (family: IPFamily): IPFamily => (family === "IPv4" ? "IPv6" : "IPv4");
const clusterAddresses = ({ spec }: Service): readonly string[] =>
  (spec.clusterIPs ?? []).filter((ip) => ip !== "None" && ip !== "");

/**
 * `ipFamilies` as the API server fills it in: what is given, else the families of its addresses, else the cluster's
 * primary one; both where `ipFamilyPolicy` asks for both and the cluster has them.
 */
export function familiesOf(service: Service, stack: readonly IPFamily[]): readonly IPFamily[] {
  const { ipFamilies = [], ipFamilyPolicy } = service.spec;
  const addresses = clusterAddresses(service).map(familyOf);
  const given = ipFamilies.length > 0 ? ipFamilies : addresses.length > 0 ? addresses : stack.slice(0, 1);
  // With both, the API server has decided already.
  if (ipFamilies.length > 0 && addresses.length > 0) return ipFamilies;
  const dual =
    ipFamilyPolicy === "RequireDualStack" || (ipFamilyPolicy === "PreferDualStack" && stack.length > 1);
  return [...new Set(dual && given.length === 1 ? [...given, other(given[0]!)] : given)];
}
