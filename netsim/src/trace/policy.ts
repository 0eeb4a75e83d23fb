/** Policy at the two ends of a connection, as hops; what to change where one denies. */
import type { CiliumNetworkPolicy, CiliumSpec, KubeObject, NetworkPolicy } from "../model/types.ts";
import { lineOf } from "../model/source.ts";
import { selectsName } from "../policy/cilium/fqdn.ts";
import type { Endpoint } from "../policy/endpoint.ts";
import { sideText } from "../policy/explain.ts";
import type { Side } from "../policy/judge.ts";
import type { Direction, Probe } from "../policy/rule.ts";
import { compileSelector } from "../select/labels.ts";
import { nearMiss } from "./near-miss.ts";
import { hop, note, originOfObject } from "./origin.ts";
import { originOf } from "./query.ts";
import { ruleLine } from "./rule-line.ts";
import type { Site } from "./site.ts";
import type { Hop, Note, Remedy, Stop } from "./types.ts";

export function policyHop(
  side: Side,
  direction: Direction,
  subject: Endpoint,
  peer: Endpoint,
  probe: Probe,
): Hop {
  const towards = direction === "egress" ? `to ${peer.id}` : `from ${peer.id}`;
  const what = `${direction} of ${subject.id} ${towards} on ${probe.port}/${probe.protocol}: ${verdictText(side, direction)}`;
  return hop("policy", side.action === "deny" ? "deny" : "allow", what, originOf(side), {
    direction,
    action: side.action,
    reason: side.reason,
    subject: subject.id,
    peer: peer.id,
    port: probe.port,
    protocol: probe.protocol,
    policies: side.policies.map((p) => originOfObject(p)),
  });
}

/** What the end says, without the place that stands beside it. */
function verdictText(side: Side, direction: Direction): string {
  const done = side.action === "deny" ? "denied" : side.action === "redirect" ? "through a proxy" : "allowed";
  return side.rule === undefined
    ? sideText(side, direction).replace(/^\w+ /, "")
    : `${done}: ${side.rule.text}`;
}

export interface Denial {
  readonly side: Side;
  readonly direction: Direction;
  readonly subject: Endpoint;
  readonly peer: Endpoint;
  readonly probe: Probe;
  readonly asked: { readonly address: string; readonly port: number; readonly name: string | undefined };
}

export function stopOf(site: Site, denial: Denial, learned: (name: string) => boolean): Stop {
  const { direction, asked } = denial;
  const fqdn =
    direction === "egress" && asked.name !== undefined && !learned(asked.name)
      ? fqdnRule(denial, asked.name)
      : undefined;
  if (fqdn !== undefined) return { verdict: "deny", reason: "fqdn-not-learned", remedy: fqdn };
  return {
    verdict: "deny",
    reason: direction === "egress" ? "egress-denied" : "ingress-denied",
    remedy: remedyOf(denial),
  };
}

function remedyOf(denial: Denial): Remedy | undefined {
  const { side, direction, peer, probe } = denial;
  if (side.rule !== undefined) {
    const at = originOfObject(side.rule.object, side.rule.path);
    return { text: "this rule denies it: remove it, or except this connection", change: null, ...at };
  }
  const near = nearMiss({ side, direction, peer, probe, asked: denial.asked });
  if (near !== undefined) return near;
  const [policy] = side.policies;
  if (policy === undefined) return undefined;
  return {
    text: `add a rule under spec.${direction}`,
    change: ruleLine(policy, direction, peer, [probe], denial.asked.name),
    ...originOfObject(policy, ["spec", direction]),
  };
}

const specsOf = ({
  spec,
  specs = [],
}: CiliumNetworkPolicy): { spec: CiliumSpec; path: (string | number)[] }[] => [
  ...(spec === undefined ? [] : [{ spec, path: ["spec"] }]),
  ...specs.map((s, i) => ({ spec: s, path: ["specs", i] })),
];

/** The toFQDNs rule that would take the name, and the line that is missing: one that shows its queries to the DNS proxy. */
function fqdnRule({ side }: Denial, name: string): Remedy | undefined {
  const cilium = side.policies.filter((p): p is CiliumNetworkPolicy => p.kind.startsWith("Cilium"));
  for (const policy of cilium) {
    for (const { spec, path } of specsOf(policy)) {
      const at = (spec.egress ?? []).findIndex((r) => (r.toFQDNs ?? []).some((s) => selectsName(s, name)));
      if (at < 0) continue;
      return {
        text: `toFQDNs (line ${lineOf(policy.source, [...path, "egress", at, "toFQDNs"])}) goes by answers that Cilium's DNS proxy saw: add this rule under ${path.join(".")}.egress`,
        change: `- {toEndpoints: [{matchLabels: {"k8s:io.kubernetes.pod.namespace": kube-system, k8s-app: kube-dns}}], toPorts: [{ports: [{port: "53", protocol: ANY}], rules: {dns: [{matchName: ${name}}]}}]}`,
        ...originOfObject(policy, [...path, "egress"]),
      };
    }
  }
  return undefined;
}

const isNetworkPolicy = (o: KubeObject): o is NetworkPolicy => o.kind === "NetworkPolicy";

/** Rules that a policy has and nobody reads, since its `policyTypes` leave their direction out. */
export function ignoredRules({ cluster }: Site, end: Endpoint): Note[] {
  if (end.kind !== "pod" || end.onHost) return [];
  return cluster.networkPolicies.filter(isNetworkPolicy).flatMap((policy) => {
    const { podSelector, policyTypes, ingress = [], egress = [] } = policy.spec;
    if (policy.metadata.namespace !== end.namespace || !compileSelector(podSelector).matches(end.labels))
      return [];
    const unread = (["Ingress", "Egress"] as const).filter(
      (type) => !policyTypes.includes(type) && (type === "Ingress" ? ingress : egress).length > 0,
    );
    return unread.map((type) =>
      note(
        type === "Egress" ? "egress-rules-ignored" : "ingress-rules-ignored",
        `NetworkPolicy ${policy.metadata.namespace}/${policy.metadata.name} selects ${end.id} and has ${type.toLowerCase()} rules, but policyTypes is [${policyTypes.join(", ")}]: they restrict nothing. Write policyTypes: [${[...policyTypes, type].join(", ")}]`,
        policy,
        ["spec", "policyTypes"],
      ),
    );
  });
}
