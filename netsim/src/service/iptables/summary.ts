/** The iptables rules as data, one entry a service port: what `netsim rules --json` prints. */
import type { UsableEndpoints } from "../endpoints.ts";
import type { PortPlan } from "../plan.ts";
import { chainNames, endpointChain } from "./names.ts";
import type { IptablesProgram } from "./program.ts";
import { kernelProbability, type Rule } from "./rule.ts";

/** `probability` as iptables-save prints it; null: the rest goes here. */
export interface EndpointSummary {
  readonly endpoint: string;
  readonly chain: string;
  readonly probability: number | null;
  readonly order: number;
}

/** `ip` null: every address of the node. */
export interface FrontendSummary {
  readonly kind: "cluster IP" | "external IP" | "loadbalancer IP" | "nodePort";
  readonly ip: string | null;
  readonly port: number;
  readonly to: string;
}

export interface PortSummary {
  readonly servicePort: string;
  readonly protocol: string;
  readonly chains: Readonly<Partial<Record<"SVC" | "SVL" | "EXT" | "FW", string>>>;
  readonly svcEndpoints?: readonly EndpointSummary[];
  readonly svlEndpoints?: readonly EndpointSummary[];
  /** Seconds of `sessionAffinity: ClientIP`. */
  readonly affinitySeconds?: number;
  /** Does an endpoint that reaches itself through the service see the node's address? */
  readonly hairpinMasquerade: boolean;
  /** Does the chain that traffic from outside ends in masquerade it? */
  readonly masqueradeOffCluster: boolean;
  readonly frontends: readonly FrontendSummary[];
}

/** A rule of the filter table about a service port. */
export interface FilterSummary {
  readonly chain: string;
  readonly servicePort: string;
  readonly reason: string;
  readonly ip: string | null;
  readonly port: number;
  readonly nodePort: boolean;
  readonly verdict: "REJECT" | "DROP" | "ACCEPT";
}

/** The service ports that have chains, in the order of these. */
export function portSummaries(program: IptablesProgram): PortSummary[] {
  return program.plans
    .filter(({ endpoints }) => endpoints.any)
    .map((plan) => portSummary(plan, program))
    .filter(({ chains }) => Object.keys(chains).length > 0)
    .sort((a, b) => compare(chainKey(a), chainKey(b)));
}

/** The filter table's rules about service ports, chain by chain. */
export function filterSummaries({ filter, plans }: IptablesProgram): FilterSummary[] {
  const names = new Set(plans.map(({ port }) => port.name));
  const chains = ["KUBE-SERVICES", "KUBE-EXTERNAL-SERVICES", "KUBE-NODEPORTS", "KUBE-PROXY-FIREWALL"];
  return chains.flatMap((chain) =>
    (filter.chains.get(chain)?.rules ?? []).flatMap((rule) =>
      rule.service !== undefined && names.has(rule.service) ? [filterSummary(chain, rule, rule.service)] : [],
    ),
  );
}

function portSummary(plan: PortPlan, { node }: IptablesProgram): PortSummary {
  const { port, endpoints, takesExternal, guarded } = plan;
  const names = chainNames(port);
  const cluster = listed(plan, endpoints.cluster);
  const local = listed(plan, endpoints.local);
  const marksClusterIP =
    plan.internalRefusal === undefined && (node.clusterCIDR !== undefined || node.masqueradeAll);
  const last = local === undefined ? "cluster" : "local";
  return {
    servicePort: port.name,
    protocol: port.protocol.toLowerCase(),
    chains: {
      ...(cluster === undefined ? {} : { SVC: names.service("cluster") }),
      ...(local === undefined ? {} : { SVL: names.service("local") }),
      ...(takesExternal ? { EXT: names.external } : {}),
      ...(guarded ? { FW: names.firewall } : {}),
    },
    ...(cluster === undefined ? {} : { svcEndpoints: cluster }),
    ...(local === undefined ? {} : { svlEndpoints: local }),
    ...(port.affinity > 0 ? { affinitySeconds: port.affinity } : {}),
    hairpinMasquerade: true,
    masqueradeOffCluster: marksClusterIP && plan.internalPolicy === last,
    frontends: frontends(plan),
  };
}

function listed({ port }: PortPlan, endpoints: UsableEndpoints["cluster"]): EndpointSummary[] | undefined {
  if (endpoints.length === 0) return undefined;
  return endpoints.map(({ key }, order) => {
    const left = endpoints.length - order;
    const probability = left > 1 ? Number(kernelProbability(left).toFixed(11)) : null;
    return { endpoint: key, chain: endpointChain(port, key), probability, order };
  });
}

function frontends({ port, internalPolicy, internalRefusal, guarded }: PortPlan): FrontendSummary[] {
  const { service, external, firewall } = chainNames(port);
  const at = (kind: FrontendSummary["kind"], to: string) => (address: { text: string }) =>
    ({ kind, ip: address.text, port: port.port, to }) as const;
  return [
    ...(internalRefusal === undefined ? [at("cluster IP", service(internalPolicy))(port.clusterIP)] : []),
    ...port.externalIPs.map(at("external IP", external)),
    ...port.loadBalancerIPs.map(at("loadbalancer IP", guarded ? firewall : external)),
    ...(port.nodePort === 0
      ? []
      : [{ kind: "nodePort", ip: null, port: port.nodePort, to: external } as const]),
  ];
}

function filterSummary(chain: string, rule: Rule, service: string): FilterSummary {
  const said = rule.matches.find((match) => match.kind === "comment");
  const at = rule.matches.find((match) => match.kind === "port");
  const verdict = rule.target?.kind;
  return {
    chain,
    servicePort: service,
    reason: said?.text.slice(service.length + 1) ?? "",
    ip: rule.destination?.block.text.replace(/\/\d+$/, "") ?? null,
    port: at?.port ?? 0,
    nodePort: rule.matches.some((match) => match.kind === "local"),
    verdict: verdict === "REJECT" || verdict === "DROP" ? verdict : "ACCEPT",
  };
}

function chainKey({ chains }: PortSummary): string {
  return chains.SVC ?? chains.SVL ?? "";
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
