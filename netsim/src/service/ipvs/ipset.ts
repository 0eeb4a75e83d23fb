import type { IPFamily } from "../../model/types.ts";
import { contains, parseBlock } from "../address.ts";
import type { Flight } from "../netfilter.ts";

/** The ipsets of kube-proxy, by their names without `KUBE-`: type and comment. */
const KINDS = new Map<string, readonly [type: string, comment: string]>([
  [
    "LOOP-BACK",
    ["hash:ip,port,ip", "Kubernetes endpoints dst ip:port, source ip for solving hairpin purpose"],
  ],
  ["CLUSTER-IP", ["hash:ip,port", "Kubernetes service cluster ip + port for masquerade purpose"]],
  [
    "EXTERNAL-IP",
    ["hash:ip,port", "Kubernetes service external ip + port for masquerade and filter purpose"],
  ],
  [
    "EXTERNAL-IP-LOCAL",
    ["hash:ip,port", "Kubernetes service external ip + port with externalTrafficPolicy=local"],
  ],
  ["LOAD-BALANCER", ["hash:ip,port", "Kubernetes service lb portal"]],
  [
    "LOAD-BALANCER-FW",
    ["hash:ip,port", "Kubernetes service load balancer ip + port for load balancer with sourceRange"],
  ],
  [
    "LOAD-BALANCER-LOCAL",
    ["hash:ip,port", "Kubernetes service load balancer ip + port with externalTrafficPolicy=local"],
  ],
  [
    "LOAD-BALANCER-SOURCE-IP",
    ["hash:ip,port,ip", "Kubernetes service load balancer ip + port + source IP for packet filter purpose"],
  ],
  [
    "LOAD-BALANCER-SOURCE-CIDR",
    [
      "hash:ip,port,net",
      "Kubernetes service load balancer ip + port + source cidr for packet filter purpose",
    ],
  ],
  ["NODE-PORT-TCP", ["bitmap:port", "Kubernetes nodeport TCP port for masquerade purpose"]],
  ["NODE-PORT-LOCAL-TCP", ["bitmap:port", "Kubernetes nodeport TCP port with externalTrafficPolicy=local"]],
  ["NODE-PORT-UDP", ["bitmap:port", "Kubernetes nodeport UDP port for masquerade purpose"]],
  ["NODE-PORT-LOCAL-UDP", ["bitmap:port", "Kubernetes nodeport UDP port with externalTrafficPolicy=local"]],
  [
    "NODE-PORT-SCTP-HASH",
    ["hash:ip,port", "Kubernetes nodeport SCTP port for masquerade purpose with type 'hash ip:port'"],
  ],
  [
    "NODE-PORT-LOCAL-SCTP-HASH",
    [
      "hash:ip,port",
      "Kubernetes nodeport SCTP port with externalTrafficPolicy=local with type 'hash ip:port'",
    ],
  ],
  ["HEALTH-CHECK-NODE-PORT", ["bitmap:port", "Kubernetes health check node port"]],
  ["IPVS-IPS", ["hash:ip", "Addresses on the ipvs interface"]],
]);

/** The ipsets of one address family. Names are without `KUBE-` unless called full; entries are as `ipset save` writes them. */
export interface IpSets {
  add(name: string, entry: string): void;
  isEmpty(name: string): boolean;
  /** What iptables calls the set. */
  fullName(name: string): string;
  comment(name: string): string;
  all(): { name: string; type: string; entries: readonly string[] }[];
  /** iptables' match: `by` says which of the packet's fields the parts of an entry are (`dst,dst,src`). */
  matches(fullName: string, by: string, flight: Flight): boolean;
}

export function ipSets(family: IPFamily): IpSets {
  const prefix = family === "IPv4" ? "KUBE-" : "KUBE-6-";
  const sets = new Map([...KINDS.keys()].map((name) => [name, new Set<string>()]));
  return {
    add: (name, entry) => void sets.get(name)?.add(entry),
    isEmpty: (name) => (sets.get(name)?.size ?? 0) === 0,
    fullName: (name) => prefix + name,
    comment: (name) => KINDS.get(name)?.[1] ?? "",
    all: () =>
      [...sets].map(([name, entries]) => ({
        name: prefix + name,
        type: KINDS.get(name)?.[0] ?? "",
        entries: [...entries].sort(),
      })),
    matches: (fullName, by, flight) => {
      const name = fullName.slice(prefix.length);
      return isIn(sets.get(name) ?? new Set(), KINDS.get(name)?.[0] ?? "", by, flight);
    },
  };
}

function isIn(entries: ReadonlySet<string>, type: string, by: string, flight: Flight): boolean {
  const { source, destination, protocol, port } = flight;
  if (type === "bitmap:port") return entries.has(String(port));
  if (type === "hash:ip") return entries.has(destination.text);
  const head = `${by.startsWith("src") ? source.text : destination.text},${protocol}:${port}`;
  if (type === "hash:ip,port") return entries.has(head);
  if (type === "hash:ip,port,ip") return entries.has(`${head},${source.text}`);
  return [...entries].some((entry) => {
    const block = entry.startsWith(`${head},`) ? parseBlock(entry.slice(head.length + 1)) : undefined;
    return block !== undefined && contains(block, source);
  });
}
