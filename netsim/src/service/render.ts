/** A node's rules as its tools print them, and as data. */
import type { Cluster, IPFamily, Node } from "../model/types.ts";
import { iptablesProgram } from "./iptables/program.ts";
import { saveTable } from "./iptables/save.ts";
import { filterSummaries, portSummaries, type FilterSummary, type PortSummary } from "./iptables/summary.ts";
import { ipvsadm } from "./ipvs/ipvsadm.ts";
import { ipvsProgram, type VirtualServer } from "./ipvs/program.ts";
import { listTable } from "./nftables/list.ts";
import { nftablesProgram } from "./nftables/program.ts";
import { nftSummaries, type NftPortSummary } from "./nftables/summary.ts";
import { proxyNode, type ProxyNode, type ProxyOptions } from "./node.ts";

export type RuleMode = "iptables" | "nftables" | "ipvs";

export const RULE_MODES: readonly RuleMode[] = ["iptables", "nftables", "ipvs"];

const FAMILIES: readonly IPFamily[] = ["IPv4", "IPv6"];

export interface RulesData {
  readonly ipv4?: readonly PortSummary[];
  readonly ipv4Filter?: readonly FilterSummary[];
  readonly ipv6?: readonly PortSummary[];
  readonly ipv6Filter?: readonly FilterSummary[];
  readonly nftables?: readonly NftPortSummary[];
  readonly ipvs?: readonly VirtualServer[];
  readonly ipsets?: readonly {
    readonly name: string;
    readonly type: string;
    readonly entries: readonly string[];
  }[];
}

/**
 * iptables: what `iptables-save` (or, for IPv6, `ip6tables-save`) prints of one family; nftables: `nft -s list ruleset`;
 * IPVS: `ipvsadm -Ln`. The latter two show both families.
 */
export function rulesText(
  cluster: Cluster,
  node: Node,
  mode: RuleMode,
  options: ProxyOptions = {},
  family: IPFamily = "IPv4",
): string {
  const of = (each: IPFamily) => proxyNode(cluster, node, each, options);
  if (mode === "nftables")
    return FAMILIES.map((each) => listTable(nftablesProgram(cluster, of(each)).table)).join("");
  if (mode === "ipvs") return ipvsadm(FAMILIES.flatMap((each) => ipvsProgram(cluster, of(each)).servers));
  const { mangle, filter, nat } = iptablesProgram(cluster, of(family));
  return [mangle, filter, nat].map(saveTable).join("");
}

/** The same as data: for iptables one list of service ports and one of filter rules a family. */
export function rulesData(
  cluster: Cluster,
  node: Node,
  mode: RuleMode,
  options: ProxyOptions = {},
): RulesData {
  const each = <T>(make: (node: ProxyNode) => T): [T, T] => [
    make(proxyNode(cluster, node, "IPv4", options)),
    make(proxyNode(cluster, node, "IPv6", options)),
  ];
  if (mode === "nftables")
    return { nftables: each((at) => nftSummaries(nftablesProgram(cluster, at))).flat() };
  if (mode === "ipvs") {
    const programs = each((at) => ipvsProgram(cluster, at));
    return {
      ipvs: programs.flatMap(({ servers }) => servers),
      ipsets: programs.flatMap(({ sets }) => sets.all()),
    };
  }
  const [v4, v6] = each((at) => iptablesProgram(cluster, at));
  return {
    ipv4: portSummaries(v4),
    ipv4Filter: filterSummaries(v4),
    ipv6: portSummaries(v6),
    ipv6Filter: filterSummaries(v6),
  };
}
