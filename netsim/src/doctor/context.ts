/** The cluster as checks look at it: as it was given, as it would run, and indexes of both. Nothing here is computed before it is asked for. */
import { podsByNamespace } from "../model/derive-pods.ts";
import type { Cluster, EndpointSlice, OtherObject, Pod, Service, Workload } from "../model/types.ts";
import type { Endpoint } from "../policy/endpoint.ts";
import { isFinished } from "../policy/endpoint.ts";
import type { Engine } from "../policy/engine.ts";
import { workloadOf } from "../policy/parties.ts";
import { createSite, type Site } from "../trace/site.ts";
import { clusterDnsOf, kubeletDns, type KubeletDns } from "../trace/settings.ts";
import { complete } from "../trace/world.ts";
import { podHolder, templateHolder, type Holder } from "./fix.ts";
import type { DoctorOptions } from "./types.ts";

/** Pods of one workload, or those of one name where the workload is not in the input. */
export interface Group {
  /** `namespace/name`. */
  readonly id: string;
  readonly holder: Holder;
  /** At least one. */
  readonly pods: readonly Pod[];
}

export interface Context {
  /** What is in the input, with the pods and slices that follow from it. */
  readonly given: Cluster;
  /** The same with what every cluster has: DNS, cluster IPs. */
  readonly cluster: Cluster;
  readonly site: Site;
  readonly engine: Engine;
  readonly options: DoctorOptions;
  /** The DNS Service of the input. */
  readonly dns: Service | undefined;
  /** What kubelets write into resolv.conf. */
  readonly kubelet: KubeletDns;
  /** Pods of the input that are not finished. */
  readonly pods: readonly Pod[];
  readonly groups: readonly Group[];
  podsIn(namespace: string): readonly Pod[];
  /** Pods of its namespace that a Service's selector finds; none without one. */
  selected(service: Service): readonly Pod[];
  slicesOf(service: Service): readonly EndpointSlice[];
  service(namespace: string, name: string): Service | undefined;
  others(kind: string): readonly OtherObject[];
  /** The endpoint of a pod of the input; undefined where it has no address. */
  endpointOf(pod: Pod): Endpoint | undefined;
  /** Who has an address. */
  endpointAt(address: string): Endpoint | undefined;
}

/** Calls `make` once. */
export function lazy<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}

/** Computes `of` once for each object. */
function remembered<K extends object, V>(of: (key: K) => V): (key: K) => V {
  const known = new WeakMap<K, { readonly value: V }>();
  return (key) => {
    let found = known.get(key);
    if (found === undefined) known.set(key, (found = { value: of(key) }));
    return found.value;
  };
}

export function createContext(given: Cluster, options: DoctorOptions): Context {
  const { cluster } = complete(given);
  const site = lazy(() => createSite(cluster, undefined));
  const pods = given.pods.filter((p) => !isFinished(p));
  const byNamespace = podsByNamespace(pods);
  const services = new Map(given.services.map((s) => [key(s.metadata.namespace, s.metadata.name), s]));
  const slices = lazy(() => slicesByService(given));
  const groups = lazy(() => groupPods(given, pods));
  const owners = lazy(() => podsByAddress(cluster.pods));
  const podsIn = (namespace: string): readonly Pod[] => byNamespace.get(namespace) ?? [];
  return {
    given,
    cluster,
    get site() {
      return site();
    },
    get engine() {
      return site().engine;
    },
    options,
    dns: clusterDnsOf(given),
    kubelet: kubeletDns(cluster),
    pods,
    get groups() {
      return groups();
    },
    podsIn,
    selected: remembered(({ metadata, spec: { selector } }: Service) => {
      const wanted = Object.entries(selector ?? {});
      if (wanted.length === 0) return [];
      return podsIn(metadata.namespace).filter((p) => wanted.every(([k, v]) => p.metadata.labels[k] === v));
    }),
    slicesOf: ({ metadata }) => slices().get(key(metadata.namespace, metadata.name)) ?? [],
    service: (namespace, name) => services.get(key(namespace, name)),
    others: (kind) => given.others.get(kind) ?? [],
    endpointOf: (pod) => site().engine.endpoints.pod(pod),
    endpointAt(address) {
      const { endpoints } = site().engine;
      const pod = owners().get(address);
      return pod === undefined ? endpoints.byAddress(address) : endpoints.pod(pod, address.includes(":"));
    },
  };
}

/** A live cluster's objects, of which nothing is missing: its pods have an identity that only the API server gives. */
export const isDump = ({ given }: Pick<Context, "given">): boolean =>
  given.pods.some((p) => p.metadata.uid !== undefined);

const podsByAddress = (pods: readonly Pod[]): ReadonlyMap<string, Pod> =>
  new Map(
    pods
      .filter((p) => p.spec.hostNetwork !== true && !isFinished(p))
      .flatMap((p) => (p.status.podIPs?.map((i) => i.ip) ?? [p.status.podIP ?? ""]).map((ip) => [ip, p])),
  );

const key = (namespace: string, name: string): string => `${namespace}/${name}`;

function slicesByService(cluster: Cluster): ReadonlyMap<string, readonly EndpointSlice[]> {
  const all = new Map<string, EndpointSlice[]>();
  for (const slice of cluster.endpointSlices) {
    const service = slice.metadata.labels["kubernetes.io/service-name"];
    if (service === undefined) continue;
    const id = key(slice.metadata.namespace, service);
    const same = all.get(id);
    if (same === undefined) all.set(id, [slice]);
    else same.push(slice);
  }
  return all;
}

/** A ReplicaSet is its Deployment's, and not to be changed where that is in the input. */
function groupPods(cluster: Cluster, pods: readonly Pod[]): readonly Group[] {
  const workloads = new Map<string, Workload>();
  for (const w of cluster.workloads) {
    const id = key(w.metadata.namespace, w.metadata.name);
    const owned = (w.metadata.ownerReferences ?? []).some((o) => o.controller !== false);
    if (!owned) workloads.set(id, w);
  }
  const groups = new Map<string, { id: string; holder: Holder; pods: Pod[] }>();
  for (const pod of pods) {
    const id = key(pod.metadata.namespace, workloadOf(pod));
    const group = groups.get(id);
    if (group !== undefined) {
      group.pods.push(pod);
      continue;
    }
    const workload = workloads.get(id);
    const isMade = workload !== undefined && madeFrom(workload, pod);
    const holder = isMade ? templateHolder(workload) : podHolder(pod);
    groups.set(id, { id, holder, pods: [pod] });
  }
  return [...groups.values()];
}

const madeFrom = (workload: Workload, pod: Pod): boolean =>
  Object.entries(workload.spec.template.metadata.labels).every(([k, v]) => pod.metadata.labels[k] === v);
