/**
 * policy.networking.k8s.io: AdminNetworkPolicy and BaselineAdminNetworkPolicy (v1alpha1), ClusterNetworkPolicy (v1alpha2).
 * In a tier the lowest priority number comes first, then the order of the rules; the first rule that matches decides. Pass
 * leaves the tier. The baseline tier only has the pods that nothing else isolates.
 */
import type {
  AdminNetworkPolicy,
  AdminPeer,
  AdminPort,
  AdminSubject,
  BaselineAdminNetworkPolicy,
  Cluster,
  ClusterNetworkPolicy,
  ClusterPolicyPort,
  ClusterPolicyProtocol,
  KubeObject,
} from "../model/types.ts";
import { selectorText } from "../select/labels.ts";
import { addresses, nodesBy, pods } from "./peers.ts";
import { ALL_PORTS } from "./rule.ts";
import type { Direction, Layer, PeerTest, Policy, PortSpec, Rule } from "./rule.ts";

const subjectTest = ({ namespaces, pods: p }: AdminSubject): PeerTest =>
  p === undefined ? pods(namespaces ?? {}, undefined) : pods(p.namespaceSelector, p.podSelector);

/** `domainNames` select nobody: whoever uses them is told so (caveats.ts). */
function peerTests(peer: AdminPeer): PeerTest[] {
  if (peer.namespaces !== undefined) return [pods(peer.namespaces, undefined)];
  if (peer.pods !== undefined) return [pods(peer.pods.namespaceSelector, peer.pods.podSelector)];
  if (peer.nodes !== undefined) return [nodesBy(peer.nodes)];
  return (peer.networks ?? []).map((cidr) => addresses(cidr));
}

function adminPort({ portNumber, portRange, namedPort }: AdminPort): PortSpec {
  if (portNumber !== undefined)
    return { protocol: portNumber.protocol, from: portNumber.port, to: portNumber.port };
  if (portRange !== undefined)
    return { protocol: portRange.protocol, from: portRange.start, to: portRange.end };
  return { name: namedPort ?? "" };
}

function clusterPort(protocol: ClusterPolicyProtocol): PortSpec[] {
  const spec = (name: string, port: ClusterPolicyPort | undefined): PortSpec => {
    if (port?.number !== undefined) return { protocol: name, from: port.number, to: port.number };
    if (port?.range !== undefined) return { protocol: name, from: port.range.start, to: port.range.end };
    return { protocol: name, ...ALL_PORTS };
  };
  return [
    ...(protocol.tcp === undefined ? [] : [spec("TCP", protocol.tcp.destinationPort)]),
    ...(protocol.udp === undefined ? [] : [spec("UDP", protocol.udp.destinationPort)]),
    ...(protocol.sctp === undefined ? [] : [spec("SCTP", protocol.sctp.destinationPort)]),
    ...(protocol.destinationNamedPort === undefined ? [] : [{ name: protocol.destinationNamedPort }]),
  ];
}

const ACTIONS = { Allow: "allow", Accept: "allow", Deny: "deny", Pass: "pass" } as const;

interface AnyRule {
  readonly name?: string;
  readonly action: keyof typeof ACTIONS;
  readonly from?: readonly AdminPeer[];
  readonly to?: readonly AdminPeer[];
  readonly ports?: readonly AdminPort[];
  readonly protocols?: readonly ClusterPolicyProtocol[];
}

function peerText(peer: AdminPeer): string {
  if (peer.namespaces !== undefined) return `namespaces ${selectorText(peer.namespaces)}`;
  if (peer.pods !== undefined)
    return `pods ${selectorText(peer.pods.podSelector)} in ${selectorText(peer.pods.namespaceSelector)}`;
  if (peer.nodes !== undefined) return `nodes ${selectorText(peer.nodes)}`;
  return (peer.networks ?? peer.domainNames ?? []).join(", ");
}

function compileRule(object: KubeObject, direction: Direction, rule: AnyRule, index: number): Rule {
  const peers = (direction === "ingress" ? rule.from : rule.to) ?? [];
  const ports = [...(rule.ports ?? []).map(adminPort), ...(rule.protocols ?? []).flatMap(clusterPort)];
  const name = rule.name === undefined || rule.name === "" ? "" : `"${rule.name}": `;
  return {
    action: ACTIONS[rule.action],
    peers: peers.flatMap(peerTests),
    ...(ports.length > 0 && { ports }),
    ref: {
      object,
      path: ["spec", direction, index],
      text: `${name}${rule.action} ${direction === "ingress" ? "from" : "to"} ${peers.map(peerText).join(" or ")}`,
    },
  };
}

type AnyPolicy = AdminNetworkPolicy | BaselineAdminNetworkPolicy | ClusterNetworkPolicy;

function compilePolicy(object: AnyPolicy): Policy {
  const rules = (direction: Direction) =>
    (object.spec[direction] as readonly AnyRule[] | undefined)?.map((r, i) =>
      compileRule(object, direction, r, i),
    ) ?? [];
  const [ingress, egress] = [rules("ingress"), rules("egress")];
  return {
    object,
    subject: subjectTest(object.spec.subject),
    ...(ingress.length > 0 && { ingress }),
    ...(egress.length > 0 && { egress }),
  };
}

const priority = (p: AnyPolicy): number => ("priority" in p.spec ? p.spec.priority : 0);
const byPriority = (a: AnyPolicy, b: AnyPolicy): number =>
  priority(a) - priority(b) || (a.metadata.name < b.metadata.name ? -1 : 1);

function tier(name: string, policies: readonly AnyPolicy[]): Layer {
  return {
    name,
    policies: [...policies].sort(byPriority).map(compilePolicy),
    stage: (selected, direction) => ({
      layer: name,
      rules: selected.flatMap((p) => p[direction] ?? []),
      otherwise: "next",
      policies: selected.map((p) => p.object),
    }),
  };
}

export const adminLayer = (cluster: Cluster): Layer =>
  tier("admin tier", [
    ...cluster.anps,
    ...cluster.clusterNetworkPolicies.filter((p) => p.spec.tier === "Admin"),
  ]);

export const baselineLayer = (cluster: Cluster): Layer =>
  tier("baseline tier", [
    ...cluster.banps,
    ...cluster.clusterNetworkPolicies.filter((p) => p.spec.tier === "Baseline"),
  ]);
