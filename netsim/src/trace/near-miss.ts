/**
 * Why a policy that looks as if it allowed a connection does not: the rule that comes nearest, and what is wrong with it. Only
 * for NetworkPolicy, whose mistakes are well known.
 */
import type { KubeObject, NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort } from "../model/types.ts";
import type { Endpoint } from "../policy/endpoint.ts";
import type { Side } from "../policy/judge.ts";
import type { Direction, Probe } from "../policy/rule.ts";
import { compileSelector, selectorText } from "../select/labels.ts";
import { contains, parseAddress, parseBlock } from "../service/address.ts";
import { originOfObject } from "./origin.ts";
import type { Remedy } from "./types.ts";

const isNetworkPolicy = (o: KubeObject): o is NetworkPolicy =>
  o.kind === "NetworkPolicy" && o.apiVersion.startsWith("networking.k8s.io/");

export interface Situation {
  readonly side: Side;
  readonly direction: Direction;
  readonly peer: Endpoint;
  readonly probe: Probe;
  /** The address and port that the client asked for, before a Service's were translated. */
  readonly asked: { readonly address: string; readonly port: number };
}

export function nearMiss(situation: Situation): Remedy | undefined {
  const policies = situation.side.policies.filter(isNetworkPolicy);
  const found = policies.flatMap((policy) => missesOf(policy, situation));
  return found.sort((a, b) => b.nearness - a.nearness)[0]?.remedy;
}

interface Miss {
  readonly nearness: number;
  readonly remedy: Remedy;
}

function missesOf(policy: NetworkPolicy, situation: Situation): Miss[] {
  const { direction } = situation;
  const rules = (direction === "egress" ? policy.spec.egress : policy.spec.ingress) ?? [];
  return rules.flatMap((rule, i) => {
    const path = ["spec", direction, i];
    const key = direction === "egress" ? "to" : "from";
    const peers = (rule as Partial<Record<"to" | "from", readonly NetworkPolicyPeer[]>>)[key];
    const portOk =
      (rule.ports ?? []).length === 0 || (rule.ports ?? []).some((p) => takes(p, situation.probe));
    const peerOk = (peers ?? []).length === 0 || (peers ?? []).some((p) => holds(p, policy, situation.peer));
    if (peerOk && !portOk) return [portMiss(policy, rule.ports ?? [], path, situation)];
    if (!portOk) return [];
    return (peers ?? []).flatMap((p, j) => peerMiss(policy, p, [...path, key, j], situation));
  });
}

/** Named ports are left alone: they were looked up already. */
function takes({ protocol, port, endPort }: NetworkPolicyPort, probe: Probe): boolean {
  if (protocol !== probe.protocol) return false;
  if (port === undefined) return true;
  return typeof port === "number" && port <= probe.port && probe.port <= (endPort ?? port);
}

function holds(
  { podSelector, namespaceSelector, ipBlock }: NetworkPolicyPeer,
  policy: NetworkPolicy,
  peer: Endpoint,
): boolean {
  if (ipBlock !== undefined) {
    const block = parseBlock(ipBlock.cidr);
    const ip = parseAddress(peer.address.text);
    return block !== undefined && ip !== undefined && contains(block, ip);
  }
  if (peer.kind !== "pod") return false;
  const inNamespace =
    namespaceSelector === undefined
      ? peer.namespace === policy.metadata.namespace
      : compileSelector(namespaceSelector).matches(peer.namespaceLabels);
  return inNamespace && (podSelector === undefined || compileSelector(podSelector).matches(peer.labels));
}

function portMiss(
  policy: NetworkPolicy,
  ports: readonly NetworkPolicyPort[],
  path: (string | number)[],
  { probe, asked }: Situation,
): Miss {
  const list = ports.map((p) => `${p.port ?? "any"}/${p.protocol}`).join(", ");
  const meant = ports.findIndex((p) => p.port === asked.port && p.port !== probe.port);
  const text =
    meant < 0
      ? `this rule is for ${list}, the connection for ${probe.port}/${probe.protocol}`
      : `policy sees the pod's port ${probe.port}, not the Service's ${asked.port}`;
  const at = originOfObject(policy, [...path, "ports", Math.max(0, meant), ...(meant < 0 ? [] : ["port"])]);
  const change = meant < 0 ? `- {protocol: ${probe.protocol}, port: ${probe.port}}` : `port: ${probe.port}`;
  return { nearness: meant < 0 ? 2 : 4, remedy: { text, change, ...at } };
}

function peerMiss(
  policy: NetworkPolicy,
  p: NetworkPolicyPeer,
  path: (string | number)[],
  { peer, asked }: Situation,
): Miss[] {
  const { podSelector, namespaceSelector, ipBlock } = p;
  if (ipBlock !== undefined) return blockMiss(policy, ipBlock.cidr, path, peer, asked.address);
  if (peer.kind !== "pod") return [];
  const podFits = podSelector === undefined || compileSelector(podSelector).matches(peer.labels);
  if (
    podFits &&
    namespaceSelector === undefined &&
    podSelector !== undefined &&
    Object.keys(podSelector.matchLabels ?? podSelector).length > 0
  )
    return [
      {
        nearness: 5,
        remedy: {
          text: `a podSelector alone means pods of ${policy.metadata.namespace}; ${peer.id} is in ${peer.namespace}: add a namespaceSelector to the same peer`,
          change: `namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: ${peer.namespace}}}`,
          ...originOfObject(policy, path),
        },
      },
    ];
  if (podFits && namespaceSelector !== undefined && podSelector !== undefined)
    return [
      {
        nearness: 3,
        remedy: {
          text: `the pod's labels fit, its namespace's do not: ${peer.namespace} must have ${selectorText(namespaceSelector)}`,
          change: null,
          ...originOfObject(policy, [...path, "namespaceSelector"]),
        },
      },
    ];
  return [];
}

function blockMiss(
  policy: NetworkPolicy,
  cidr: string,
  path: (string | number)[],
  peer: Endpoint,
  asked: string,
): Miss[] {
  const block = parseBlock(cidr);
  const own = parseAddress(peer.address.text);
  const first = parseAddress(asked);
  if (own === undefined || first === undefined || block?.family !== own.family) return [];
  const at = originOfObject(policy, [...path, "ipBlock", "cidr"]);
  if (contains(block, own))
    return [
      {
        nearness: 3,
        remedy: {
          text: `${own.text} is in ${cidr}, and an except takes it out again, or the CNI's ipBlock selects no pods`,
          change: null,
          ...at,
        },
      },
    ];
  if (contains(block, first))
    return [
      {
        nearness: 4,
        remedy: {
          text: `${cidr} has the Service's address; policy sees the pod behind it, ${own.text}`,
          change: `cidr: ${own.text}/${own.family === "IPv4" ? 32 : 128}`,
          ...at,
        },
      },
    ];
  // A block that lies in the same neighbourhood was probably meant for it.
  const shorter =
    block.bits >= 8 &&
    own.value >> BigInt((own.family === "IPv4" ? 32 : 128) - 16) ===
      block.first >> BigInt((own.family === "IPv4" ? 32 : 128) - 16);
  return shorter
    ? [{ nearness: 1, remedy: { text: `${cidr} does not hold ${own.text}`, change: null, ...at } }]
    : [];
}
