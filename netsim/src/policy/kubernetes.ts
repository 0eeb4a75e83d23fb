/**
 * networking.k8s.io/v1 NetworkPolicy. A pod that some policy selects for a direction is isolated in it: what no rule of
 * those policies allows is denied. Absent or empty `from`/`to` mean everybody, absent or empty `ports` every port; an
 * empty list of rules allows nothing. Pods in their node's network are neither selected nor found by selectors.
 */
import type { NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort } from "../model/types.ts";
import { selectorText } from "../select/labels.ts";
import { OWN_HOST, addresses, pods } from "./peers.ts";
import { ALL_PORTS } from "./rule.ts";
import type { Direction, Layer, PeerTest, Policy, PortSpec, Rule } from "./rule.ts";

export type AddressTest = (cidr: string, except?: readonly string[]) => PeerTest;

function peerTest(peer: NetworkPolicyPeer, namespace: string, address: AddressTest): PeerTest {
  if (peer.ipBlock !== undefined) return address(peer.ipBlock.cidr, peer.ipBlock.except);
  return pods(peer.namespaceSelector ?? namespace, peer.podSelector);
}

function portSpec({ protocol, port, endPort }: NetworkPolicyPort): PortSpec {
  if (port === undefined) return { protocol, ...ALL_PORTS };
  return typeof port === "string" ? { protocol, name: port } : { protocol, from: port, to: endPort ?? port };
}

/** `from app=web port TCP 80`, for people. */
function describe(
  direction: Direction,
  peers: readonly NetworkPolicyPeer[],
  ports: readonly NetworkPolicyPort[],
): string {
  const who = peers.map((p) => {
    if (p.ipBlock !== undefined)
      return p.ipBlock.cidr + (p.ipBlock.except ? ` except ${p.ipBlock.except.join(",")}` : "");
    const pod = p.podSelector === undefined ? "" : `pods ${selectorText(p.podSelector)}`;
    const ns = p.namespaceSelector === undefined ? "" : `namespaces ${selectorText(p.namespaceSelector)}`;
    return [ns, pod].filter((s) => s !== "").join(" ");
  });
  const what = ports.map(
    (p) => `${p.protocol} ${p.port ?? "all"}${p.endPort === undefined ? "" : `-${p.endPort}`}`,
  );
  const side = direction === "ingress" ? "from" : "to";
  return `${side} ${who.join(" or ") || "everybody"}, ${what.length === 0 ? "all ports" : `port ${what.join(", ")}`}`;
}

function rules(policy: NetworkPolicy, direction: Direction, address: AddressTest): Rule[] {
  const { namespace } = policy.metadata;
  const list =
    direction === "ingress"
      ? (policy.spec.ingress ?? []).map((r) => ({ peers: r.from ?? [], ports: r.ports ?? [] }))
      : (policy.spec.egress ?? []).map((r) => ({ peers: r.to ?? [], ports: r.ports ?? [] }));
  return list.map(({ peers, ports }, i) => ({
    action: "allow",
    ...(peers.length > 0 && { peers: peers.map((p) => peerTest(p, namespace, address)) }),
    ...(ports.length > 0 && { ports: ports.map(portSpec) }),
    ref: {
      object: policy,
      path: ["spec", direction, i],
      get text() {
        return describe(direction, peers, ports);
      },
    },
  }));
}

/** `address` decides whom an ipBlock selects: here whoever has the address, in Cilium only what is outside. */
export function compileNetworkPolicy(policy: NetworkPolicy, address: AddressTest = addresses): Policy {
  const { namespace } = policy.metadata;
  const { podSelector, policyTypes } = policy.spec;
  return {
    object: policy,
    namespace,
    subject: pods(namespace, podSelector),
    ...(policyTypes.includes("Ingress") && { ingress: rules(policy, "ingress", address) }),
    ...(policyTypes.includes("Egress") && { egress: rules(policy, "egress", address) }),
  };
}

export function networkPolicyLayer(policies: readonly NetworkPolicy[]): Layer {
  return {
    name: "NetworkPolicy",
    policies: policies.map((p) => compileNetworkPolicy(p)),
    stage: (selected, direction) => ({
      layer: "NetworkPolicy",
      rules: selected.flatMap((p) => p[direction] ?? []),
      otherwise: "deny",
      policies: selected.map((p) => p.object),
    }),
  };
}

/**
 * "Traffic to and from the node where a Pod is running is always allowed" (the NetworkPolicy documentation): the kubelet's
 * probes come from there. `object` stands for the documentation, which is in no file.
 */
export function ownNodeLayer(name: string, directions: readonly Direction[]): Layer {
  const object = {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name: "(the pod's own)", namespace: "", labels: {}, annotations: {} },
    source: { file: "", line: 0 },
  };
  const ref = { object, path: [], text: "a pod's own node may always reach it" };
  const rule: Rule = { action: "allow", peers: [OWN_HOST], ref };
  const policy: Policy = { object, subject: pods(undefined, undefined), ingress: [rule], egress: [rule] };
  return {
    name,
    policies: [policy],
    stage: (_, direction) =>
      directions.includes(direction)
        ? { layer: name, rules: [rule], otherwise: "next", policies: [] }
        : undefined,
  };
}
