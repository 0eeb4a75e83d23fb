/** Whom one Cilium rule means: endpoints, entities, CIDRs, services, names. */
import type { Cluster, CiliumRule, Labels } from "../../model/types.ts";
import { parsePrefixOrAddress } from "../../select/cidr.ts";
import { addresses } from "../peers.ts";
import type { PeerTest } from "../rule.ts";
import { entityTests } from "./entities.ts";
import { selectsName } from "./fqdn.ts";
import { holds, identityTest, peerRequirements, requirementsOf } from "./identity.ts";
import { serviceTests } from "./services.ts";

/** Options of the agent that change verdicts. */
export interface CiliumOptions {
  /** `always` (as in Kubernetes): the node's own traffic comes in under default deny. */
  readonly allowLocalhost?: "always" | "policy";
  readonly enforcement?: "default" | "always" | "never";
  readonly hostFirewall?: boolean;
  /** The addresses that names have now, as the agent learnt them (see dns-cache.ts): what toFQDNs goes by. */
  readonly dns?: ReadonlyMap<string, readonly string[]>;
}

/** Only what is outside the cluster: a CIDR never selects pods or nodes. */
export function outside(cidr: string, except: readonly string[] = []): PeerTest {
  const inner = addresses(parsePrefixOrAddress(cidr)?.text ?? cidr, except);
  return {
    ...inner,
    key: `outside ${inner.key}`,
    test: (e, local) => e.kind === "external" && e.ingressProxy !== true && inner.test(e, local),
  };
}

export interface Context {
  readonly cluster: Cluster;
  readonly options: CiliumOptions;
  readonly namespace: string;
}

interface CIDRGroupSpec {
  readonly spec?: { readonly externalCIDRs?: readonly string[] };
}

function groupTests(
  cluster: Cluster,
  wanted: (name: string, labels: Labels) => boolean,
  except: readonly string[],
): PeerTest[] {
  const groups = (cluster.others.get("CiliumCIDRGroup") ?? []).filter((g) =>
    wanted(g.metadata.name, g.metadata.labels),
  );
  return groups.flatMap((g) =>
    ((g as CIDRGroupSpec).spec?.externalCIDRs ?? []).map((cidr) => outside(cidr, except)),
  );
}

function cidrSetTests(rule: CiliumRule, context: Context): PeerTest[] {
  return [...(rule.fromCIDRSet ?? []), ...(rule.toCIDRSet ?? [])].flatMap((set) => {
    const except = set.except ?? [];
    if (set.cidr !== undefined && set.cidr !== "") return [outside(set.cidr, except)];
    const { cidrGroupRef, cidrGroupSelector } = set;
    if (cidrGroupSelector === undefined)
      return groupTests(context.cluster, (name) => name === cidrGroupRef, except);
    const requirements = requirementsOf(cidrGroupSelector).map((r) => ({ ...r, source: "any" }));
    const matches = (k8s: Labels) => requirements.every((r) => holds(r, { k8s, reserved: NONE }));
    return groupTests(context.cluster, (_, labels) => matches(labels), except);
  });
}

const NONE: ReadonlySet<string> = new Set();

function fqdnTests(rule: CiliumRule, { options }: Context): PeerTest[] {
  const known = [...(options.dns ?? [])];
  return (rule.toFQDNs ?? []).flatMap((selector) =>
    known.filter(([name]) => selectsName(selector, name)).flatMap(([, ips]) => ips.map((ip) => outside(ip))),
  );
}

/** The peers of a rule: a list of tests, "everybody", or "nobody" (an empty list of peers). */
export function peersOf(rule: CiliumRule, context: Context): readonly PeerTest[] | "everybody" | "nobody" {
  const services =
    (rule.toServices ?? []).length > 0 ? serviceTests(rule.toServices ?? [], context.cluster, outside) : [];
  const endpoints = rule.fromEndpoints ?? rule.toEndpoints;
  const entities = rule.fromEntities ?? rule.toEntities;
  const cidrs = rule.fromCIDR ?? rule.toCIDR;
  const sets = rule.fromCIDRSet ?? rule.toCIDRSet;
  if ([endpoints, entities, cidrs, sets].some((list) => list?.length === 0)) return "nobody";
  const tests = [
    ...(endpoints ?? []).map((s) => identityTest(peerRequirements(s, context.namespace))),
    ...(entities ?? []).flatMap(entityTests),
    ...(cidrs ?? []).map((cidr) => outside(cidr)),
    ...cidrSetTests(rule, context),
    ...services,
  ];
  // A name without addresses, or a group that is not there, selects nobody; it does not make the rule one for everybody.
  const named = [rule.toFQDNs, sets, rule.fromGroups, rule.toGroups].some((list) => (list ?? []).length > 0);
  if (named) return [...tests, ...fqdnTests(rule, context)];
  return tests.length > 0 ? tests : "everybody";
}
