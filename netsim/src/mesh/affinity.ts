/**
 * Which backends of a Service a Cilium cluster gives to its load balancer in a ClusterMesh: annotations and choice as
 * pkg/annotation and pkg/clustermesh of Cilium 1.20 have them.
 */

/** What makes a Service one of several clusters. */
export interface ServiceSharing {
  /** Backends of the other clusters' Services of the same name and namespace join. */
  readonly global: boolean;
  /** This cluster's endpoints are given to the others; only of a global Service. */
  readonly shared: boolean;
  readonly affinity: "none" | "local" | "remote";
  /** Cilium's own sentence about a value of the affinity that it does not know; it counts as none. */
  readonly warning: string | undefined;
}

export type BackendState = "active" | "terminating" | "quarantined" | "maintenance";

export interface MeshBackend {
  readonly cluster: "local" | "remote";
  readonly state: BackendState;
  /** A health check has failed. */
  readonly unhealthy: boolean;
}

const GLOBAL = ["service.cilium.io/global", "io.cilium/global-service"] as const;
const SHARED = ["service.cilium.io/shared", "io.cilium/shared-service"] as const;
const AFFINITY = ["service.cilium.io/affinity", "io.cilium/service-affinity"] as const;

/** Reads a Service's annotations. The first name of each pair wins; values do not depend on case. */
export function readSharing(annotations: Readonly<Record<string, string>>): ServiceSharing {
  const value = (names: readonly string[]): string | undefined => {
    const name = names.find((key) => Object.hasOwn(annotations, key));
    return name === undefined ? undefined : annotations[name];
  };
  if (value(GLOBAL)?.toLowerCase() !== "true")
    return { global: false, shared: false, affinity: "none", warning: undefined };
  const shared = value(SHARED)?.toLowerCase() ?? "true";
  const text = value(AFFINITY) ?? "none";
  const affinity = text.toLowerCase();
  const known = affinity === "none" || affinity === "local" || affinity === "remote" || affinity === "";
  return {
    global: true,
    shared: shared === "true",
    affinity: affinity === "local" || affinity === "remote" ? affinity : "none",
    warning: known ? undefined : `unrecognized service affinity value: ${JSON.stringify(text)}`,
  };
}

/**
 * The backends that go to the load balancer, in the order given. It chooses among them by state afterwards, so unhealthy ones stay in.
 * With affinity, the far side joins only while the near one has nobody to serve: a local backend that is terminating does not
 * hold local affinity, a remote one holds remote affinity.
 */
export function selectBackends<B extends MeshBackend>(
  { global, affinity }: Pick<ServiceSharing, "global" | "affinity">,
  backends: readonly B[],
): readonly B[] {
  const some = (cluster: MeshBackend["cluster"], states: readonly BackendState[]): boolean =>
    backends.some((b) => b.cluster === cluster && !b.unhealthy && states.includes(b.state));
  const serving = (cluster: MeshBackend["cluster"]): boolean => some(cluster, ["active", "terminating"]);

  let [local, remote] = [true, global];
  if (global && affinity === "local") remote = !some("local", ["active"]) && serving("remote");
  if (global && affinity === "remote") local = !serving("remote") && serving("local");
  return backends.filter(({ cluster }) => (cluster === "local" ? local : remote));
}
