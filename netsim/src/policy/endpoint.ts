/** The parties of connections as policy sees them: pods, nodes, addresses outside. */
import type { Cluster, ContainerPort, Labels, Node, Pod } from "../model/types.ts";
import { parseAddress, sameAddress } from "../select/cidr.ts";
import type { Address } from "../select/cidr.ts";

export interface Endpoint {
  /** `namespace/pod`, a node's name, or the address as it was given. */
  readonly id: string;
  readonly kind: "pod" | "node" | "external";
  /** A pod's; "" for the others. */
  readonly namespace: string;
  readonly labels: Labels;
  readonly namespaceLabels: Labels;
  readonly serviceAccount: string;
  /** The address that this connection uses, in one family. */
  readonly address: Address;
  /** The other cluster of a mesh that it is in; absent for this one. */
  readonly cluster?: string;
  /** The node that it is, or runs on; "" when unknown or outside. */
  readonly node: string;
  /** A node, or a pod in its node's network: policy takes both for the node. */
  readonly onHost: boolean;
  /** Whether the API server answers there. */
  readonly apiServer: boolean;
  readonly ports: readonly ContainerPort[];
  readonly pod?: Pod;
  /** Cilium's own proxy for Ingresses and Gateways: neither a pod nor outside, but an identity of its own. */
  readonly ingressProxy?: true;
}

const NO_LABELS: Labels = Object.freeze({});
const CONTROL_PLANE = ["node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master"];

/** Running or about to: a finished pod keeps its address in its status, but has given it back. */
export const isFinished = (pod: Pod): boolean =>
  pod.status.phase === "Succeeded" || pod.status.phase === "Failed";

const addressesOf = (pod: Pod): readonly string[] =>
  pod.status.podIPs?.map((i) => i.ip) ?? (pod.status.podIP === undefined ? [] : [pod.status.podIP]);

const internalAddresses = (node: Node): readonly string[] =>
  (node.status.addresses ?? []).filter((a) => a.type === "InternalIP").map((a) => a.address);

const pick = (addresses: readonly string[], v6?: boolean): Address | undefined => {
  const parsed = addresses.flatMap((a) => parseAddress(a) ?? []);
  return parsed.find((a) => v6 === undefined || a.v6 === v6) ?? (v6 === undefined ? undefined : parsed[0]);
};

/** Sidecars among the init containers run as long as the pod does. */
function portsOf(pod: Pod): readonly ContainerPort[] {
  const sidecars = (pod.spec.initContainers ?? []).filter((c) => c.restartPolicy === "Always");
  return [...pod.spec.containers, ...sidecars].flatMap((c) => c.ports ?? []);
}

/** The endpoints of one cluster; `v6` chooses among a dual-stack pod's addresses (its first by default). */
export interface Endpoints {
  /** Undefined for a pod without an address, or finished. */
  pod(pod: Pod, v6?: boolean): Endpoint | undefined;
  node(node: Node, v6?: boolean): Endpoint | undefined;
  /** An address as it stands, even when something in the cluster has it; undefined when it is none. */
  external(text: string): Endpoint | undefined;
  /** Whoever has the address: a pod (not one in its node's network), a node, else an external endpoint. */
  byAddress(text: string): Endpoint | undefined;
}

export function endpointsOf(cluster: Cluster): Endpoints {
  const namespaces = new Map(cluster.namespaces.map((n) => [n.metadata.name, n.metadata.labels]));
  const apiServers = cluster.endpointSlices
    .filter(
      (s) =>
        s.metadata.namespace === "default" &&
        s.metadata.labels["kubernetes.io/service-name"] === "kubernetes",
    )
    .flatMap((s) => s.endpoints.flatMap((e) => e.addresses.flatMap((a) => parseAddress(a) ?? [])));
  const answers = (address: Address) => apiServers.some((a) => sameAddress(a, address));
  const controlPlane = new Set(
    cluster.nodes
      .filter((n) => CONTROL_PLANE.some((l) => l in n.metadata.labels))
      .map((n) => n.metadata.name),
  );

  function pod(p: Pod, v6?: boolean): Endpoint | undefined {
    const address = isFinished(p) ? undefined : pick(addressesOf(p), v6);
    if (address === undefined) return undefined;
    const { namespace, name, labels } = p.metadata;
    const onHost = p.spec.hostNetwork === true;
    const node = p.spec.nodeName ?? "";
    return {
      id: `${namespace}/${name}`,
      kind: "pod",
      namespace,
      labels,
      namespaceLabels: namespaces.get(namespace) ?? NO_LABELS,
      serviceAccount: p.spec.serviceAccountName ?? "default",
      address,
      node,
      onHost,
      apiServer: onHost && (controlPlane.has(node) || answers(address)),
      ports: portsOf(p),
      pod: p,
    };
  }

  function outside(id: string, kind: "node" | "external", address: Address): Endpoint {
    return {
      id,
      kind,
      namespace: "",
      labels: NO_LABELS,
      namespaceLabels: NO_LABELS,
      serviceAccount: "",
      address,
      node: "",
      onHost: false,
      apiServer: answers(address),
      ports: [],
    };
  }

  function node(n: Node, v6?: boolean): Endpoint | undefined {
    const address = pick(internalAddresses(n), v6);
    if (address === undefined) return undefined;
    const { name, labels } = n.metadata;
    const base = outside(name, "node", address);
    return { ...base, labels, node: name, onHost: true, apiServer: base.apiServer || controlPlane.has(name) };
  }

  function external(text: string): Endpoint | undefined {
    const address = parseAddress(text);
    return address === undefined ? undefined : outside(text, "external", address);
  }

  function byAddress(text: string): Endpoint | undefined {
    const wanted = parseAddress(text);
    if (wanted === undefined) return undefined;
    const same = (list: readonly string[]) =>
      list.some((a) => sameAddress(parseAddress(a) ?? NOWHERE, wanted));
    const owner = cluster.pods.find(
      (p) => p.spec.hostNetwork !== true && !isFinished(p) && same(addressesOf(p)),
    );
    if (owner !== undefined) return pod(owner, wanted.v6);
    const host = cluster.nodes.find((n) => same((n.status.addresses ?? []).map((a) => a.address)));
    return host === undefined ? external(text) : node(host, wanted.v6);
  }

  return { pod, node, external, byAddress };
}

const NOWHERE: Address = { text: "", v6: true, words: [-1, -1, -1, -1] };
