/** The iptables rules of IPVS mode: their number does not grow with the Services, they ask ipsets. */
import { parseBlock, type Address, type Block } from "../address.ts";
import { comment } from "../iptables/base.ts";
import {
  tableBuilder,
  type Match,
  type Rule,
  type Table,
  type TableBuilder,
  type Target,
} from "../iptables/rule.ts";
import { LOOPBACK, type ProxyNode } from "../node.ts";
import type { IpSets } from "./ipset.ts";

export function ipvsTables(
  node: ProxyNode,
  sets: IpSets,
  barred: readonly { address: Address; protocol: string; port: number }[],
): { nat: Table; filter: Table } {
  const nat = tableBuilder("nat", node.family, ["PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"]);
  const filter = tableBuilder("filter", node.family, ["INPUT", "FORWARD", "OUTPUT"]);
  for (const chain of [
    "KUBE-SERVICES",
    "KUBE-POSTROUTING",
    "KUBE-NODE-PORT",
    "KUBE-LOAD-BALANCER",
    "KUBE-MARK-MASQ",
  ])
    nat.chain(chain);
  for (const chain of [
    "KUBE-FORWARD",
    "KUBE-NODE-PORT",
    "KUBE-PROXY-FIREWALL",
    "KUBE-SOURCE-RANGES-FIREWALL",
  ])
    filter.chain(chain);
  for (const chain of ["KUBE-IPVS-FILTER", "KUBE-IPVS-OUT-FILTER"]) filter.chain(chain);
  jumps(nat, filter);
  const ask = asker(sets);
  services(nat, ask, node);
  nodePorts(nat, ask);
  postrouting(nat, ask);
  filters(filter, ask, barred);
  return { nat: nat.done(), filter: filter.done() };
}

const jump = (chain: string): Target => ({ kind: "jump", chain });
const MARK = jump("KUBE-MARK-MASQ");

interface Ask {
  /** Rules about a set that has no entries are left out. */
  readonly has: (name: string) => boolean;
  readonly about: (name: string, by: string) => readonly Match[];
  readonly plain: (name: string, by: string) => Match;
}

function asker(sets: IpSets): Ask {
  const plain = (name: string, by: string): Match => ({ kind: "set", set: sets.fullName(name), by });
  return {
    has: (name) => !sets.isEmpty(name),
    about: (name, by) => [comment(sets.comment(name)), plain(name, by)],
    plain,
  };
}

/** kube-proxy puts each of them before what is there. */
function jumps(nat: TableBuilder, filter: TableBuilder): void {
  const to = (table: TableBuilder, from: string, chain: string, said: string) =>
    table.rule(from, { matches: [comment(said)], target: jump(chain) });
  to(nat, "PREROUTING", "KUBE-SERVICES", "kubernetes service portals");
  to(nat, "OUTPUT", "KUBE-SERVICES", "kubernetes service portals");
  to(nat, "POSTROUTING", "KUBE-POSTROUTING", "kubernetes postrouting rules");
  to(filter, "INPUT", "KUBE-IPVS-FILTER", "kubernetes ipvs access filter");
  to(filter, "INPUT", "KUBE-PROXY-FIREWALL", "kube-proxy firewall rules");
  to(filter, "INPUT", "KUBE-NODE-PORT", "kubernetes health check rules");
  to(filter, "FORWARD", "KUBE-PROXY-FIREWALL", "kube-proxy firewall rules");
  to(filter, "FORWARD", "KUBE-FORWARD", "kubernetes forwarding rules");
  to(filter, "OUTPUT", "KUBE-IPVS-OUT-FILTER", "kubernetes ipvs access filter");
}

function services(nat: TableBuilder, { has, about, plain }: Ask, node: ProxyNode): void {
  const rule = (matches: readonly Match[], target: Target, more: Partial<Rule> = {}) =>
    nat.rule("KUBE-SERVICES", { ...more, matches, target });
  rule([], { kind: "RETURN" }, { source: { block: LOOPBACK[node.family] } });
  if (has("LOAD-BALANCER")) rule(about("LOAD-BALANCER", "dst,dst"), jump("KUBE-LOAD-BALANCER"));
  if (has("CLUSTER-IP")) {
    // Without a way to tell pods, what a node sends from a virtual address is masqueraded at least.
    const by = node.masqueradeAll || node.clusterCIDR !== undefined ? "dst,dst" : "src,dst";
    const outside =
      node.masqueradeAll || node.clusterCIDR === undefined
        ? {}
        : { source: { block: node.clusterCIDR, not: true } };
    rule(about("CLUSTER-IP", by), MARK, outside);
  }
  for (const set of ["EXTERNAL-IP", "EXTERNAL-IP-LOCAL"]) {
    if (!has(set)) continue;
    const asked = about(set, "dst,dst");
    if (set === "EXTERNAL-IP") rule(asked, MARK);
    const offMachine: Match[] = [
      { kind: "bridged", not: true },
      { kind: "local", which: "src", not: true },
    ];
    rule([...asked, ...offMachine], { kind: "ACCEPT" });
    rule([...asked, { kind: "local", which: "dst" }], { kind: "ACCEPT" });
  }
  rule([{ kind: "local", which: "dst" }], jump("KUBE-NODE-PORT"));
  for (const set of ["CLUSTER-IP", "LOAD-BALANCER"])
    if (has(set)) rule([plain(set, "dst,dst")], { kind: "ACCEPT" });

  if (has("LOAD-BALANCER-LOCAL"))
    nat.rule("KUBE-LOAD-BALANCER", {
      matches: about("LOAD-BALANCER-LOCAL", "dst,dst"),
      target: { kind: "RETURN" },
    });
  nat.rule("KUBE-LOAD-BALANCER", { matches: [], target: MARK });
}

function nodePorts(nat: TableBuilder, { has, about }: Ask): void {
  for (const protocol of ["tcp", "udp", "sctp"]) {
    const suffix = protocol === "sctp" ? "SCTP-HASH" : protocol.toUpperCase();
    const by = protocol === "sctp" ? "dst,dst" : "dst";
    const rule = (set: string, target: Target) => {
      if (has(set)) nat.rule("KUBE-NODE-PORT", { protocol, matches: about(set, by), target });
    };
    rule(`NODE-PORT-LOCAL-${suffix}`, { kind: "RETURN" });
    rule(`NODE-PORT-${suffix}`, MARK);
  }
}

function postrouting(nat: TableBuilder, { has, about }: Ask): void {
  const rule = (matches: readonly Match[], target: Target) =>
    nat.rule("KUBE-POSTROUTING", { matches, target });
  if (has("LOOP-BACK")) rule(about("LOOP-BACK", "dst,dst,src"), { kind: "MASQUERADE", samePort: true });
  rule([{ kind: "marked", not: true }], { kind: "RETURN" });
  rule([], { kind: "unmark" });
  rule([comment("kubernetes service traffic requiring SNAT")], { kind: "MASQUERADE" });
  nat.rule("KUBE-MARK-MASQ", { matches: [], target: { kind: "mark" } });
}

function filters(
  filter: TableBuilder,
  { has, about, plain }: Ask,
  barred: readonly { address: Address; protocol: string; port: number }[],
): void {
  const rule = (chain: string, matches: readonly Match[], target: Target, more: Partial<Rule> = {}) =>
    filter.rule(chain, { ...more, matches, target });
  if (has("LOAD-BALANCER-FW"))
    rule("KUBE-PROXY-FIREWALL", about("LOAD-BALANCER-FW", "dst,dst"), jump("KUBE-SOURCE-RANGES-FIREWALL"));
  for (const set of ["LOAD-BALANCER-SOURCE-CIDR", "LOAD-BALANCER-SOURCE-IP"])
    if (has(set)) rule("KUBE-SOURCE-RANGES-FIREWALL", about(set, "dst,dst,src"), { kind: "RETURN" });
  rule("KUBE-SOURCE-RANGES-FIREWALL", [], { kind: "DROP" });

  for (const { address, protocol, port } of barred) {
    const block = parseBlock(`${address.text}/${address.family === "IPv4" ? 32 : 128}`) as Block;
    rule(
      "KUBE-IPVS-OUT-FILTER",
      [{ kind: "ipvs", address: address.text, protocol, port }],
      { kind: "DROP" },
      {
        source: { block },
      },
    );
  }

  rule("KUBE-FORWARD", [comment("kubernetes forwarding rules"), { kind: "marked" }], { kind: "ACCEPT" });
  const related: Match = { kind: "state", states: ["RELATED", "ESTABLISHED"] };
  rule("KUBE-FORWARD", [comment("kubernetes forwarding conntrack rule"), related], { kind: "ACCEPT" });
  rule("KUBE-NODE-PORT", about("HEALTH-CHECK-NODE-PORT", "dst"), { kind: "ACCEPT" });

  // A virtual address is the node's own: other ports of it must not reach the node's daemons.
  for (const set of ["LOAD-BALANCER", "CLUSTER-IP", "EXTERNAL-IP", "EXTERNAL-IP-LOCAL"])
    rule("KUBE-IPVS-FILTER", [plain(set, "dst,dst")], { kind: "RETURN" });
  rule("KUBE-IPVS-FILTER", [plain("HEALTH-CHECK-NODE-PORT", "dst")], { kind: "RETURN" });
  rule("KUBE-IPVS-FILTER", [{ kind: "state", states: ["NEW"] }, plain("IPVS-IPS", "dst")], {
    kind: "REJECT",
  });
}
