/** What kube-proxy's iptables mode writes whatever the services are. */
import { parseBlock, type Block } from "../address.ts";
import { LOOPBACK, type ProxyNode } from "../node.ts";
import { tableBuilder, type Match, type Rule, type TableBuilder, type Target } from "./rule.ts";

export function comment(text: string): Match {
  return { kind: "comment", text };
}

const NEW: Match = { kind: "state", states: ["NEW"] };

/** The tables with their fixed chains and jumps. `finish` adds what has to come last, once the services are in. */
export function base(node: ProxyNode): {
  nat: TableBuilder;
  filter: TableBuilder;
  mangle: TableBuilder;
  finish: () => void;
} {
  const { family } = node;
  const nat = tableBuilder("nat", family, ["PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"]);
  const filter = tableBuilder("filter", family, ["INPUT", "FORWARD", "OUTPUT"]);
  const mangle = tableBuilder("mangle", family, ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"]);
  for (const table of [nat, filter, mangle]) table.chain("KUBE-PROXY-CANARY");
  for (const chain of ["KUBE-SERVICES", "KUBE-NODEPORTS", "KUBE-POSTROUTING", "KUBE-MARK-MASQ"])
    nat.chain(chain);
  for (const chain of ["KUBE-SERVICES", "KUBE-EXTERNAL-SERVICES", "KUBE-FORWARD", "KUBE-NODEPORTS"])
    filter.chain(chain);
  filter.chain("KUBE-PROXY-FIREWALL");
  filter.chain("KUBE-FIREWALL");
  jumps(nat, filter);
  forwarding(filter);
  masquerading(nat);
  if (family === "IPv4") shieldLoopback(filter);
  return { nat, filter, mangle, finish: () => nodePorts(nat, node) };
}

function jumps(nat: TableBuilder, filter: TableBuilder): void {
  const to = (table: TableBuilder, from: string, chain: string, matches: readonly Match[]) =>
    table.rule(from, { matches, target: { kind: "jump", chain } });
  const portals = [comment("kubernetes service portals")];
  to(nat, "PREROUTING", "KUBE-SERVICES", portals);
  to(nat, "OUTPUT", "KUBE-SERVICES", portals);
  to(nat, "POSTROUTING", "KUBE-POSTROUTING", [comment("kubernetes postrouting rules")]);

  const firewall = [NEW, comment("kubernetes load balancer firewall")];
  const external = [NEW, comment("kubernetes externally-visible service portals")];
  to(filter, "INPUT", "KUBE-FIREWALL", []);
  to(filter, "INPUT", "KUBE-PROXY-FIREWALL", firewall);
  to(filter, "INPUT", "KUBE-NODEPORTS", [comment("kubernetes health check service ports")]);
  to(filter, "INPUT", "KUBE-EXTERNAL-SERVICES", external);
  to(filter, "FORWARD", "KUBE-PROXY-FIREWALL", firewall);
  to(filter, "FORWARD", "KUBE-FORWARD", [comment("kubernetes forwarding rules")]);
  to(filter, "FORWARD", "KUBE-SERVICES", [NEW, ...portals]);
  to(filter, "FORWARD", "KUBE-EXTERNAL-SERVICES", external);
  to(filter, "OUTPUT", "KUBE-FIREWALL", []);
  to(filter, "OUTPUT", "KUBE-PROXY-FIREWALL", firewall);
  to(filter, "OUTPUT", "KUBE-SERVICES", [NEW, ...portals]);
}

function forwarding(filter: TableBuilder): void {
  const rule = (matches: readonly Match[], target: Target) =>
    filter.rule("KUBE-FORWARD", { matches, target });
  const drops: Match = { kind: "count", counter: "ct_state_invalid_dropped_pkts" };
  rule([{ kind: "state", states: ["INVALID"] }, drops], { kind: "DROP" });
  rule([comment("kubernetes forwarding rules"), { kind: "marked" }], { kind: "ACCEPT" });
  const related: Match = { kind: "state", states: ["RELATED", "ESTABLISHED"] };
  rule([comment("kubernetes forwarding conntrack rule"), related], { kind: "ACCEPT" });
}

function masquerading(nat: TableBuilder): void {
  const rule = (matches: readonly Match[], target: Target) =>
    nat.rule("KUBE-POSTROUTING", { matches, target });
  rule([{ kind: "marked", not: true }], { kind: "RETURN" });
  rule([], { kind: "unmark" });
  rule([comment("kubernetes service traffic requiring SNAT")], { kind: "MASQUERADE" });
  nat.rule("KUBE-MARK-MASQ", { matches: [], target: { kind: "mark" } });
}

/** NodePorts on 127.0.0.1 need `route_localnet`, which would let neighbours reach the node's loopback. */
function shieldLoopback(filter: TableBuilder): void {
  const block = LOOPBACK.IPv4;
  filter.rule("KUBE-FIREWALL", {
    source: { block, not: true },
    destination: { block },
    matches: [
      comment("block incoming localnet connections"),
      { kind: "state", states: ["RELATED", "ESTABLISHED", "DNAT"], not: true },
    ],
    target: { kind: "DROP" },
  });
}

function nodePorts(nat: TableBuilder, node: ProxyNode): void {
  const rule: Rule = {
    matches: [
      comment("kubernetes service nodeports; NOTE: this must be the last rule in this chain"),
      { kind: "local", which: "dst" },
    ],
    target: { kind: "jump", chain: "KUBE-NODEPORTS" },
  };
  const loopback = parseBlock("::1/128") as Block;
  nat.rule(
    "KUBE-SERVICES",
    node.family === "IPv6" ? { ...rule, destination: { block: loopback, not: true } } : rule,
  );
}
