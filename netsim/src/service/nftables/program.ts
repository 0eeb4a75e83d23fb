/** kube-proxy's nftables mode (v1.37): the table that a node gets. */
import type { Cluster, IPFamily } from "../../model/types.ts";
import { contains, parseBlock, type Address, type Block } from "../address.ts";
import type { ProxiedEndpoint } from "../endpoints.ts";
import type { ProxyNode } from "../node.ts";
import { planPorts, type PortPlan, type Refusal } from "../plan.ts";
import type { ProxiedPort } from "../service-port.ts";
import { base, type Containers, type MapName } from "./base.ts";
import { endpointSuffix, portSuffix } from "./names.ts";
import type { Element, NftTable, Rule, Statement, Verdict } from "./ruleset.ts";

export interface NftablesProgram {
  readonly family: IPFamily;
  readonly node: ProxyNode;
  readonly table: NftTable;
  readonly plans: readonly PortPlan[];
}

/** nft's longest comment. */
const LONGEST_COMMENT = 128;

export function nftablesProgram(cluster: Cluster, node: ProxyNode): NftablesProgram {
  const { family } = node;
  const plans = planPorts(cluster, family, node);
  const into = base(node);
  for (const plan of plans) {
    frontends(into, plan);
    hairpins(into, plan, node);
    chains(into, plan, node);
  }
  return { family, node, table: { family, ...into }, plans };
}

const goTo = (chain: string): Verdict => ({ kind: "goto", chain });

function refuse(refusal: Refusal): Verdict {
  return refusal === "reject" ? goTo("reject-chain") : { kind: "drop" };
}

/** The ways in: elements of the maps. */
function frontends(into: Containers, plan: PortPlan): void {
  const { port, endpoints, internalRefusal, externalRefusal, guarded } = plan;
  const suffix = portSuffix(port);
  const protocol = port.protocol.toLowerCase();
  const put = (map: MapName, key: string, verdict: Verdict, commented = false) => {
    const element: Element = {
      verdict,
      service: port.name,
      ...(commented ? { comment: port.name.slice(0, LONGEST_COMMENT) } : {}),
    };
    into.maps.get(map)?.elements.set(key, element);
  };
  const at = (address: Address) => `${address.text} . ${protocol} . ${port.port}`;

  into.sets.get("cluster-ips")?.elements.add(port.clusterIP.text);
  if (internalRefusal === undefined)
    put("service-ips", at(port.clusterIP), goTo(`${prefix(plan.internalPolicy)}${suffix}`));
  else put("no-endpoint-services", at(port.clusterIP), refuse(internalRefusal), true);

  for (const address of [...port.externalIPs, ...port.loadBalancerIPs]) {
    if (endpoints.any) put("service-ips", at(address), goTo(`external-${suffix}`));
    if (externalRefusal !== undefined)
      put("no-endpoint-services", at(address), refuse(externalRefusal), true);
  }
  if (guarded)
    for (const address of port.loadBalancerIPs) put("firewall-ips", at(address), goTo(`firewall-${suffix}`));

  if (port.nodePort === 0) return;
  const key = `${protocol} . ${port.nodePort}`;
  if (endpoints.any) put("service-nodeports", key, goTo(`external-${suffix}`));
  if (externalRefusal !== undefined) put("no-endpoint-nodeports", key, refuse(externalRefusal), true);
}

/** Only endpoints of this node can meet themselves. */
function hairpins(into: Containers, { port, endpoints }: PortPlan, node: ProxyNode): void {
  for (const { address, port: at, nodeName } of endpoints.reachable)
    if (nodeName === node.name)
      into.sets
        .get("hairpin-connections")
        ?.elements.add(`${address} . ${address} . ${port.protocol.toLowerCase()} . ${at}`);
}

/** The service port's own chains: by policy, external, firewall; with affinity, one for each endpoint. */
function chains(into: Containers, plan: PortPlan, node: ProxyNode): void {
  const { port, endpoints } = plan;
  const suffix = portSuffix(port);
  const chain = (name: string, rules: Rule[]) =>
    into.chains.set(name, { name, rules: rules.map((rule) => ({ ...rule, service: port.name })) });
  if (endpoints.cluster.length > 0) chain(`service-${suffix}`, balance(port, endpoints.cluster));
  if (endpoints.local.length > 0) chain(`local-${suffix}`, balance(port, endpoints.local));
  if (plan.takesExternal) chain(`external-${suffix}`, external(plan, suffix, node));
  if (plan.guarded) chain(`firewall-${suffix}`, [firewall(port, node)]);
  if (port.affinity === 0) return;
  const type = node.family === "IPv4" ? "ipv4_addr" : "ipv6_addr";
  for (const endpoint of endpoints.reachable) {
    const own = endpointSuffix(port, endpoint);
    const set = `affinity-${own}`;
    into.sets.set(set, { name: set, type, timeout: port.affinity, elements: new Set() });
    chain(`endpoint-${own}`, [{ statements: [{ kind: "update", set }] }, dnat(port, [endpoint])]);
  }
}

function balance(port: ProxiedPort, endpoints: readonly ProxiedEndpoint[]): Rule[] {
  if (port.affinity === 0) return [dnat(port, endpoints)];
  const suffixes = endpoints.map((endpoint) => endpointSuffix(port, endpoint));
  return [
    ...suffixes.map((suffix): Rule => ({
      statements: [
        { kind: "in", key: "saddr", set: `affinity-${suffix}` },
        { kind: "goto", chain: `endpoint-${suffix}` },
      ],
    })),
    { statements: [{ kind: "goto random", chains: suffixes.map((suffix) => `endpoint-${suffix}`) }] },
  ];
}

function dnat(port: ProxiedPort, targets: readonly ProxiedEndpoint[]): Rule {
  return {
    statements: [
      { kind: "protocol", protocol: port.protocol.toLowerCase() },
      { kind: "dnat", targets },
    ],
  };
}

function external(plan: PortPlan, suffix: string, node: ProxyNode): Rule[] {
  const onward: Rule[] =
    plan.externalRefusal === undefined
      ? [{ statements: [{ kind: "goto", chain: `${prefix(plan.externalPolicy)}${suffix}` }] }]
      : [];
  if (plan.externalPolicy === "cluster")
    return [{ statements: [{ kind: "mark" }], comment: "masquerade" }, ...onward];
  // Pods and the node itself are served as if the traffic had gone out to a load balancer and come back.
  const everywhere: Statement = { kind: "goto", chain: `service-${suffix}` };
  const own: Statement = { kind: "local source" };
  const pods: Rule[] =
    node.clusterCIDR === undefined
      ? []
      : [
          {
            statements: [{ kind: "blocks", which: "saddr", blocks: [node.clusterCIDR] }, everywhere],
            comment: "short-circuit pod traffic",
          },
        ];
  return [
    ...pods,
    { statements: [own, { kind: "mark" }], comment: "masquerade local traffic" },
    { statements: [own, everywhere], comment: "short-circuit local traffic" },
    ...onward,
  ];
}

function firewall(port: ProxiedPort, node: ProxyNode): Rule {
  const admitted = [...port.sourceRanges];
  // Where the load balancer's address is the node's own, what the node sends to it has that address as its source.
  if (node.address !== undefined && admitted.some((range) => contains(range, node.address as Address)))
    for (const { text, family } of port.loadBalancerIPs)
      admitted.push(parseBlock(`${text}/${family === "IPv4" ? 32 : 128}`) as Block);
  return { statements: [{ kind: "blocks", which: "saddr", not: true, blocks: admitted }, { kind: "drop" }] };
}

function prefix(policy: PortPlan["internalPolicy"]): string {
  return policy === "cluster" ? "service-" : "local-";
}
