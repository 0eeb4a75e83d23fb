/**
 * Calico's NetworkPolicy and GlobalNetworkPolicy (projectcalico.org/v3), with NetworkPolicies and the administrator's
 * policies, which Calico enforces in the same order: tiers by their order, in a tier policies by theirs, in a policy its
 * rules; the first Allow, Deny or Pass that matches counts. A tier that has a policy for the pod and no matching rule ends
 * in its default action, Deny. NetworkPolicies stand in the tier "default" at order 1000.
 */
import { lineOf, objectName } from "../../model/source.ts";
import type {
  CalicoEntity,
  CalicoPolicy,
  CalicoRule,
  Cluster,
  IntOrString,
  NetworkPolicy,
  Problem,
} from "../../model/types.ts";
import { parseCalicoSelector } from "../../select/calico-selector.ts";
import { fieldName } from "../../model/read.ts";
import type { Path } from "../../model/read.ts";
import { adminLayer, baselineLayer } from "../admin.ts";
import type { Endpoint } from "../endpoint.ts";
import { compileNetworkPolicy, ownNodeLayer } from "../kubernetes.ts";
import { isWorkload } from "../peers.ts";
import { ALL_PORTS } from "../rule.ts";
import type { Direction, Layer, PeerTest, Policy, PortSpec, Rule } from "../rule.ts";
import { accountLabels, entityTest, labelsOf, namespaceLabels, selector } from "./peers.ts";

const DEFAULT_TIER = "default";
/** Orders of the tiers that are always there. */
const TIER_ORDERS: Readonly<Record<string, number>> = {
  [DEFAULT_TIER]: 1_000_000,
  adminnetworkpolicy: 1000,
  baselineadminnetworkpolicy: 10_000_000,
};
const NETWORK_POLICY_ORDER = 1000;

const PROTOCOL_NUMBERS: Readonly<Record<number, string>> = {
  1: "ICMP",
  6: "TCP",
  17: "UDP",
  58: "ICMPv6",
  132: "SCTP",
};
const EVERY_PROTOCOL = ["TCP", "UDP", "SCTP", "ICMP", "ICMPv6"];

const protocolName = (p: IntOrString): string =>
  typeof p === "number" ? (PROTOCOL_NUMBERS[p] ?? String(p)) : p;

function portSpec(port: IntOrString, protocol: string | undefined): PortSpec {
  const of = protocol === undefined ? {} : { protocol };
  if (typeof port === "number") return { ...of, from: port, to: port };
  const range = /^(\d+):(\d+)$/.exec(port);
  if (range !== null) return { ...of, from: Number(range[1]), to: Number(range[2]) };
  return /^\d+$/.test(port) ? { ...of, from: Number(port), to: Number(port) } : { ...of, name: port };
}

/** What a rule says of protocol, ports and ICMP type, as port specs; undefined: everything. */
function portsOf(rule: CalicoRule): { ports?: PortSpec[]; notPorts?: PortSpec[] } {
  const { protocol, notProtocol, icmp, notICMP, destination = {} } = rule;
  let protocols = protocol === undefined ? undefined : [protocolName(protocol)];
  if (notProtocol !== undefined)
    protocols = (protocols ?? EVERY_PROTOCOL).filter((p) => p !== protocolName(notProtocol));
  const listed = destination.ports ?? [];
  const type = icmp?.type;
  const of = protocols ?? [undefined];
  let ports: PortSpec[] | undefined;
  if (listed.length > 0) ports = of.flatMap((p) => listed.map((port) => portSpec(port, p)));
  else if (type !== undefined)
    ports = (protocols ?? ["ICMP"]).map((p) => ({ protocol: p, from: type, to: type }));
  else if (protocols !== undefined) ports = protocols.map((p) => ({ protocol: p, ...ALL_PORTS }));
  const notPorts = [
    ...(destination.notPorts ?? []).map((port) => portSpec(port, undefined)),
    ...(notICMP?.type === undefined ? [] : [{ protocol: "ICMP", from: notICMP.type, to: notICMP.type }]),
  ];
  return { ...(ports !== undefined && { ports }), ...(notPorts.length > 0 && { notPorts }) };
}

const ACTIONS = { Allow: "allow", Deny: "deny", Pass: "pass" } as const;

const peerText = (entity: CalicoEntity | undefined): string =>
  entity === undefined
    ? "everybody"
    : [
        entity.selector,
        entity.namespaceSelector && `namespaces ${entity.namespaceSelector}`,
        entity.nets?.join(),
      ]
        .filter((s) => s !== undefined && s !== "")
        .join(" ") || "everybody";

/**
 * A rule of one direction. The end that is the policy's own pod is tested when the stage is made (`own`); Log decides
 * nothing, and a rule about source ports or HTTP says more than a connection's first packet shows: it is left out.
 */
function compileRule(
  policy: CalicoPolicy,
  direction: Direction,
  rule: CalicoRule,
  index: number,
  cluster: Cluster,
) {
  if (rule.action === "Log" || (rule.source?.ports ?? []).length > 0 || rule.http !== undefined) return [];
  const [peer, own] =
    direction === "ingress" ? [rule.source, rule.destination] : [rule.destination, rule.source];
  const test = entityTest(peer, policy, cluster);
  const version = rule.ipVersion;
  const family: PeerTest | undefined =
    version === undefined
      ? undefined
      : { key: `family ${version}`, uses: {}, test: (e) => e.address.v6 === (version === 6) };
  const peers = [test, family].filter((t) => t !== undefined);
  const compiled: Rule = {
    action: ACTIONS[rule.action],
    ...(peers.length > 0 && { peers: [peers.length === 1 ? (peers[0] as PeerTest) : every(peers)] }),
    ...portsOf(rule),
    ref: {
      object: policy,
      path: ["spec", direction, index],
      text: `${rule.action} ${direction === "ingress" ? "from" : "to"} ${peerText(peer)}`,
    },
  };
  return [{ rule: compiled, own: entityTest(own, policy, cluster) }];
}

const every = (tests: readonly PeerTest[]): PeerTest => ({
  key: tests.map((t) => t.key).join(" and "),
  uses: {
    labels: tests.flatMap((t) => t.uses.labels ?? []),
    prefixes: tests.flatMap((t) => t.uses.prefixes ?? []),
    account: tests.some((t) => t.uses.account === true),
  },
  test: (e, local) => tests.every((t) => t.test(e, local)),
});

interface Ordered extends Policy {
  readonly order: number;
  readonly name: string;
  /** Conditions on the policy's own pod that single rules make. */
  readonly own: ReadonlyMap<Rule, PeerTest>;
}

function subjectTest(policy: CalicoPolicy, cluster: Cluster): PeerTest {
  const { namespace } = policy.metadata;
  const labels = selector(policy.spec.selector ?? "all()");
  const where =
    policy.spec.namespaceSelector === undefined ? undefined : selector(policy.spec.namespaceSelector);
  const account =
    policy.spec.serviceAccountSelector === undefined
      ? undefined
      : selector(policy.spec.serviceAccountSelector);
  const accountsOf = accountLabels(cluster);
  return {
    key: `calico subject ${namespace} [${labels.key}] [${where?.key ?? ""}] [${account?.key ?? ""}]`,
    uses: {
      labels: labels.uses,
      account: account !== undefined || labels.uses.includes("projectcalico.org/serviceaccount"),
    },
    test: (e) =>
      isWorkload(e) &&
      (namespace === "" || e.namespace === namespace) &&
      labels.matches(labelsOf(e)) &&
      (where === undefined || where.matches(namespaceLabels(e))) &&
      (account === undefined || account.matches(accountsOf(e))),
  };
}

function compileCalico(policy: CalicoPolicy, cluster: Cluster): Ordered {
  const { namespace, name } = policy.metadata;
  const own = new Map<Rule, PeerTest>();
  const rules = (direction: Direction) =>
    (policy.spec[direction] ?? []).flatMap((r, i) =>
      compileRule(policy, direction, r, i, cluster).map((c) => {
        if (c.own !== undefined) own.set(c.rule, c.own);
        return c.rule;
      }),
    );
  const subject = subjectTest(policy, cluster);
  const [ingress, egress] = [rules("ingress"), rules("egress")];
  const used = [subject, ...own.values()];
  return {
    object: policy,
    ...(namespace !== "" && { namespace }),
    subject: { ...every(used), key: subject.key, test: subject.test },
    ...(policy.spec.types.includes("Ingress") && { ingress }),
    ...(policy.spec.types.includes("Egress") && { egress }),
    order: policy.spec.order ?? Infinity,
    name,
    own,
  };
}

const ofKubernetes = (policy: NetworkPolicy): Ordered => ({
  ...compileNetworkPolicy(policy),
  order: NETWORK_POLICY_ORDER,
  name: `knp.default.${policy.metadata.name}`,
  own: new Map(),
});

const byOrder = (a: Ordered, b: Ordered): number =>
  a.order === b.order ? (a.name < b.name ? -1 : 1) : a.order - b.order;

const applies = (p: Ordered, rule: Rule, subject: Endpoint): boolean =>
  p.own.get(rule)?.test(subject, true) ?? true;

function tierLayer(name: string, policies: readonly Ordered[], pass: boolean): Layer<Ordered> {
  return {
    name: `tier ${name}`,
    policies: [...policies].sort(byOrder),
    variant: (selected, direction, subject) =>
      selected.flatMap((p) => (p[direction] ?? []).map((r) => (applies(p, r, subject) ? "1" : "0"))).join(""),
    stage: (selected, direction, subject) => ({
      layer: `tier ${name}`,
      rules: selected.flatMap((p) => (p[direction] ?? []).filter((r) => applies(p, r, subject))),
      otherwise: pass ? "next" : "deny",
      policies: selected.map((p) => p.object),
    }),
  };
}

/** Untracked and pre-DNAT policies are about host endpoints only. */
const forHosts = (p: CalicoPolicy): boolean => p.spec.doNotTrack === true || p.spec.preDNAT === true;

export function calicoLayers(cluster: Cluster): { layers: readonly Layer[]; problems: readonly Problem[] } {
  const problems = cluster.calicoPolicies.flatMap(faultsOf);
  const faulty = new Set(problems.map((p) => p.object));
  const usable = cluster.calicoPolicies.filter((p) => !faulty.has(objectName(p)) && !forHosts(p));
  const tiers = new Map(cluster.calicoTiers.map((t) => [t.metadata.name, t.spec]));
  const names = new Set([DEFAULT_TIER, ...usable.map((p) => p.spec.tier)]);
  const orderOf = (name: string): number => TIER_ORDERS[name] ?? tiers.get(name)?.order ?? Infinity;
  const made = [...names].map((name): { order: number; name: string; layer: Layer } => {
    const own = usable.filter((p) => p.spec.tier === name).map((p) => compileCalico(p, cluster));
    const all = name === DEFAULT_TIER ? [...own, ...cluster.networkPolicies.map(ofKubernetes)] : own;
    return {
      name,
      order: orderOf(name),
      layer: tierLayer(name, all, tiers.get(name)?.defaultAction === "Pass") as Layer,
    };
  });
  made.push({ name: "adminnetworkpolicy", order: orderOf("adminnetworkpolicy"), layer: adminLayer(cluster) });
  made.push({
    name: "baselineadminnetworkpolicy",
    order: orderOf("baselineadminnetworkpolicy"),
    layer: baselineLayer(cluster),
  });
  made.sort((a, b) => (a.order === b.order ? (a.name < b.name ? -1 : 1) : a.order - b.order));
  return { layers: [ownNodeLayer("own node", ["ingress"]), ...made.map((m) => m.layer)], problems };
}

/** Expressions that cannot be read: Calico's API server refuses the policy. */
function faultsOf(policy: CalicoPolicy): Problem[] {
  const texts: [string | undefined, Path][] = [];
  const add = (text: string | undefined, ...path: (string | number)[]) => void texts.push([text, path]);
  const { spec } = policy;
  add(spec.selector, "spec", "selector");
  add(spec.namespaceSelector, "spec", "namespaceSelector");
  add(spec.serviceAccountSelector, "spec", "serviceAccountSelector");
  for (const direction of ["ingress", "egress"] as const) {
    for (const [i, rule] of (spec[direction] ?? []).entries()) {
      for (const side of ["source", "destination"] as const) {
        for (const field of ["selector", "notSelector", "namespaceSelector"] as const) {
          add(rule[side]?.[field], "spec", direction, i, side, field);
        }
        add(rule[side]?.serviceAccounts?.selector, "spec", direction, i, side, "serviceAccounts", "selector");
      }
    }
  }
  return texts.flatMap(([text, path]): Problem[] => {
    const parsed = text === undefined ? undefined : parseCalicoSelector(text);
    if (typeof parsed !== "string") return [];
    const { file } = policy.source;
    const message = `${parsed}. Calico refuses the whole policy: it has no effect`;
    return [
      {
        severity: "error",
        file,
        line: lineOf(policy.source, path),
        field: fieldName(path),
        object: objectName(policy),
        message,
      },
    ];
  });
}
