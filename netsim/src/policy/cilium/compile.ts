/**
 * CiliumNetworkPolicy and CiliumClusterwideNetworkPolicy (Cilium 1.20), with the cluster's NetworkPolicies, which Cilium
 * enforces as rules of the same kind. All rules that select an endpoint are one stage: a deny wins over everything, a
 * redirect to a proxy over a plain allow, whatever is narrower; the local host may always come in under default deny.
 */
import type {
  Cluster,
  CiliumNetworkPolicy,
  CiliumPortRule,
  CiliumRule,
  CiliumSpec,
  NetworkPolicy,
  Problem,
} from "../../model/types.ts";
import { lineOf, objectName } from "../../model/source.ts";
import { fieldName } from "../../model/read.ts";
import type { Path } from "../../model/read.ts";
import { selectorText } from "../../select/labels.ts";
import type { Endpoint } from "../endpoint.ts";
import { compileNetworkPolicy } from "../kubernetes.ts";
import { isWorkload, OWN_HOST, pods } from "../peers.ts";
import { hasNamedPorts } from "../rule.ts";
import type { Direction, L7, Layer, PeerTest, Policy, Rule, Stage } from "../rule.ts";
import { identityTest, subjectRequirements } from "./identity.ts";
import { outside, peersOf } from "./peers.ts";
import type { CiliumOptions, Context } from "./peers.ts";
import { icmpSpec, portSpecs } from "./ports.ts";
import { surprises } from "./surprises.ts";
import { validatePolicy } from "./validate.ts";

/** A spec of a policy; without default deny it only adds to or takes from what is open anyway. */
interface CiliumPolicy extends Policy {
  readonly defaultDeny: Readonly<Record<Direction, boolean>>;
}

function l7Of({
  rules,
  serverNames,
  terminatingTLS,
  originatingTLS,
  listener,
}: CiliumPortRule): L7 | undefined {
  if (listener !== undefined) return { parser: "crd" };
  if ((rules?.dns ?? []).length > 0) return { parser: "dns", dns: rules?.dns ?? [] };
  if ((rules?.http ?? []).length > 0) return { parser: "http", http: rules?.http ?? [] };
  const tls = terminatingTLS !== undefined || originatingTLS !== undefined || (serverNames ?? []).length > 0;
  return tls ? { parser: "tls" } : undefined;
}

function describe(rule: CiliumRule, verb: string, direction: Direction): string {
  const selectors = (rule.fromEndpoints ?? rule.toEndpoints ?? []).map((s) => `endpoints ${selectorText(s)}`);
  const names = (rule.toFQDNs ?? []).map((f) => f.matchName ?? f.matchPattern ?? "");
  const sets = (rule.fromCIDRSet ?? rule.toCIDRSet ?? []).map(
    (c) => c.cidr ?? c.cidrGroupRef ?? "a CIDR group",
  );
  const services = (rule.toServices ?? []).map((s) => `service ${s.k8sService?.serviceName ?? "by labels"}`);
  const who = [
    ...selectors,
    ...(rule.fromEntities ?? rule.toEntities ?? []),
    ...(rule.fromCIDR ?? rule.toCIDR ?? []),
    ...sets,
    ...names,
    ...services,
  ];
  const ports = (rule.toPorts ?? []).flatMap((p) =>
    (p.ports ?? []).map((q) => `${q.port}${q.endPort ? `-${q.endPort}` : ""}/${q.protocol ?? "ANY"}`),
  );
  return `${verb} ${direction === "ingress" ? "from" : "to"} ${who.join(" or ") || "everybody"}${ports.length > 0 ? `, port ${ports.join(", ")}` : ""}`;
}

/** The rules that one entry of ingress, egress or their Deny lists stands for: one for each set of ports. */
function compileRule(
  rule: CiliumRule,
  deny: boolean,
  direction: Direction,
  ref: Omit<Rule["ref"], "text">,
  context: Context,
): Rule[] {
  const peers = peersOf(rule, context);
  if (peers === "nobody") return [];
  const who = peers === "everybody" ? {} : { peers };
  const text = describe(rule, deny ? "deny" : "allow", direction);
  const toPorts = rule.toPorts ?? [];
  const icmps = rule.icmps ?? [];
  if (toPorts.length + icmps.length === 0) {
    // A rule that names neither peers nor ports selects nothing (and yet isolates).
    return peers === "everybody" ? [] : [{ action: deny ? "deny" : "allow", ...who, ref: { ...ref, text } }];
  }
  const out: Rule[] = [];
  for (const entry of toPorts) {
    const ports = (entry.ports ?? []).flatMap(portSpecs);
    const l7 = deny ? undefined : l7Of(entry);
    if (ports.length === 0) continue;
    const action = deny ? "deny" : l7 === undefined ? "allow" : "redirect";
    out.push({ action, ...who, ports, ref: { ...ref, text }, ...(l7 !== undefined && { l7 }) });
  }
  for (const { fields = [] } of icmps) {
    if (fields.length > 0)
      out.push({
        action: deny ? "deny" : "allow",
        ...who,
        ports: fields.map(icmpSpec),
        ref: { ...ref, text },
      });
  }
  return out;
}

function compileSpec(
  policy: CiliumNetworkPolicy,
  spec: CiliumSpec,
  at: Path,
  context: Context,
): CiliumPolicy {
  const { namespace } = context;
  const rules = (direction: Direction): Rule[] | undefined => {
    const deny = `${direction}Deny` as const;
    if ((spec[direction] ?? []).length + (spec[deny] ?? []).length === 0) return undefined;
    return ([deny, direction] as const).flatMap((field) =>
      (spec[field] ?? []).flatMap((rule, i) =>
        compileRule(rule, field === deny, direction, { object: policy, path: [...at, field, i] }, context),
      ),
    );
  };
  const identity = identityTest(
    subjectRequirements(spec.endpointSelector ?? spec.nodeSelector ?? {}, namespace),
  );
  const forNodes = spec.nodeSelector !== undefined;
  const isKind = (e: Endpoint) => (forNodes ? e.kind === "node" : isWorkload(e));
  const [ingress, egress] = [rules("ingress"), rules("egress")];
  const { enableDefaultDeny = {} } = spec;
  const subject: PeerTest = {
    key: `${forNodes ? "node" : "pod"} ${identity.key}`,
    uses: { ...identity.uses, identity: (egress ?? []).some(hasNamedPorts) },
    test: (e) => isKind(e) && identity.test(e, true),
  };
  return {
    object: policy,
    ...(namespace !== "" && { namespace }),
    subject,
    ...(ingress !== undefined && { ingress }),
    ...(egress !== undefined && { egress }),
    defaultDeny: { ingress: enableDefaultDeny.ingress ?? true, egress: enableDefaultDeny.egress ?? true },
  };
}

function compileKubernetes(networkPolicy: NetworkPolicy): CiliumPolicy {
  const policy = compileNetworkPolicy(networkPolicy, outside);
  const identity = (policy.egress ?? []).some(hasNamedPorts);
  const subject = { ...policy.subject, uses: { ...policy.subject.uses, identity } };
  return { ...policy, subject, defaultDeny: { ingress: true, egress: true } };
}

const PARSERS = ["http", "tls", "dns", "crd"];
const rank = (rule: Rule): number => {
  if (rule.action === "deny") return 0;
  return rule.action === "redirect" ? 1 + PARSERS.indexOf(rule.l7?.parser ?? "") : 10;
};

const INVENTED = { apiVersion: "cilium.io/v2", kind: "Agent", source: { file: "", line: 0 } };
const invented = (name: string) => ({
  ...INVENTED,
  metadata: { name, namespace: "", labels: {}, annotations: {} },
});

const HOST_RULE: Rule = {
  action: "allow",
  peers: [OWN_HOST],
  ref: { object: invented("allow-localhost"), path: [], text: "a pod's own node may always reach it" },
};

/** With enforcement "always" even pods that nothing selects are isolated. */
const EVERY_POD: CiliumPolicy = {
  object: invented("enable-policy=always"),
  subject: pods(undefined, undefined),
  ingress: [],
  egress: [],
  defaultDeny: { ingress: true, egress: true },
};

export interface CiliumLayer {
  readonly layer: Layer;
  readonly problems: readonly Problem[];
}

export function ciliumLayer(cluster: Cluster, options: CiliumOptions = {}): CiliumLayer {
  const problems: Problem[] = [];
  const policies: CiliumPolicy[] = cluster.networkPolicies.map((p) => compileKubernetes(p));
  for (const policy of cluster.ciliumPolicies) {
    const tell = (severity: Problem["severity"], path: Path, message: string) => {
      const field = path.length === 0 ? {} : { field: fieldName(path) };
      const { file } = policy.source;
      problems.push({
        severity,
        file,
        line: lineOf(policy.source, path),
        ...field,
        object: objectName(policy),
        message,
      });
    };
    const faults = validatePolicy(policy);
    for (const { path, message } of faults) {
      tell("error", path, `${message}. Cilium refuses the whole policy: it has no effect`);
    }
    if (faults.length > 0) continue;
    const context = { cluster, options, namespace: policy.metadata.namespace };
    const specs: [CiliumSpec, Path][] = [
      ...(policy.spec === undefined ? [] : [[policy.spec, ["spec"]] as [CiliumSpec, Path]]),
      ...(policy.specs ?? []).map((spec, i): [CiliumSpec, Path] => [spec, ["specs", i]]),
    ];
    for (const [spec, at] of specs) {
      policies.push(compileSpec(policy, spec, at, context));
      for (const { path, message } of surprises(spec, at, (rule) => peersOf(rule, context)))
        tell("warning", path, message);
    }
  }
  if (options.enforcement === "always") policies.push(EVERY_POD);
  const layer: Layer<CiliumPolicy> = {
    name: "Cilium",
    policies: options.enforcement === "never" ? [] : policies,
    stage: (selected, direction, subject) => stageOf(selected, direction, subject, options),
  };
  return { layer: layer as Layer, problems };
}

function stageOf(
  selected: readonly CiliumPolicy[],
  direction: Direction,
  subject: Endpoint,
  options: CiliumOptions,
): Stage {
  const rules = selected.flatMap((p) => p[direction] ?? []).sort((a, b) => rank(a) - rank(b));
  const isolated = selected.some((p) => p.defaultDeny[direction]);
  const real = selected.some((p) => p !== EVERY_POD);
  const host =
    direction === "ingress" && isolated && real && options.allowLocalhost !== "policy" && isWorkload(subject);
  return {
    layer: "Cilium",
    rules: host ? [...rules, HOST_RULE] : rules,
    otherwise: isolated ? "deny" : "allow",
    policies: [...new Set(selected.map((p) => p.object))],
  };
}
