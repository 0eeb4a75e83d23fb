/** ServiceExports of several clusters and what becomes of them (Multi-Cluster Services API, KEP-1645, v1alpha1 and v1beta1). */
import type { IPFamily, OtherObject, Service, ServicePort } from "../model/types.ts";
import { isGlobalNamespace, isHeadless } from "./services.ts";
import type { MeshCluster } from "./types.ts";

/** Ports of the API: without target and node port. */
export type ExportedPort = Pick<ServicePort, "name" | "port" | "protocol" | "appProtocol">;

/** A cluster's Service as it is exported. */
export interface Export {
  readonly home: MeshCluster;
  readonly object: OtherObject;
  readonly service: Service;
  /** RFC 3339; "" where the manifest has none. */
  readonly created: string;
  readonly type: "ClusterSetIP" | "Headless";
  readonly ports: readonly ExportedPort[];
  readonly families: readonly IPFamily[];
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface Condition {
  readonly type: "Valid" | "Ready" | "Conflict";
  readonly status: "True" | "False";
  readonly reason: string;
  readonly message: string;
}

/** An export that is none: why. */
export interface Rejected {
  readonly home: MeshCluster;
  readonly object: OtherObject;
  readonly conditions: readonly Condition[];
}

const fields = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};

const texts = (value: unknown): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(fields(value)).map(([key, held]) => [key, String(held)]));

const invalid = (reason: string, message: string): readonly Condition[] => [
  { type: "Valid", status: "False", reason, message },
  { type: "Ready", status: "False", reason: "Pending", message: "ServiceExport is not valid" },
];

/** All exports by `namespace/name`, the oldest first: the one that decides where they contradict each other. */
export function readExports(clusters: readonly MeshCluster[]): {
  exports: ReadonlyMap<string, readonly Export[]>;
  rejected: readonly Rejected[];
} {
  const found = new Map<string, Export[]>();
  const rejected: Rejected[] = [];
  for (const home of clusters)
    for (const object of home.cluster.others.get("ServiceExport") ?? []) {
      const read = readExport(home, object);
      if ("conditions" in read) {
        rejected.push({ home, object, conditions: read.conditions });
        continue;
      }
      const key = `${object.metadata.namespace}/${object.metadata.name}`;
      const list = found.get(key) ?? [];
      found.set(key, list);
      list.push(read);
    }
  for (const list of found.values()) list.sort(older);
  return { exports: new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1))), rejected };
}

/** Exports without a time count as made at the same one; then the cluster's name decides. */
function older(a: Export, b: Export): number {
  const [x, y] = [Date.parse(a.created), Date.parse(b.created)];
  if (Number.isFinite(x) && Number.isFinite(y) && x !== y) return x - y;
  return a.home.name < b.home.name ? -1 : 1;
}

function readExport(home: MeshCluster, object: OtherObject): Export | { conditions: readonly Condition[] } {
  const { name, namespace } = object.metadata;
  if (!isGlobalNamespace(home, namespace))
    return {
      conditions: invalid("NamespaceNotGlobal", "Namespace is not global, Service cannot be exported"),
    };
  const service = home.cluster.services.find(
    (s) => s.metadata.name === name && s.metadata.namespace === namespace,
  );
  if (service === undefined) return { conditions: invalid("NoService", "Service doesn't exist") };
  if (service.spec.type === "ExternalName")
    return { conditions: invalid("InvalidServiceType", "Service type ExternalName is not supported") };
  const spec = fields(object.spec);
  return {
    home,
    object,
    service,
    created: object.metadata.creationTimestamp ?? "",
    type: isHeadless(service) ? "Headless" : "ClusterSetIP",
    ports: service.spec.ports.map(({ name, port, protocol, appProtocol }) => ({
      port,
      protocol,
      ...(name !== undefined && { name }),
      ...(appProtocol !== undefined && { appProtocol }),
    })),
    families: service.spec.ipFamilies ?? [],
    labels: texts(spec["exportedLabels"]),
    annotations: texts(spec["exportedAnnotations"]),
  };
}
