/** Readers of NetworkPolicy, the administrator's policies and Calico's. Misspelt fields are reported: they open or close too much. */
import { covers, parsePrefix } from "../select/cidr.ts";
import type { Body } from "./core-kinds.ts";
import { cidr, labelSelector, protocol, tcp } from "./meta.ts";
import {
  boolean,
  checked,
  integer,
  intOrString,
  list,
  need,
  number,
  oneOf,
  or,
  port,
  portOrName,
  record,
  string,
} from "./read.ts";
import type { At } from "./read.ts";
import type * as t from "./types.ts";

type Spec<K extends { spec: unknown }> = K["spec"];

const ipBlock = checked(record<t.IPBlock>({ cidr: need(cidr), except: list(cidr) }, {}), (block, at) => {
  const outer = parsePrefix(block.cidr);
  for (const [i, text] of (block.except ?? []).entries()) {
    const inner = parsePrefix(text);
    if (outer === undefined || inner === undefined) continue;
    at.path.push("except", i);
    if (!covers(outer, inner) || inner.bits === outer.bits)
      at.error(`${text} is not a strict part of ${block.cidr}`);
    at.path.length -= 2;
  }
});

const peer = checked(
  record<t.NetworkPolicyPeer>({ podSelector: labelSelector, namespaceSelector: labelSelector, ipBlock }, {}),
  (p, at) => {
    const selectors = p.podSelector !== undefined || p.namespaceSelector !== undefined;
    if (p.ipBlock !== undefined && selectors)
      at.error("ipBlock may not be combined with selectors: make it a peer of its own");
    if (p.ipBlock === undefined && !selectors)
      at.error("must name podSelector, namespaceSelector or ipBlock");
  },
);

const checkPort = (p: t.NetworkPolicyPort, at: At): void => {
  if (p.endPort === undefined) return;
  if (typeof p.port !== "number") at.error("endPort needs a port number");
  else if (p.endPort < p.port) at.error(`endPort ${p.endPort} is below port ${p.port}`);
};
const ports = list(
  checked(
    record<t.NetworkPolicyPort>({ protocol: or(protocol, tcp), port: portOrName, endPort: port }, {}),
    checkPort,
  ),
);

const types = list(oneOf("Ingress", "Egress"));
type PolicySpec = Omit<Spec<t.NetworkPolicy>, "policyTypes"> & {
  policyTypes?: Spec<t.NetworkPolicy>["policyTypes"];
};
const policySpec = record<PolicySpec>(
  {
    podSelector: or(labelSelector, {}),
    policyTypes: types,
    ingress: list(record<t.NetworkPolicyIngressRule>({ from: list(peer), ports }, {})),
    egress: list(record<t.NetworkPolicyEgressRule>({ to: list(peer), ports }, {})),
  },
  {},
);

/** Absent (or empty) policyTypes: Ingress always, Egress only with egress rules. */
export const networkPolicy = record<Body<t.NetworkPolicy>>({
  spec: or(
    (value, at) => {
      const spec = policySpec(value, at);
      if (spec === undefined) return undefined;
      const given = spec.policyTypes ?? [];
      const filled =
        (spec.egress ?? []).length > 0 ? (["Ingress", "Egress"] as const) : (["Ingress"] as const);
      return { ...spec, policyTypes: given.length > 0 ? given : filled };
    },
    { podSelector: {}, policyTypes: ["Ingress"] },
  ),
});

const podsPeer = record<t.NamespacedPods>(
  { namespaceSelector: or(labelSelector, {}), podSelector: or(labelSelector, {}) },
  {},
);
const exactlyOne = (value: object, at: At): void => {
  if (Object.keys(value).length !== 1) at.error("must name exactly one kind of peer");
};
const subject = checked(
  record<t.AdminSubject>({ namespaces: labelSelector, pods: podsPeer }, {}),
  exactlyOne,
);
const adminPeer = checked(
  record<t.AdminPeer>(
    {
      namespaces: labelSelector,
      pods: podsPeer,
      nodes: labelSelector,
      networks: list(cidr),
      domainNames: list(string),
    },
    {},
  ),
  exactlyOne,
);

const adminPort = checked(
  record<t.AdminPort>(
    {
      portNumber: record<NonNullable<t.AdminPort["portNumber"]>>(
        { protocol: or(protocol, tcp), port: need(port) },
        {},
      ),
      portRange: record<NonNullable<t.AdminPort["portRange"]>>(
        { protocol: or(protocol, tcp), start: need(port), end: need(port) },
        {},
      ),
      namedPort: string,
    },
    {},
  ),
  (p, at) => {
    if (Object.keys(p).length !== 1) at.error("must name exactly one of portNumber, portRange, namedPort");
    if (p.portRange !== undefined && p.portRange.end < p.portRange.start)
      at.error("portRange ends before it starts");
  },
);

const adminRule = (...actions: ("Allow" | "Deny" | "Pass")[]) =>
  record<t.AdminNetworkPolicyRule>(
    {
      name: string,
      action: need(oneOf(...actions)),
      from: list(adminPeer),
      to: list(adminPeer),
      ports: list(adminPort),
    },
    {},
  );

export const adminNetworkPolicy = record<Body<t.AdminNetworkPolicy>>({
  spec: need(
    record<Spec<t.AdminNetworkPolicy>>(
      {
        priority: need(integer(0, 1000)),
        subject: need(subject),
        ingress: list(adminRule("Allow", "Deny", "Pass")),
        egress: list(adminRule("Allow", "Deny", "Pass")),
      },
      {},
    ),
  ),
});

export const baselineAdminNetworkPolicy = record<Body<t.BaselineAdminNetworkPolicy>>({
  spec: need(
    record<Spec<t.BaselineAdminNetworkPolicy>>(
      {
        subject: need(subject),
        ingress: list(adminRule("Allow", "Deny")),
        egress: list(adminRule("Allow", "Deny")),
      },
      {},
    ),
  ),
});

const clusterPort = record<t.ClusterPolicyPort>(
  { number: port, range: record<{ start: number; end: number }>({ start: need(port), end: need(port) }, {}) },
  {},
);
const transport = record<{ destinationPort?: t.ClusterPolicyPort }>({ destinationPort: clusterPort }, {});
const clusterRule = record<t.ClusterNetworkPolicyRule>(
  {
    name: string,
    action: need(oneOf("Accept", "Deny", "Pass")),
    from: list(adminPeer),
    to: list(adminPeer),
    protocols: list(
      record<t.ClusterPolicyProtocol>(
        { tcp: transport, udp: transport, sctp: transport, destinationNamedPort: string },
        {},
      ),
    ),
  },
  {},
);

export const clusterNetworkPolicy = record<Body<t.ClusterNetworkPolicy>>({
  spec: need(
    record<Spec<t.ClusterNetworkPolicy>>(
      {
        tier: need(oneOf("Admin", "Baseline")),
        priority: need(integer(0, 1000)),
        subject: need(subject),
        ingress: list(clusterRule),
        egress: list(clusterRule),
      },
      {},
    ),
  ),
});

const entity = record<t.CalicoEntity>(
  {
    selector: string,
    notSelector: string,
    namespaceSelector: string,
    nets: list(string),
    notNets: list(string),
    ports: list(intOrString),
    notPorts: list(intOrString),
    serviceAccounts: record<NonNullable<t.CalicoEntity["serviceAccounts"]>>(
      { names: list(string), selector: string },
      {},
    ),
    services: record<NonNullable<t.CalicoEntity["services"]>>({ name: string, namespace: string }, {}),
    domains: list(string),
  },
  {},
);
const icmp = record<{ type?: number; code?: number }>({ type: integer(0, 255), code: integer(0, 255) }, {});
const paths = list(record<{ exact?: string; prefix?: string }>({ exact: string, prefix: string }, {}));

const calicoRule = record<t.CalicoRule>(
  {
    action: need(oneOf("Allow", "Deny", "Log", "Pass")),
    protocol: intOrString,
    notProtocol: intOrString,
    ipVersion: integer(4, 6),
    icmp,
    notICMP: icmp,
    source: entity,
    destination: entity,
    http: record<NonNullable<t.CalicoRule["http"]>>({ methods: list(string), paths }, {}),
  },
  { known: ["metadata"] },
);

type CalicoSpec = Omit<Spec<t.CalicoPolicy>, "types"> & { types?: Spec<t.CalicoPolicy>["types"] };
const calicoSpec = record<CalicoSpec>(
  {
    tier: or(string, "default"),
    order: number,
    selector: string,
    namespaceSelector: string,
    serviceAccountSelector: string,
    types,
    ingress: list(calicoRule),
    egress: list(calicoRule),
    doNotTrack: boolean,
    preDNAT: boolean,
    applyOnForward: boolean,
  },
  { known: ["performanceHints"] },
);

/** `types` by the rules present; a policy without rules is about ingress. */
export const calicoPolicy = record<Body<t.CalicoPolicy>>({
  spec: or(
    (value, at) => {
      const spec = calicoSpec(value, at);
      if (spec === undefined) return undefined;
      const byRules: ("Ingress" | "Egress")[] = [];
      if ((spec.ingress ?? []).length > 0 || (spec.egress ?? []).length === 0) byRules.push("Ingress");
      if ((spec.egress ?? []).length > 0) byRules.push("Egress");
      return { ...spec, types: spec.types ?? byRules };
    },
    { tier: "default", types: ["Ingress"] },
  ),
});

export const calicoTier = record<Body<t.CalicoTier>>({
  spec: or(record<Spec<t.CalicoTier>>({ order: number, defaultAction: oneOf("Deny", "Pass") }), {}),
});

export const calicoNetworkSet = record<Body<t.CalicoNetworkSet>>({
  spec: or(record<Spec<t.CalicoNetworkSet>>({ nets: list(string), allowedEgressDomains: list(string) }), {}),
});
