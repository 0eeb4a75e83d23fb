/** The nftables table as data, one entry a service port: what `netsim rules --json` prints. */
import type { PortPlan } from "../plan.ts";
import { ip, ruleText } from "./list.ts";
import { portSuffix } from "./names.ts";
import type { NftablesProgram } from "./program.ts";

type Kind = "service" | "local" | "external" | "firewall";

export interface NftEndpoint {
  readonly index: number;
  readonly endpoint: string;
}

/** `serviceMod` and `localMod`: among how many the random number chooses. `rules`: what is in the chains besides that choice. */
export interface NftPortSummary {
  readonly family: "ip" | "ip6";
  readonly servicePort: string;
  readonly protocol: string;
  readonly chains: Readonly<Partial<Record<Kind, string>>>;
  readonly serviceMod?: number;
  readonly serviceEndpoints?: readonly NftEndpoint[];
  readonly localMod?: number;
  readonly localEndpoints?: readonly NftEndpoint[];
  readonly affinitySeconds?: number;
  readonly rules: Readonly<Partial<Record<Kind, readonly string[]>>>;
}

/** The service ports that have chains. */
export function nftSummaries(program: NftablesProgram): NftPortSummary[] {
  return program.plans
    .map((plan) => summary(plan, program))
    .filter(({ chains }) => Object.keys(chains).length > 0);
}

function summary({ port, endpoints }: PortPlan, { table, family }: NftablesProgram): NftPortSummary {
  const suffix = portSuffix(port);
  const chains: Partial<Record<Kind, string>> = {};
  const rules: Partial<Record<Kind, string[]>> = {};
  for (const kind of ["service", "local", "external", "firewall"] as const) {
    const chain = table.chains.get(`${kind}-${suffix}`);
    if (chain === undefined) continue;
    chains[kind] = chain.name;
    rules[kind] = chain.rules
      .filter(({ statements }) => !statements.some(({ kind }) => kind === "dnat" || kind === "goto random"))
      .map((rule) => ruleText(rule, family));
  }
  const listed = (list: PortPlan["endpoints"]["cluster"]) =>
    list.map(({ key }, index) => ({ index, endpoint: key }));
  const { cluster, local } = endpoints;
  return {
    family: ip(family),
    servicePort: port.name,
    protocol: port.protocol.toLowerCase(),
    chains,
    ...(cluster.length > 0 ? { serviceMod: cluster.length, serviceEndpoints: listed(cluster) } : {}),
    ...(local.length > 0 ? { localMod: local.length, localEndpoints: listed(local) } : {}),
    ...(port.affinity > 0 ? { affinitySeconds: port.affinity } : {}),
    rules,
  };
}
