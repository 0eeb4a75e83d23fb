/**
 * A cluster as JSON, to be taken along in a page: with the lines of what traces cite, and without what is nobody's business
 * there (application configuration, commands, environments, whatever kubectl noted down).
 */
import { kindOf } from "../model/kinds.ts";
import { fieldLines, indexSource } from "../model/source.ts";
import type { Path } from "../model/read.ts";
import type {
  Cluster,
  Container,
  KubeObject,
  Labels,
  OtherObject,
  Pod,
  PodSpec,
  Problem,
  Source,
  Workload,
} from "../model/types.ts";

/** `at`: lines of fields, counted from the object's own, by the field's path. */
interface PackedSource {
  readonly file: number;
  readonly line: number;
  readonly at?: Readonly<Record<string, number>>;
}

type Packed = Omit<KubeObject, "source"> & { readonly source: PackedSource };

export interface Snapshot {
  readonly files: readonly string[];
  /** By the name of the list in `Cluster`. */
  readonly lists: Readonly<Record<string, readonly Packed[]>>;
  readonly others: readonly Packed[];
  /** Lists that are views of others, as places in it. */
  readonly views: Readonly<Record<(typeof VIEWS)[number], readonly number[]>>;
  readonly problems: readonly Problem[];
}

const VIEWS = ["ingresses", "gatewayObjects"] as const;
/** Text that is parsed a second time for its lines: so much of it takes about two seconds. */
const MOST_INDEXED = 4 << 20;
const MOST_PROBLEMS = 200;

/** Components of the cluster whose configuration traces read. */
const SYSTEM = /^(kube-system|kube-flannel|calico-system|calico-apiserver|tigera-operator|cilium|weave)$/;
const COMPONENT =
  /^(coredns|node-local-dns|kube-proxy|kube-flannel-cfg|cilium-config|calico-config|kubeadm-config)$/;

const isOurs = ({ apiVersion, kind, metadata }: OtherObject): boolean =>
  kindOf(apiVersion, kind) !== "unknown" &&
  (kind !== "ConfigMap" || SYSTEM.test(metadata.namespace) || COMPONENT.test(metadata.name));

/** Of programs only what others can see of them: their ports, and when they are ready. */
const SEEN = ["name", "ports", "restartPolicy", "livenessProbe", "readinessProbe", "startupProbe"];

function fromOutside(spec: PodSpec): PodSpec {
  const bare = (c: Container): Container =>
    Object.fromEntries(Object.entries(c).filter(([field]) => SEEN.includes(field))) as unknown as Container;
  return {
    ...spec,
    containers: spec.containers.map(bare),
    ...(spec.initContainers && { initContainers: spec.initContainers.map(bare) }),
  };
}

/** Who writes annotations of pods that say something about their network. */
const NETWORK =
  /^(cni\.projectcalico\.org|k8s\.v1\.cni\.cncf\.io|(.+\.)?(cilium|istio|linkerd|k8s\.ovn)\.(io|org))\//;

const networkNotes = (annotations: Labels): Labels =>
  Object.fromEntries(Object.entries(annotations).filter(([key]) => NETWORK.test(key)));

/** The object with what a page needs of it. */
function trimmed<T extends KubeObject>(object: T): T {
  const { "kubectl.kubernetes.io/last-applied-configuration": _, ...annotations } =
    object.metadata.annotations;
  const bare = { ...object, metadata: { ...object.metadata, annotations } };
  // What the model has of a Secret is public; what people noted beside it need not be.
  if (object.kind === "Secret")
    return { ...bare, metadata: { ...object.metadata, labels: {}, annotations: {} } };
  if (SYSTEM.test(object.metadata.namespace)) return bare;
  const metadata = { ...object.metadata, annotations: networkNotes(annotations) };
  if (object.kind === "Pod")
    return { ...object, metadata, spec: fromOutside((object as unknown as Pod).spec) };
  const { template } = ((object as unknown as Workload).spec ?? {}) as Partial<Workload["spec"]>;
  if (template?.spec?.containers === undefined) return bare;
  const { spec } = object as unknown as Workload;
  const inside = {
    metadata: { ...template.metadata, annotations: networkNotes(template.metadata.annotations) },
    spec: fromOutside(template.spec),
  };
  return { ...object, metadata, spec: { ...spec, template: inside } };
}

/** Whether traces cite fields of the object, and not only its first line. */
function isCited({ kind, ...rest }: KubeObject): boolean {
  if (kind === "EndpointSlice" || kind === "Secret" || kind === "Namespace" || kind === "Endpoints")
    return false;
  if (kind !== "Pod") return !("template" in ((rest as { spec?: object }).spec ?? {}));
  const { dnsPolicy = "ClusterFirst", hostNetwork, hostAliases = [] } = (rest as unknown as Pod).spec;
  return dnsPolicy !== "ClusterFirst" || hostNetwork === true || hostAliases.length > 0;
}

const keyOf = (path: Path): string => path.join("\n");

export function takeSnapshot(cluster: Cluster): Snapshot {
  const files = new Map<string, number>();
  let indexed = 0;

  function pack(object: KubeObject): Packed {
    const { source, ...rest } = trimmed(object);
    const file = files.get(source.file) ?? files.size;
    files.set(source.file, file);
    const [start, end] = source.span ?? [0, 0];
    const wanted = end > start && isCited(object) && indexed + end - start <= MOST_INDEXED;
    if (wanted) indexed += end - start;
    const at = wanted
      ? Object.fromEntries(fieldLines(source).map((f) => [keyOf(f.path), f.line]))
      : undefined;
    return { ...rest, source: { file, line: source.line, ...(at !== undefined && { at }) } };
  }

  const lists: Record<string, readonly Packed[]> = {};
  // Policies first: their lines are those that matter most.
  const names = Object.entries(cluster as unknown as Record<string, unknown>)
    .filter(([name, list]) => Array.isArray(list) && name !== "problems" && !VIEWS.some((v) => v === name))
    .sort(([a], [b]) => Number(/polic|anps/i.test(b)) - Number(/polic|anps/i.test(a)));
  for (const [name, list] of names) lists[name] = (list as readonly KubeObject[]).map(pack);
  const others = [...cluster.others.values()].flat().filter(isOurs);
  const place = new Map(others.map((o, i) => [o, i]));
  const placesIn = (list: readonly OtherObject[]): number[] => list.flatMap((o) => place.get(o) ?? []);
  return {
    lists,
    others: others.map(pack),
    views: { ingresses: placesIn(cluster.ingresses), gatewayObjects: placesIn(cluster.gatewayObjects) },
    problems: cluster.problems.slice(0, MOST_PROBLEMS),
    files: [...files.keys()],
  };
}

/** The cluster again: traces through it say what they say of the one that the snapshot was taken of, line by line. */
export function openSnapshot({ files, lists, others, views, problems }: Snapshot): Cluster {
  function unpack({ source, ...rest }: Packed): OtherObject {
    const { at } = source;
    const place: Source = { file: files[source.file] ?? "", line: source.line };
    if (at !== undefined) indexSource(place, (path) => lineIn(at, path));
    return { ...rest, source: place };
  }
  const all = others.map(unpack);
  const byKind = new Map<string, OtherObject[]>();
  for (const object of all) {
    const same = byKind.get(object.kind);
    if (same === undefined) byKind.set(object.kind, [object]);
    else same.push(object);
  }
  const at = (places: readonly number[]): OtherObject[] => places.flatMap((i) => all[i] ?? []);
  return {
    ...Object.fromEntries(Object.entries(lists).map(([name, list]) => [name, list.map(unpack)])),
    ingresses: at(views.ingresses),
    gatewayObjects: at(views.gatewayObjects),
    others: byKind,
    problems,
    // The lists are those of the cluster that was packed.
  } as unknown as Cluster;
}

/** The line of the deepest part of the path that is there. */
function lineIn(at: Readonly<Record<string, number>>, path: Path): number {
  for (let length = path.length; length > 0; length--) {
    const line = at[keyOf(path.slice(0, length))];
    if (line !== undefined) return line;
  }
  return 0;
}
