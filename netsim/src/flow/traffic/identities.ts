/**
 * Ends of connections as Hubble tells of them: security identities with their labels, endpoint ids, workloads. Numbers that a
 * running cluster would deal out follow from names alone, so that one more pod changes no other's.
 */
import { workloadOf } from "../../policy/parties.ts";
import type { Cluster, Labels, Pod, Service } from "../../model/types.ts";
import { CLUSTER, CLUSTER_NAME, identityKey, identityOf } from "../../policy/cilium/identity.ts";
import type { Endpoint as Party, Endpoints } from "../../policy/endpoint.ts";
import { isWorkload } from "../../policy/peers.ts";
import { configText } from "../../trace/settings.ts";
import type { Endpoint } from "../types.ts";
import { hash } from "./random.ts";

/** Cilium's reserved identities (pkg/identity). */
const HOST = 1;
const WORLD = 2;
const REMOTE_NODE = 6;
const API_SERVER = 7;
const WORLD_V4 = 9;
const WORLD_V6 = 10;
/** Where identities of pods begin, and those of CIDRs and names, which every node has for itself. */
const FIRST = 256;
const LAST = 65_535;
const LOCAL_SCOPE = 1 << 24;

export interface Identities {
  readonly clusterName: string;
  /** An end as it is told of on `node`: only a node's own pods have an endpoint id and a workload there. */
  endpoint(end: Party, node: string, names?: readonly string[]): Endpoint;
  /** The node's name as flows have it, `cluster/node`, and its labels. */
  node(name: string): { readonly name: string; readonly labels: readonly string[] };
  /** The Service of an address and port. */
  service(address: string, port: number): { name: string; namespace: string } | undefined;
}

export function createIdentities(cluster: Cluster, endpoints: Endpoints): Identities {
  const clusterName = configText(cluster, "cilium-config", "cluster-name") ?? CLUSTER_NAME;
  const pods = cluster.pods.flatMap((pod) => endpoints.pod(pod) ?? []).filter(isWorkload);
  const numbers = dealt(new Set(pods.map(identityKey)), FIRST, LAST);
  const ids = dealt(new Set(pods.map((p) => p.id)), 1, 4095);
  const families = new Set(
    pods.flatMap((p) => (p.pod?.status.podIPs ?? []).map(({ ip }) => ip.includes(":"))),
  );
  const nodes = new Map(cluster.nodes.map((n) => [n.metadata.name, n.metadata.labels]));
  const services = serviceIndex(cluster.services);

  const podEndpoint = (end: Party, node: string): Endpoint => {
    const { k8s } = identityOf(end, false);
    const own = end.node === node;
    return {
      ...(own && { ID: ids.get(end.id) ?? 0 }),
      identity: numbers.get(identityKey(end)) ?? 0,
      cluster_name: clusterName,
      namespace: end.namespace,
      labels: labelList({ ...k8s, [CLUSTER]: clusterName }),
      ...(end.pod !== undefined && { pod_name: end.pod.metadata.name }),
      ...(own && end.pod !== undefined && { workloads: [workload(end.pod)] }),
    };
  };

  // A pod is told of again and again, and flows are not changed.
  const told = new Map<string, Endpoint>();
  const known = (end: Party, node: string): Endpoint => {
    const key = `${end.id} ${node}`;
    const endpoint = told.get(key) ?? podEndpoint(end, node);
    told.set(key, endpoint);
    return endpoint;
  };

  return {
    clusterName,
    endpoint(end, node, names = []) {
      if (isWorkload(end)) return known(end, node);
      if (end.onHost) {
        const here = end.node === node;
        const identity = here ? HOST : end.apiServer ? API_SERVER : REMOTE_NODE;
        const api = end.apiServer ? ["reserved:kube-apiserver"] : [];
        return { identity, labels: [here ? "reserved:host" : "reserved:remote-node", ...api].sort() };
      }
      const world =
        families.size < 2
          ? ([WORLD, "world"] as const)
          : end.address.v6
            ? ([WORLD_V6, "world-ipv6"] as const)
            : ([WORLD_V4, "world-ipv4"] as const);
      if (names.length === 0) return { identity: world[0], labels: [`reserved:${world[1]}`] };
      // Addresses that policy knows by a name or a network have an identity that is the node's own.
      return {
        identity: LOCAL_SCOPE + 1 + (hash(names.join()) % (LAST - 1)),
        labels: [...names, `reserved:${world[1]}`].sort(),
      };
    },
    node(name) {
      const labels = Object.entries(nodes.get(name) ?? {}).map(([key, value]) => `${key}=${value}`);
      return { name: `${clusterName}/${name}`, labels: labels.sort() };
    },
    service: (address, port) => services.get(`${address} ${port}`) ?? undefined,
  };
}

const labelList = (labels: Labels): string[] =>
  Object.entries(labels)
    .map(([key, value]) => `k8s:${key}=${value}`)
    .sort();

/** A number for each name, from where its hash points to on. */
function dealt(names: ReadonlySet<string>, first: number, last: number): ReadonlyMap<string, number> {
  const size = last - first + 1;
  const taken = new Set<number>();
  const numbers = new Map<string, number>();
  for (const name of [...names].sort()) {
    let number = hash(name) % size;
    for (let i = 0; taken.has(number) && i < size; i++) number = (number + 1) % size;
    taken.add(number);
    numbers.set(name, first + number);
  }
  return numbers;
}

/** The workload that controls the pod; a ReplicaSet's is its Deployment. */
function workload(pod: Pod): { name: string; kind: string } {
  const owner = pod.metadata.ownerReferences?.find((o) => o.controller !== false);
  if (owner === undefined) return { name: pod.metadata.name, kind: "Pod" };
  const name = workloadOf(pod);
  return { name, kind: owner.kind === "ReplicaSet" && name !== owner.name ? "Deployment" : owner.kind };
}

function serviceIndex(
  services: readonly Service[],
): ReadonlyMap<string, { name: string; namespace: string }> {
  const index = new Map<string, { name: string; namespace: string }>();
  for (const { metadata, spec, status } of services) {
    const { name, namespace } = metadata;
    const addresses = [
      ...(spec.clusterIPs ?? []),
      ...(spec.externalIPs ?? []),
      ...(status.loadBalancer?.ingress ?? []).map(({ ip }) => ip ?? ""),
    ];
    for (const address of addresses.filter((a) => a !== "" && a !== "None"))
      for (const { port } of spec.ports) index.set(`${address} ${port}`, { name, namespace });
  }
  return index;
}
