/** The resolv.conf of a pod, as the kubelet writes it for dnsPolicy ClusterFirst (Kubernetes: DNS for Services and Pods). */

/** `spec.dnsConfig` of a pod. */
export interface DnsConfig {
  readonly nameservers?: readonly string[];
  readonly searches?: readonly string[];
  readonly options?: readonly { readonly name: string; readonly value?: string }[];
}

export interface PodDns {
  readonly namespace: string;
  /** Without dots at its ends, such as `cluster.local`. */
  readonly clusterDomain: string;
  /** Cluster IP of the DNS Service. */
  readonly nameserver: string;
  readonly ndots: number;
  /** Search domains of the node, which follow the cluster's. */
  readonly nodeSearches: readonly string[];
  readonly dnsConfig: DnsConfig;
}

const unique = <T>(list: readonly T[]): T[] => [...new Set(list)];

/** The text of /etc/resolv.conf. dnsConfig's servers and domains are added, its options take the place of those of their name. */
export function podResolvConf({
  namespace,
  clusterDomain,
  nameserver,
  ndots,
  nodeSearches,
  dnsConfig,
}: PodDns): string {
  const searches = unique([
    `${namespace}.svc.${clusterDomain}`,
    `svc.${clusterDomain}`,
    clusterDomain,
    ...nodeSearches,
    ...(dnsConfig.searches ?? []),
  ]);
  const options = new Map([["ndots", String(ndots)]]);
  for (const { name, value } of dnsConfig.options ?? []) options.set(name, value ?? "");
  return [
    `search ${searches.join(" ")}`,
    ...unique([nameserver, ...(dnsConfig.nameservers ?? [])]).map((address) => `nameserver ${address}`),
    `options ${[...options].map(([name, value]) => (value === "" ? name : `${name}:${value}`)).join(" ")}`,
    "",
  ].join("\n");
}
