/**
 * What the agent refuses when it reads a policy (Cilium 1.20, pkg/policy/api). One fault, and the whole policy has no
 * effect at all: the pods that it was to isolate stay open.
 */
import type { Path } from "../../model/read.ts";
import type {
  CIDRRule,
  CiliumNetworkPolicy,
  CiliumPortRule,
  CiliumRule,
  CiliumSpec,
  LabelSelector,
} from "../../model/types.ts";
import { covers, parsePrefix, parsePrefixOrAddress } from "../../select/cidr.ts";
import { isEntity } from "./entities.ts";
import { fqdnFault } from "./fqdn.ts";
import { compileRegex } from "./regex.ts";
import { icmpType, isServiceName, portNumber, protocolName } from "./ports.ts";

export interface Fault {
  readonly path: Path;
  readonly message: string;
}

type Tell = (message: string, ...path: (string | number)[]) => void;
const MAX_PORTS = 40;

/** The faults of a policy; empty when the agent takes it. */
export function validatePolicy(policy: CiliumNetworkPolicy): Fault[] {
  const faults: Fault[] = [];
  const clusterwide = policy.kind === "CiliumClusterwideNetworkPolicy";
  const specs: [CiliumSpec, Path][] = [
    ...(policy.spec === undefined ? [] : [[policy.spec, ["spec"]] as [CiliumSpec, Path]]),
    ...(policy.specs ?? []).map((s, i): [CiliumSpec, Path] => [s, ["specs", i]]),
  ];
  if (specs.length === 0) faults.push({ path: [], message: "has neither spec nor specs" });
  for (const [spec, at] of specs) {
    const tell: Tell = (message, ...path) => faults.push({ path: [...at, ...path], message });
    validateSpec(spec, clusterwide, tell);
  }
  return faults;
}

function validateSpec(spec: CiliumSpec, clusterwide: boolean, tell: Tell): void {
  const { endpointSelector, nodeSelector } = spec;
  if (
    !["ingress", "ingressDeny", "egress", "egressDeny"].some((k) => (spec[k as "ingress"] ?? []).length > 0)
  ) {
    tell("has no rule: Cilium refuses it (to deny everything, write `ingress: [{fromEndpoints: []}]`)");
  }
  if (nodeSelector !== undefined && !clusterwide)
    tell("only a CiliumClusterwideNetworkPolicy may select nodes", "nodeSelector");
  if (endpointSelector === undefined && nodeSelector === undefined)
    tell("needs an endpointSelector or a nodeSelector");
  if (endpointSelector !== undefined && nodeSelector !== undefined)
    tell("has both endpointSelector and nodeSelector");
  validateSelector(endpointSelector, tell, "endpointSelector");
  validateSelector(nodeSelector, tell, "nodeSelector");
  const host = nodeSelector !== undefined;
  for (const direction of ["ingress", "egress"] as const) {
    for (const kind of [direction, `${direction}Deny`] as const) {
      for (const [i, rule] of (spec[kind] ?? []).entries()) {
        const within: Tell = (message, ...path) => tell(message, kind, i, ...path);
        validateRule(rule, { ingress: direction === "ingress", deny: kind !== direction, host }, within);
      }
    }
  }
}

interface Context {
  readonly ingress: boolean;
  readonly deny: boolean;
  readonly host: boolean;
}

const INGRESS_PEERS = [
  "fromEndpoints",
  "fromCIDR",
  "fromCIDRSet",
  "fromEntities",
  "fromNodes",
  "fromGroups",
] as const;
const EGRESS_PEERS = [
  "toCIDR",
  "toCIDRSet",
  "toEndpoints",
  "toEntities",
  "toServices",
  "toGroups",
  "toNodes",
  "toFQDNs",
] as const;

function validateRule(rule: CiliumRule, context: Context, tell: Tell): void {
  const kinds = (context.ingress ? INGRESS_PEERS : EGRESS_PEERS).filter((k) => (rule[k] ?? []).length > 0);
  if (kinds.length > 1) tell(`combines ${kinds.join(" and ")}: write one rule for each`);
  const nodes = context.ingress ? "fromNodes" : "toNodes";
  if ((rule[nodes] ?? []).length > 0)
    tell("needs the agent's option enable-node-selector-labels, which is off by default", nodes);
  for (const key of ["fromEndpoints", "toEndpoints"] as const) {
    for (const [i, s] of (rule[key] ?? []).entries()) validateSelector(s, tell, key, i);
  }
  for (const key of ["fromCIDR", "toCIDR"] as const) {
    for (const [i, text] of (rule[key] ?? []).entries()) {
      if (parsePrefixOrAddress(text) === undefined)
        tell(`${JSON.stringify(text)} is neither a CIDR nor an address`, key, i);
    }
  }
  for (const key of ["fromCIDRSet", "toCIDRSet"] as const) {
    for (const [i, set] of (rule[key] ?? []).entries())
      validateCIDRRule(set, (m, ...p) => tell(m, key, i, ...p));
  }
  for (const key of ["fromEntities", "toEntities"] as const) {
    for (const [i, name] of (rule[key] ?? []).entries())
      if (!isEntity(name)) tell(`there is no entity ${JSON.stringify(name)}`, key, i);
  }
  for (const [i, selector] of (rule.toFQDNs ?? []).entries()) {
    const fault = fqdnFault(selector);
    if (fault !== undefined) tell(fault, "toFQDNs", i);
  }
  const icmps = rule.icmps ?? [];
  if (icmps.length > 0 && (rule.toPorts ?? []).length > 0)
    tell("combines icmps and toPorts: write one rule for each");
  for (const [i, { fields = [] }] of icmps.entries()) {
    if (fields.length > MAX_PORTS) tell(`has more than ${MAX_PORTS} fields`, "icmps", i);
    for (const [j, field] of fields.entries()) {
      if (!["IPv4", "IPv6", "", undefined].includes(field.family))
        tell("family must be IPv4 or IPv6", "icmps", i, "fields", j);
      if (icmpType(field) === undefined)
        tell(`${String(field.type)} is no ICMP type of its family`, "icmps", i, "fields", j, "type");
    }
  }
  for (const [i, entry] of (rule.toPorts ?? []).entries())
    validatePorts(entry, context, (m, ...p) => tell(m, "toPorts", i, ...p));
}

function validateSelector(
  selector: LabelSelector | undefined,
  tell: Tell,
  ...path: (string | number)[]
): void {
  for (const [key, value] of Object.entries(selector?.matchLabels ?? {})) {
    const fine = value.length <= 63 && /^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$/.test(value);
    if (!fine) tell(`${JSON.stringify(value)} is not a label value`, ...path, "matchLabels", key);
  }
  for (const [i, { operator, values = [] }] of (selector?.matchExpressions ?? []).entries()) {
    const wants = operator === "In" || operator === "NotIn";
    if (wants !== values.length > 0)
      tell(`operator ${operator} ${wants ? "needs" : "takes no"} values`, ...path, "matchExpressions", i);
  }
}

function validateCIDRRule(rule: CIDRRule, tell: Tell): void {
  const named = [rule.cidr, rule.cidrGroupRef, rule.cidrGroupSelector].filter(
    (v) => v !== undefined && v !== "",
  );
  if (named.length !== 1) tell("must name exactly one of cidr, cidrGroupRef, cidrGroupSelector");
  if (rule.cidr === undefined || rule.cidr === "" || named.length !== 1) return;
  const outer = parsePrefix(rule.cidr);
  if (outer === undefined) tell(`${JSON.stringify(rule.cidr)} is not a CIDR`, "cidr");
  for (const [i, text] of (rule.except ?? []).entries()) {
    const inner = parsePrefix(text);
    if (inner === undefined) tell(`${JSON.stringify(text)} is not a CIDR`, "except", i);
    else if (outer !== undefined && !covers(outer, inner))
      tell(`${text} is not within ${rule.cidr}`, "except", i);
  }
}

function validatePorts(entry: CiliumPortRule, context: Context, tell: Tell): void {
  const http = entry.rules?.http ?? [];
  const dns = entry.rules?.dns ?? [];
  const hasRules = !context.deny && http.length + dns.length > 0;
  const ports = entry.ports ?? [];
  if (ports.length > MAX_PORTS) tell(`has more than ${MAX_PORTS} ports`, "ports");
  for (const [i, p] of ports.entries()) {
    const text = p.port ?? "";
    const number = portNumber(text);
    const named = isServiceName(text);
    if (text === "") tell("needs a port (0 means all)", "ports", i);
    else if (!named && number === undefined)
      tell(`${JSON.stringify(text)} is neither a port number nor a port name`, "ports", i, "port");
    const protocol = protocolName(p.protocol);
    if (protocol === undefined) tell(`unknown protocol ${p.protocol}`, "ports", i, "protocol");
    if (!hasRules) continue;
    if (number === 0 && !named) tell("L7 rules need a port, and 0 means all", "ports", i, "port");
    if (dns.length === 0 && protocol !== "TCP")
      tell(`HTTP rules need protocol TCP, not ${protocol ?? p.protocol}`, "ports", i);
    if (dns.length > 0 && number !== undefined && (p.endPort ?? 0) > number)
      tell("DNS rules take no port ranges", "ports", i, "endPort");
  }
  if (context.deny) return;
  const names = entry.serverNames ?? [];
  if (names.includes("")) tell("has an empty server name", "serverNames");
  if (names.length > 0 && hasRules && entry.terminatingTLS === undefined)
    tell("serverNames with L7 rules need terminatingTLS", "serverNames");
  if (entry.listener !== undefined && context.ingress) tell("a listener is for egress only", "listener");
  if (entry.listener !== undefined && hasRules) tell("a listener takes no L7 rules beside it", "listener");
  if (!hasRules) return;
  if (http.length > 0 && dns.length > 0) tell("mixes http and dns rules", "rules");
  if (dns.length > 0 && context.ingress) tell("DNS rules are for egress only", "rules", "dns");
  if (context.host && (http.length > 0 || context.ingress)) tell("L7 rules are not for nodes", "rules");
  if (dns.length > 0 && ports.length === 0) tell("DNS rules need a port (53)", "ports");
  for (const [i, r] of http.entries()) {
    for (const key of ["path", "method"] as const) {
      const text = r[key] ?? "";
      if (compileRegex(text) === undefined)
        tell(`${JSON.stringify(text)} is no regular expression`, "rules", "http", i, key);
    }
    for (const [j, m] of (r.headerMatches ?? []).entries()) {
      const at = ["rules", "http", i, "headerMatches", j] as const;
      if (m.name === "") tell("needs a header name", ...at);
      if (m.mismatch !== undefined && !["", "LOG", "ADD", "DELETE", "REPLACE"].includes(m.mismatch)) {
        tell(`mismatch must be LOG, ADD, DELETE or REPLACE, not ${m.mismatch}`, ...at);
      }
      if (m.secret !== undefined && m.secret.name === "") tell("needs the secret's name", ...at);
    }
  }
  for (const [i, d] of dns.entries()) {
    const fault = fqdnFault(d, true);
    if (fault !== undefined) tell(fault, "rules", "dns", i);
  }
}
