/** kube-proxy's iptables mode (v1.37): the rules that a node gets. */
import type { Cluster, IPFamily } from "../../model/types.ts";
import { contains, parseBlock, type Address, type Block } from "../address.ts";
import { LOOPBACK, type ProxyNode } from "../node.ts";
import { planPorts, type PortPlan } from "../plan.ts";
import type { ProxiedPort } from "../service-port.ts";
import { base, comment } from "./base.ts";
import { chainNames, endpointChain } from "./names.ts";
import {
  kernelProbability,
  type Match,
  type Rule,
  type Table,
  type TableBuilder,
  type Target,
} from "./rule.ts";

/** The tables of one address family. */
export interface IptablesProgram {
  readonly family: IPFamily;
  readonly node: ProxyNode;
  readonly nat: Table;
  readonly filter: Table;
  readonly mangle: Table;
  readonly plans: readonly PortPlan[];
}

export function iptablesProgram(cluster: Cluster, node: ProxyNode): IptablesProgram {
  const { family } = node;
  const plans = planPorts(cluster, family, node);
  const { nat, filter, mangle, finish } = base(node);
  const large = plans.reduce((sum, { known }) => sum + known, 0) > LARGE_CLUSTER;
  const say: Say = (text) => (large ? [] : [comment(text)]);
  for (const plan of plans) {
    frontends(nat, filter, plan, family);
    chains(nat, plan, node, say);
  }
  finish();
  return { family, node, nat: nat.done(), filter: filter.done(), mangle: mangle.done(), plans };
}

/** With more endpoints than this, over all services, the rules about endpoints lose their comments. */
const LARGE_CLUSTER = 1000;

type Say = (text: string) => readonly Match[];

const jump = (chain: string): Target => ({ kind: "jump", chain });

/** The ways in: KUBE-SERVICES and KUBE-NODEPORTS for who is served, the filter table for who is not. */
function frontends(nat: TableBuilder, filter: TableBuilder, plan: PortPlan, family: IPFamily): void {
  const { port, endpoints, internalRefusal, externalRefusal, guarded } = plan;
  const { service, external, firewall } = chainNames(port);
  const refuse = (chain: string, refusal: "reject" | "drop", to: Partial<Rule>, dport: number) =>
    filter.rule(chain, {
      protocol: port.protocol.toLowerCase(),
      service: port.name,
      ...to,
      matches: [
        comment(`${port.name} has no ${refusal === "drop" ? "local " : ""}endpoints`),
        ...(to.matches ?? []),
        { kind: "port", port: dport },
      ],
      target: { kind: refusal === "drop" ? "DROP" : "REJECT" },
    });

  if (internalRefusal === undefined)
    nat.rule("KUBE-SERVICES", toPort(port, port.clusterIP, "cluster IP", service(plan.internalPolicy)));
  else refuse("KUBE-SERVICES", internalRefusal, { destination: { block: host(port.clusterIP) } }, port.port);

  const outside = (address: Address, kind: string, chain: string) => {
    if (endpoints.any) nat.rule("KUBE-SERVICES", toPort(port, address, kind, chain));
    if (externalRefusal !== undefined)
      refuse("KUBE-EXTERNAL-SERVICES", externalRefusal, { destination: { block: host(address) } }, port.port);
  };
  for (const address of port.externalIPs) outside(address, "external IP", external);
  const firewalled = guarded && endpoints.any;
  for (const address of port.loadBalancerIPs) {
    outside(address, "loadbalancer IP", firewalled ? firewall : external);
    if (firewalled)
      filter.rule("KUBE-PROXY-FIREWALL", {
        ...toPort(port, address, `traffic not accepted by ${firewall}`, ""),
        target: { kind: "DROP" },
      });
  }

  if (port.nodePort !== 0) {
    const rule: Rule = {
      protocol: port.protocol.toLowerCase(),
      service: port.name,
      matches: [comment(port.name), { kind: "port", port: port.nodePort }],
      target: jump(external),
    };
    if (endpoints.any && family === "IPv4")
      nat.rule("KUBE-NODEPORTS", {
        ...rule,
        destination: { block: LOOPBACK.IPv4 },
        matches: [...rule.matches, { kind: "count", counter: "localhost_nps_accepted_pkts" }],
      });
    if (endpoints.any) nat.rule("KUBE-NODEPORTS", rule);
    if (externalRefusal !== undefined)
      refuse(
        "KUBE-EXTERNAL-SERVICES",
        externalRefusal,
        { matches: [{ kind: "local", which: "dst" }] },
        port.nodePort,
      );
  }
  if (port.healthCheckNodePort !== 0)
    filter.rule("KUBE-NODEPORTS", {
      protocol: "tcp",
      service: port.name,
      matches: [
        comment(`${port.name} health check node port`),
        { kind: "port", port: port.healthCheckNodePort },
      ],
      target: { kind: "ACCEPT" },
    });
}

/** The service port's own chains: external, firewall, by policy, by endpoint. */
function chains(nat: TableBuilder, plan: PortPlan, node: ProxyNode, say: Say): void {
  const { port, endpoints, internalPolicy, internalRefusal } = plan;
  const { service, external } = chainNames(port);
  if (internalRefusal === undefined) {
    const chain = service(internalPolicy);
    const toMark = { ...toPort(port, port.clusterIP, "cluster IP", ""), target: jump("KUBE-MARK-MASQ") };
    if (node.masqueradeAll) nat.rule(chain, toMark);
    else if (node.clusterCIDR !== undefined)
      nat.rule(chain, { ...toMark, source: { block: node.clusterCIDR, not: true } });
  }
  if (plan.takesExternal) externalChain(nat, plan, node, external);
  if (plan.guarded && endpoints.any) firewallChain(nat, plan, node);
  if (endpoints.cluster.length > 0) balance(nat, port, service("cluster"), endpoints.cluster, say);
  if (endpoints.local.length > 0) balance(nat, port, service("local"), endpoints.local, say);
  for (const endpoint of endpoints.reachable) {
    const chain = endpointChain(port, endpoint.key);
    const named = { service: port.name };
    nat.rule(chain, {
      ...named,
      source: { block: hostOf(endpoint.address) },
      matches: say(port.name),
      target: jump("KUBE-MARK-MASQ"),
    });
    nat.rule(chain, {
      ...named,
      protocol: port.protocol.toLowerCase(),
      matches: [
        ...say(port.name),
        ...(port.affinity > 0 ? [{ kind: "remember", list: chain } as const] : []),
        { kind: "port" },
      ],
      target: { kind: "DNAT", address: endpoint.address, port: endpoint.port, to: endpoint.key },
    });
  }
}

function externalChain(nat: TableBuilder, plan: PortPlan, node: ProxyNode, chain: string): void {
  const { port, externalPolicy, externalRefusal } = plan;
  const { service } = chainNames(port);
  const say = (text: string) => comment(`${text} for ${port.name} external destinations`);
  const named = { service: port.name };
  if (externalPolicy === "cluster") {
    nat.rule(chain, { ...named, matches: [say("masquerade traffic")], target: jump("KUBE-MARK-MASQ") });
  } else {
    // Pods and the node itself are served as if the traffic had gone out to a load balancer and come back.
    if (node.clusterCIDR !== undefined)
      nat.rule(chain, {
        ...named,
        source: { block: node.clusterCIDR },
        matches: [say("pod traffic")],
        target: jump(service("cluster")),
      });
    const own = { kind: "local", which: "src" } as const;
    nat.rule(chain, {
      ...named,
      matches: [say("masquerade LOCAL traffic"), own],
      target: jump("KUBE-MARK-MASQ"),
    });
    nat.rule(chain, {
      ...named,
      matches: [say("route LOCAL traffic"), own],
      target: jump(service("cluster")),
    });
  }
  if (externalRefusal === undefined)
    nat.rule(chain, { ...named, matches: [], target: jump(service(externalPolicy)) });
}

function firewallChain(nat: TableBuilder, plan: PortPlan, node: ProxyNode): void {
  const { port } = plan;
  const { external, firewall } = chainNames(port);
  const admit = (block: Block) =>
    nat.rule(firewall, {
      service: port.name,
      source: { block },
      matches: [comment(`${port.name} loadbalancer IP`)],
      target: jump(external),
    });
  for (const range of port.sourceRanges) admit(range);
  // Where the load balancer's address is the node's own, what the node sends to it has that address as its source.
  if (
    node.address !== undefined &&
    port.sourceRanges.some((range) => contains(range, node.address as Address))
  )
    for (const address of port.loadBalancerIPs) admit(host(address));
  nat.rule(firewall, {
    service: port.name,
    matches: [comment(`other traffic to ${port.name} will be dropped by KUBE-PROXY-FIREWALL`)],
  });
}

/** Affinity first, then each endpoint with probability 1/n, 1/(n-1), ..., the last for certain. */
function balance(
  nat: TableBuilder,
  port: ProxiedPort,
  chain: string,
  endpoints: PortPlan["endpoints"]["cluster"],
  say: Say,
): void {
  const to = (index: number, key: string, by: "seen" | "random") => {
    const target = endpointChain(port, key);
    const left = endpoints.length - index;
    nat.rule(chain, {
      service: port.name,
      matches: [
        ...say(`${port.name} -> ${key}`),
        ...(by === "seen" ? [{ kind: "seen", list: target, seconds: port.affinity } as const] : []),
        ...(by === "random" && left > 1
          ? [{ kind: "random", probability: kernelProbability(left) } as const]
          : []),
      ],
      target: jump(target),
    });
  };
  if (port.affinity > 0) endpoints.forEach(({ key }, index) => to(index, key, "seen"));
  endpoints.forEach(({ key }, index) => to(index, key, "random"));
}

function toPort(port: ProxiedPort, address: Address, kind: string, chain: string): Rule {
  return {
    destination: { block: host(address) },
    protocol: port.protocol.toLowerCase(),
    matches: [comment(`${port.name} ${kind}`), { kind: "port", port: port.port }],
    target: jump(chain),
    service: port.name,
  };
}

function host(address: Address): Block {
  return hostOf(address.text);
}

function hostOf(text: string): Block {
  return parseBlock(`${text}/${text.includes(":") ? 128 : 32}`) as Block;
}
