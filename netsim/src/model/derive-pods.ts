/**
 * Pods that are not in the input but would be in the cluster: those of a Deployment, StatefulSet, DaemonSet, ReplicaSet
 * or Job of which no pod was given; and the node and address of pods that come from manifests without a status. All of it
 * depends on names alone, so that one more manifest moves no other pod.
 */
import { addressAt, parsePrefix } from "../select/cidr.ts";
import type { IPFamily, Node, Pod, Source, Workload } from "./types.ts";

const NO_LABELS = Object.freeze({});

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193) >>> 0;
  return h;
}

/** More pods of one workload than this are not made: no cluster runs so many, and a slip of the pen should not end in memory. */
export const MAX_REPLICAS = 10_000;

const ownedByWorkload = (w: Workload): boolean =>
  (w.metadata.ownerReferences ?? []).some((o) => o.controller !== false);

/** A workload's pods are there when one in its namespace has all the labels of its template. */
function hasPods(workload: Workload, pods: ReadonlyMap<string, readonly Pod[]>): boolean {
  const wanted = Object.entries(workload.spec.template.metadata.labels);
  return (pods.get(workload.metadata.namespace) ?? []).some((pod) =>
    wanted.every(([key, value]) => pod.metadata.labels[key] === value),
  );
}

function podOf(workload: Workload, name: string, nodeName: string | undefined): Pod {
  const { kind, metadata, source, spec } = workload;
  const { namespace } = metadata;
  const stateful = kind === "StatefulSet";
  const identity = { hostname: name, ...(spec.serviceName !== undefined && { subdomain: spec.serviceName }) };
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name,
      namespace,
      labels: stateful
        ? { ...spec.template.metadata.labels, "statefulset.kubernetes.io/pod-name": name }
        : spec.template.metadata.labels,
      annotations: spec.template.metadata.annotations,
      ownerReferences: [{ kind, name: metadata.name, controller: true }],
    },
    spec: { ...spec.template.spec, ...(stateful && identity), ...(nodeName !== undefined && { nodeName }) },
    status: {},
    source,
    derived: `${kind} ${namespace}/${metadata.name}`,
  };
}

function podsOf(workload: Workload, nodes: readonly Node[]): Pod[] {
  const { name } = workload.metadata;
  if (workload.kind === "DaemonSet") {
    return nodes
      .filter((n) => fits(workload.spec.template.spec, n))
      .map((n) => podOf(workload, `${name}-${n.metadata.name}`, n.metadata.name));
  }
  const first = workload.kind === "StatefulSet" ? 0 : 1;
  return Array.from({ length: Math.min(workload.spec.replicas ?? 1, MAX_REPLICAS) }, (_, i) =>
    podOf(workload, `${name}-${i + first}`, undefined),
  );
}

const fits = (spec: Pod["spec"], node: Node): boolean =>
  Object.entries(spec.nodeSelector ?? NO_LABELS).every(([key, value]) => node.metadata.labels[key] === value);

const schedulable = (node: Node): boolean =>
  node.spec.unschedulable !== true && !(node.spec.taints ?? []).some((t) => t.effect !== "PreferNoSchedule");

/** A pod that only its manifest is known of: it has no status, and would be scheduled and given an address. */
const isManifest = (pod: Pod): boolean => pod.status.phase === undefined && pod.status.podIP === undefined;

function inventNode(name: string, source: Source): Node {
  const labels = { "kubernetes.io/hostname": name };
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name, namespace: "", labels, annotations: NO_LABELS },
    spec: {},
    status: {},
    source,
    derived: "the pods",
  };
}

/** What nodes get where nothing else is said: as kind and kubeadm deal them. */
const RANGES: Readonly<Record<IPFamily, { readonly pods: string; readonly nodes: string }>> = {
  IPv4: { pods: "10.244.0.0/16", nodes: "172.18.0.0/16" },
  IPv6: { pods: "fd00:10:244::/56", nodes: "fc00:f853:ccd:e793::/64" },
};

/** The families that nodes and pods have, and the ranges that pods' addresses come from, where these are known. */
export interface Network {
  readonly stack: readonly IPFamily[];
  readonly subnets: readonly string[];
}

/** Nodes get what they lack: an InternalIP and a podCIDR of each family (the first range of a subnet stays unused). */
function completeNodes(nodes: readonly Node[], { stack, subnets }: Network): Node[] {
  const taken = new Set(nodes.flatMap((n) => [n.spec.podCIDR, ...(n.spec.podCIDRs ?? [])]));
  const pools = stack.map((family) => {
    const own = subnets.find((cidr) => parsePrefix(cidr)?.v6 === (family === "IPv6"));
    const deal = rangeDealer(own ?? RANGES[family].pods);
    return (): string[] => {
      let cidr = deal();
      while (cidr !== undefined && taken.has(cidr)) cidr = deal();
      return cidr === undefined ? [] : [cidr];
    };
  });
  return nodes.map((node, i) => {
    const { podCIDR, podCIDRs: listed = podCIDR === undefined ? [] : [podCIDR] } = node.spec;
    const podCIDRs = listed.length > 0 ? listed : pools.flatMap((deal) => deal());
    const addresses = node.status.addresses ?? [];
    const internal = addresses.some((a) => a.type === "InternalIP");
    const made = stack.map((family) => ({
      type: "InternalIP",
      address: addressAt(parsePrefix(RANGES[family].nodes)!, i + 2),
    }));
    return {
      ...node,
      spec: { ...node.spec, ...(podCIDRs[0] !== undefined && { podCIDR: podCIDRs[0] }), podCIDRs },
      status: { ...node.status, addresses: internal ? addresses : [...made, ...addresses] },
    };
  });
}

/** Ranges of a subnet for one node after another, as long as there are any: /24 or /64, or 256 of a smaller subnet. */
function rangeDealer(subnet: string): () => string | undefined {
  const prefix = parsePrefix(subnet)!;
  const width = prefix.v6 ? 128 : 32;
  const bits = Math.min(width - 2, Math.max(prefix.v6 ? 64 : 24, prefix.bits + 8));
  const count = 2 ** Math.min(30, Math.max(0, bits - prefix.bits));
  let next = count > 1 ? 1 : 0;
  return () =>
    next < count ? `${addressAt(prefix, BigInt(next++) << BigInt(width - bits))}/${bits}` : undefined;
}

/** Deals addresses of a node's podCIDRs: the name's hash says where to begin looking for a free one. */
function addressDealer(pods: readonly Pod[]) {
  const taken = new Set(
    pods
      .flatMap((p) => (p.status.podIPs ?? []).map((i) => i.ip))
      .concat(pods.flatMap((p) => p.status.podIP ?? [])),
  );
  const full = new Set<string>();
  return (podCIDR: string, name: string): string | undefined => {
    const prefix = parsePrefix(podCIDR);
    if (prefix === undefined || full.has(podCIDR)) return undefined;
    const hostBits = Math.min(16, (prefix.v6 ? 128 : 32) - prefix.bits);
    const size = 2 ** hostBits - 3; // not the network, the bridge (.1) or the broadcast address
    for (let i = 0; i < size; i++) {
      const offset = 2 + ((hash(name) + i) % size);
      const ip = addressAt(prefix, offset);
      if (taken.has(ip)) continue;
      taken.add(ip);
      return ip;
    }
    full.add(podCIDR);
    return undefined;
  };
}

/** All pods that the cluster would run, and its nodes. Two nodes are made up where pods must go somewhere and none is given. */
export function derivePods(
  givenNodes: readonly Node[],
  givenPods: readonly Pod[],
  workloads: readonly Workload[],
  network: Network,
): { nodes: readonly Node[]; pods: readonly Pod[] } {
  const byNamespace = podsByNamespace(givenPods);
  const makers = workloads.filter((w) => !ownedByWorkload(w) && !hasPods(w, byNamespace));
  const homeless = givenPods.filter(isManifest);
  let nodes = givenNodes;
  if (nodes.length === 0 && (makers.length > 0 || homeless.length > 0)) {
    const source = (makers[0] ?? homeless[0])?.source ?? { file: "", line: 0 };
    const named = givenPods.flatMap((p) => p.spec.nodeName ?? []);
    const names = new Set(named.length > 0 ? named : ["node-1", "node-2"]);
    nodes = [...names].sort().map((name) => inventNode(name, source));
  }
  if (makers.length === 0 && homeless.length === 0) return { nodes, pods: givenPods };
  nodes = completeNodes(nodes, network);
  const sorted = [...nodes].sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  const made = makers.flatMap((w) => podsOf(w, sorted));
  const deal = addressDealer(givenPods);
  const place = placer(sorted, deal);
  const byName = (a: Pod, b: Pod) => (podKey(a) < podKey(b) ? -1 : 1);
  const placed = new Map([...homeless, ...made].sort(byName).map((p) => [p, place(p)]));
  return { nodes, pods: [...givenPods, ...made].map((p) => placed.get(p) ?? p) };
}

const podKey = (pod: Pod): string => `${pod.metadata.namespace}/${pod.metadata.name}`;

export function podsByNamespace(pods: readonly Pod[]): ReadonlyMap<string, readonly Pod[]> {
  const out = new Map<string, Pod[]>();
  for (const pod of pods) {
    const same = out.get(pod.metadata.namespace);
    if (same === undefined) out.set(pod.metadata.namespace, [pod]);
    else same.push(pod);
  }
  return out;
}

/** Gives a pod its node (a replica number moves it on by one) and its addresses. */
function placer(nodes: readonly Node[], deal: (podCIDR: string, name: string) => string | undefined) {
  const open = nodes.filter(schedulable);
  const candidates = open.length > 0 ? open : nodes;
  return (pod: Pod): Pod => {
    const key = podKey(pod);
    const fitting = candidates.filter((n) => fits(pod.spec, n));
    const choice = fitting.length > 0 ? fitting : candidates;
    const replica = /-(\d+)$/.exec(key);
    const base = replica === null ? key : key.slice(0, replica.index);
    const start = (hash(base) + Number(replica?.[1] ?? 0)) % choice.length;
    const node = nodes.find((n) => n.metadata.name === pod.spec.nodeName) ?? choice[start];
    if (node === undefined) return pod;
    const hostIPs = (node.status.addresses ?? [])
      .filter((a) => a.type === "InternalIP")
      .map((a) => ({ ip: a.address }));
    const own = (node.spec.podCIDRs ?? []).flatMap((cidr) => deal(cidr, key) ?? []).map((ip) => ({ ip }));
    const podIPs = pod.spec.hostNetwork === true ? hostIPs : own;
    const [first] = podIPs;
    const [host] = hostIPs;
    return {
      ...pod,
      spec: { ...pod.spec, nodeName: node.metadata.name },
      status: {
        phase: "Running",
        ...(first !== undefined && { podIP: first.ip, podIPs }),
        ...(host !== undefined && { hostIP: host.ip, hostIPs }),
        conditions: [{ type: "Ready", status: "True" }],
      },
    };
  };
}
