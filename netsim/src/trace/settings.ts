/** How the cluster is set up, as far as its objects say: DNS, the service proxy's mode. */
import { load } from "js-yaml";
import type { Cluster, OtherObject, Service } from "../model/types.ts";
import { MODES, type Mode } from "../service/index.ts";

type Fields = Readonly<Record<string, unknown>>;

const fields = (value: unknown): Fields =>
  typeof value === "object" && value !== null ? (value as Fields) : {};

/** The Service that pods ask for names: kube-dns, or what has its label and serves port 53. */
export function clusterDnsOf(cluster: Cluster): Service | undefined {
  const serves = (s: Service) => s.spec.ports.some((p) => p.port === 53);
  const system = cluster.services.filter(serves);
  return (
    system.find((s) => s.metadata.namespace === "kube-system" && s.metadata.name === "kube-dns") ??
    system.find((s) => s.metadata.labels["k8s-app"] === "kube-dns") ??
    system.find((s) => s.spec.selector?.["k8s-app"] === "kube-dns")
  );
}

const configMaps = (cluster: Cluster): readonly OtherObject[] => cluster.others.get("ConfigMap") ?? [];

/** A text of a ConfigMap in kube-system (or wherever one of that name is). */
export function configText(cluster: Cluster, name: string, key: string): string | undefined {
  for (const map of configMaps(cluster)) {
    if (map.metadata.name !== name) continue;
    const text = fields(map.data)[key];
    if (typeof text === "string") return text;
  }
  return undefined;
}

const yaml = (text: string | undefined): Fields => {
  try {
    return fields(load(text ?? ""));
  } catch {
    return {};
  }
};

const firstOf = (cluster: Cluster, kind: string): Fields => fields(cluster.others.get(kind)?.[0]);

export interface KubeletDns {
  readonly clusterDomain: string;
  /** What pods ask: the kubelet's `clusterDNS`, else the DNS Service's address. */
  readonly nameserver: string | undefined;
  /** The DNS Service's own address, which a node's cache asks in its turn. */
  readonly service: string | undefined;
}

/** What kubelets write into pods' resolv.conf. */
export function kubeletDns(cluster: Cluster): KubeletDns {
  const kubelet = firstOf(cluster, "KubeletConfiguration");
  const domain = kubelet["clusterDomain"];
  const servers = kubelet["clusterDNS"];
  const given = Array.isArray(servers) ? servers.find((s) => typeof s === "string") : undefined;
  const service = (clusterDnsOf(cluster)?.spec.clusterIPs ?? []).find((ip) => ip !== "None");
  return {
    clusterDomain: typeof domain === "string" && domain !== "" ? domain.replace(/\.$/, "") : "cluster.local",
    nameserver: given ?? service,
    service,
  };
}

export interface ProxySettings {
  readonly mode: Mode;
  readonly scheduler: string | undefined;
}

/** The mode that Cilium's, Calico's or kube-proxy's configuration says, else kube-proxy's default. */
export function proxySettings(cluster: Cluster): ProxySettings {
  const replaced = configText(cluster, "cilium-config", "kube-proxy-replacement");
  const felix = (cluster.others.get("FelixConfiguration") ?? []).find((o) => o.metadata.name === "default");
  if (replaced === "true" || replaced === "strict" || fields(felix?.spec)["bpfEnabled"] === true)
    return { mode: "ebpf", scheduler: undefined };
  const given = firstOf(cluster, "KubeProxyConfiguration");
  const config = given["kind"] === undefined ? yaml(configText(cluster, "kube-proxy", "config.conf")) : given;
  const mode = MODES.find((m) => m === config["mode"]) ?? "iptables";
  const scheduler = fields(config["ipvs"])["scheduler"];
  return { mode, scheduler: typeof scheduler === "string" && scheduler !== "" ? scheduler : undefined };
}

export interface Corefiles {
  readonly cluster: string;
  readonly nodelocal: string | undefined;
}

/** The world's resolver, as `/etc/resolv.conf` of the nodes would name it. Any address that nothing else has would do. */
export const OUTSIDE_RESOLVER = "198.18.0.53";

/** The Corefiles of the cluster's own ConfigMaps, or one as kubeadm's. */
export function corefilesOf(cluster: Cluster, clusterDomain: string): Corefiles {
  const playable = (text: string) => text.replaceAll("/etc/resolv.conf", OUTSIDE_RESOLVER);
  const own = configText(cluster, "coredns", "Corefile");
  const nodelocal = configText(cluster, "node-local-dns", "Corefile");
  const usual = `.:53 {
    kubernetes ${clusterDomain} in-addr.arpa ip6.arpa {
        pods insecure
        fallthrough in-addr.arpa ip6.arpa
    }
    forward . ${OUTSIDE_RESOLVER}
    loadbalance
}
`;
  return {
    cluster: own === undefined ? usual : playable(own),
    nodelocal:
      nodelocal === undefined ? undefined : playable(placeholders(nodelocal, cluster, clusterDomain)),
  };
}

/** node-cache's manifest as downloaded has variables that are filled in at installation, or at start. */
const placeholders = (text: string, cluster: Cluster, clusterDomain: string): string =>
  text
    .replaceAll("__PILLAR__DNS__DOMAIN__", clusterDomain)
    .replaceAll("__PILLAR__LOCAL__DNS__", LINK_LOCAL)
    .replaceAll(/__PILLAR__(DNS__SERVER|CLUSTER__DNS)__/g, kubeletDns(cluster).service ?? "")
    .replaceAll("__PILLAR__UPSTREAM__SERVERS__", OUTSIDE_RESOLVER);

export const LINK_LOCAL = "169.254.20.10";
