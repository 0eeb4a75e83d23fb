/** What a map shows of a cluster: its objects as numbers in lists, with who selects whom. */
import { objectName } from "../model/source.ts";
import type { Cluster, KubeObject, Pod, Service } from "../model/types.ts";
import type { Endpoint } from "../policy/endpoint.ts";
import type { Engine } from "../policy/engine.ts";
import { workloadOf } from "../policy/parties.ts";

export interface PodView {
  /** `namespace/name`. */
  readonly id: string;
  readonly name: string;
  /** Place among the namespaces. */
  readonly namespace: number;
  /** Place among the nodes, -1 where it has none. */
  readonly node: number;
  readonly labels: string;
  readonly workload: string;
  readonly address: string;
  readonly ports: readonly string[];
  /** Ready, or why not: its phase. */
  readonly ready: boolean;
  readonly phase: string;
  readonly place: string;
}

export interface ServiceView {
  readonly id: string;
  readonly name: string;
  readonly namespace: number;
  readonly type: string;
  readonly address: string;
  readonly ports: readonly string[];
  readonly selector: string;
  /** Places of the pods behind it. */
  readonly pods: readonly number[];
  readonly place: string;
}

export interface PolicyView {
  /** `Kind namespace/name`. */
  readonly id: string;
  readonly name: string;
  readonly kind: string;
  /** -1: of the whole cluster. */
  readonly namespace: number;
  readonly directions: readonly ("ingress" | "egress")[];
  /** Places of the pods that it selects. */
  readonly pods: readonly number[];
  readonly place: string;
}

export interface MapView {
  readonly namespaces: readonly string[];
  readonly nodes: readonly {
    readonly name: string;
    readonly address: string;
    readonly labels: string;
    readonly place: string;
  }[];
  readonly pods: readonly PodView[];
  readonly services: readonly ServiceView[];
  readonly policies: readonly PolicyView[];
  readonly enforcer: string;
  readonly problems: number;
}

const text = (labels: Readonly<Record<string, string>>): string =>
  Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(" ");

const placeOf = ({ source, derived }: KubeObject): string =>
  source.file === "" ? (derived ?? "") : `${source.file}${source.line > 0 ? `:${source.line}` : ""}`;

export function viewOf(cluster: Cluster, engine: Engine): MapView {
  const namespaces = [
    ...new Set(
      [...cluster.namespaces, ...cluster.pods, ...cluster.services].map(
        (o) => o.metadata.namespace || o.metadata.name,
      ),
    ),
  ].sort();
  const namespaceAt = new Map(namespaces.map((name, i) => [name, i]));
  const nodeAt = new Map(cluster.nodes.map((n, i) => [n.metadata.name, i]));
  const podAt = new Map(cluster.pods.map((p, i) => [`${p.metadata.namespace}/${p.metadata.name}`, i]));
  const inNamespace = (name: string): number => namespaceAt.get(name) ?? -1;
  return {
    namespaces,
    nodes: cluster.nodes.map((n) => ({
      name: n.metadata.name,
      address: (n.status.addresses ?? []).find((a) => a.type === "InternalIP")?.address ?? "",
      labels: text(n.metadata.labels),
      place: placeOf(n),
    })),
    pods: cluster.pods.map((pod) =>
      podView(pod, inNamespace(pod.metadata.namespace), nodeAt.get(pod.spec.nodeName ?? "") ?? -1),
    ),
    services: cluster.services.map((s) =>
      serviceView(
        s,
        inNamespace(s.metadata.namespace),
        backends(cluster, podAt).get(`${s.metadata.namespace}/${s.metadata.name}`) ?? [],
      ),
    ),
    policies: policyViews(cluster, engine, inNamespace),
    enforcer: engine.enforcer,
    problems: cluster.problems.length + engine.problems.length,
  };
}

function podView(pod: Pod, namespace: number, node: number): PodView {
  const { metadata, spec, status } = pod;
  const ready = (status.conditions ?? []).find((c) => c.type === "Ready")?.status;
  const phase = status.phase ?? "Running";
  return {
    id: `${metadata.namespace}/${metadata.name}`,
    name: metadata.name,
    namespace,
    node,
    labels: text(metadata.labels),
    workload: workloadOf(pod),
    address: status.podIP ?? "",
    ports: spec.containers.flatMap((c) => (c.ports ?? []).map((p) => `${p.containerPort}/${p.protocol}`)),
    ready: phase === "Running" && ready !== "False",
    phase: phase === "Running" && ready === "False" ? "not ready" : phase,
    place: placeOf(pod),
  };
}

function serviceView(service: Service, namespace: number, pods: readonly number[]): ServiceView {
  const { metadata, spec } = service;
  return {
    id: `${metadata.namespace}/${metadata.name}`,
    name: metadata.name,
    namespace,
    type: spec.clusterIP === "None" ? "headless" : spec.type,
    address: spec.type === "ExternalName" ? (spec.externalName ?? "") : (spec.clusterIP ?? ""),
    ports: spec.ports.map((p) => `${p.port}/${p.protocol}`),
    selector: spec.selector === undefined ? "" : text(spec.selector),
    pods,
    place: placeOf(service),
  };
}

const known = new WeakMap<Cluster, ReadonlyMap<string, readonly number[]>>();

/** The pods behind each Service, by its EndpointSlices. */
function backends(
  cluster: Cluster,
  podAt: ReadonlyMap<string, number>,
): ReadonlyMap<string, readonly number[]> {
  const found = known.get(cluster);
  if (found !== undefined) return found;
  const byAddress = new Map<string, number>();
  for (const [i, p] of cluster.pods.entries())
    if (p.spec.hostNetwork !== true) for (const { ip } of p.status.podIPs ?? []) byAddress.set(ip, i);
  const sets = new Map<string, Set<number>>();
  for (const { metadata, endpoints } of cluster.endpointSlices) {
    const id = `${metadata.namespace}/${metadata.labels["kubernetes.io/service-name"] ?? ""}`;
    const set = sets.get(id) ?? new Set<number>();
    sets.set(id, set);
    for (const { targetRef, addresses } of endpoints) {
      const named =
        targetRef?.kind === "Pod"
          ? podAt.get(`${targetRef.namespace ?? metadata.namespace}/${targetRef.name}`)
          : undefined;
      for (const at of named === undefined ? addresses.map((a) => byAddress.get(a)) : [named])
        if (at !== undefined) set.add(at);
    }
  }
  const lists = new Map([...sets].map(([id, set]) => [id, [...set].sort((a, b) => a - b)]));
  known.set(cluster, lists);
  return lists;
}

/** Each policy object once, whatever its kind is compiled to. */
function policyViews(
  cluster: Cluster,
  { judge, endpoints }: Engine,
  inNamespace: (name: string) => number,
): PolicyView[] {
  const ends = cluster.pods.map((p): Endpoint | undefined => endpoints.pod(p));
  const found = new Map<KubeObject, { directions: Set<"ingress" | "egress">; pods: Set<number> }>();
  for (const layer of judge.layers) {
    for (const { object, namespace, subject, ingress, egress } of layer.policies) {
      // Rules that are nobody's object (the pod's own node may always reach it).
      if (object.source.file === "" && object.source.line === 0) continue;
      const entry = found.get(object) ?? { directions: new Set(), pods: new Set() };
      found.set(object, entry);
      if (ingress !== undefined) entry.directions.add("ingress");
      if (egress !== undefined) entry.directions.add("egress");
      for (const [i, end] of ends.entries()) {
        if (end === undefined || (namespace !== undefined && namespace !== end.namespace)) continue;
        if (judge.enforces(end, "ingress") && subject.test(end, true)) entry.pods.add(i);
      }
    }
  }
  return [...found].map(([object, { directions, pods }]) => ({
    id: objectName(object),
    name: object.metadata.name,
    kind: object.kind,
    namespace: inNamespace(object.metadata.namespace),
    directions: [...directions],
    pods: [...pods].sort((a, b) => a - b),
    place: placeOf(object),
  }));
}
