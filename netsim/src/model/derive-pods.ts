/**
 * Pods that are not in the input but would be in the cluster: those of a Deployment, StatefulSet, DaemonSet, ReplicaSet
 * or Job of which no pod was given; and the node and address of pods that come from manifests without a status. All of it
 * depends on names alone, so that one more manifest moves no other pod.
 */
import { parsePrefix } from "../select/cidr.ts";
import type { Node, Pod, Source, Workload } from "./types.ts";

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

/** Nodes get what they lack: an InternalIP in 172.18.0.0/16, a podCIDR in 10.244.0.0/16 (as kind and kubeadm deal them). */
function completeNodes(nodes: readonly Node[]): Node[] {
  const taken = new Set(nodes.flatMap((n) => [n.spec.podCIDR, ...(n.spec.podCIDRs ?? [])]));
  let third = 0;
  return nodes.map((node, i) => {
    const { podCIDR = node.spec.podCIDRs?.[0] } = node.spec;
    let cidr = podCIDR;
    while (cidr === undefined || (podCIDR === undefined && taken.has(cidr))) cidr = `10.244.${++third}.0/24`;
    taken.add(cidr);
    const addresses = node.status.addresses ?? [];
    const internal = addresses.some((a) => a.type === "InternalIP");
    const made = { type: "InternalIP", address: `172.18.${(i + 2) >>> 8}.${(i + 2) & 255}` };
    return {
      ...node,
      spec: { ...node.spec, podCIDR: cidr, podCIDRs: node.spec.podCIDRs ?? [cidr] },
      status: { ...node.status, addresses: internal ? addresses : [made, ...addresses] },
    };
  });
}

/** Deals addresses of a node's podCIDRs: the name's hash says where to begin looking for a free one. */
function addressDealer(pods: readonly Pod[]) {
  const taken = new Set(
    pods
      .flatMap((p) => (p.status.podIPs ?? []).map((i) => i.ip))
      .concat(pods.flatMap((p) => p.status.podIP ?? [])),
  );
  return (podCIDR: string, name: string): string | undefined => {
    const prefix = parsePrefix(podCIDR);
    if (prefix === undefined) return undefined;
    const hostBits = Math.min(16, (prefix.v6 ? 128 : 32) - prefix.bits);
    const size = 2 ** hostBits - 3; // not the network, the bridge (.1) or the broadcast address
    for (let i = 0; i < size; i++) {
      const offset = 2 + ((hash(name) + i) % size);
      const ip = prefix.v6 ? v6Text(prefix.words, offset) : v4Text((prefix.words[3] + offset) >>> 0);
      if (taken.has(ip)) continue;
      taken.add(ip);
      return ip;
    }
    return undefined;
  };
}

const v4Text = (word: number): string => [24, 16, 8, 0].map((shift) => (word >>> shift) & 255).join(".");

/** URL parsing is the platform's IPv6 formatter (RFC 5952). */
function v6Text(words: readonly number[], offset: number): string {
  const sum = [...words.slice(0, 3), ((words[3] ?? 0) + offset) >>> 0];
  const groups = sum.flatMap((w) => [(w >>> 16).toString(16), (w & 0xffff).toString(16)]);
  return new URL(`http://[${groups.join(":")}]`).hostname.slice(1, -1);
}

/** All pods that the cluster would run, and its nodes. Two nodes are made up where pods must go somewhere and none is given. */
export function derivePods(
  givenNodes: readonly Node[],
  givenPods: readonly Pod[],
  workloads: readonly Workload[],
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
  nodes = completeNodes(nodes);
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
