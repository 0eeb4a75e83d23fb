/** Services of several clusters: which endpoints each cluster's pods reach through a name, as Cilium's ClusterMesh has it. */
import type { Cluster, EndpointPort, EndpointSlice, Service } from "../model/types.ts";
import { readSharing, selectBackends, type BackendState, type ServiceSharing } from "./affinity.ts";
import { serviceFindings } from "./service-findings.ts";
import type { Finding, MeshCluster } from "./types.ts";

export const SERVICE_NAME = "kubernetes.io/service-name";
const SYNC = "service.cilium.io/global-sync-endpoint-slices";
export const GLOBAL_NAMESPACE = "clustermesh.cilium.io/global";

/** An endpoint that a cluster has for a Service. */
export interface Backend {
  readonly home: MeshCluster;
  readonly address: string;
  readonly ports: readonly EndpointPort[];
  readonly state: BackendState;
  /** `namespace/pod`, where the slice says. */
  readonly pod: string | null;
  readonly slice: EndpointSlice;
}

/** A Service as one of the clusters has it. */
export interface Share {
  readonly home: MeshCluster;
  readonly service: Service;
  readonly sharing: ServiceSharing;
  readonly headless: boolean;
  /** EndpointSlices of the other clusters are written into this one's API server (`global-sync-endpoint-slices`). */
  readonly synced: boolean;
  readonly backends: readonly Backend[];
}

export interface View {
  readonly client: MeshCluster;
  /** Undefined where the client's cluster has no such Service: then there is no name and no address. */
  readonly share: Share | undefined;
  readonly reached: readonly Backend[];
  readonly why: string;
}

export interface MeshService {
  readonly namespace: string;
  readonly name: string;
  readonly shares: readonly Share[];
  /** What a client of each cluster reaches. */
  readonly views: readonly View[];
  readonly findings: readonly Finding[];
}

export function isGlobalNamespace({ cluster, config }: MeshCluster, name: string): boolean {
  const own = cluster.namespaces.find((n) => n.metadata.name === name)?.metadata.annotations[
    GLOBAL_NAMESPACE
  ];
  return own === undefined ? config.globalNamespaces : own.toLowerCase() === "true";
}

export const isHeadless = ({ spec }: Service): boolean => spec.clusterIP === "None";

export const slicesOf = (
  { endpointSlices }: Cluster,
  { metadata }: Pick<Service, "metadata">,
): readonly EndpointSlice[] =>
  endpointSlices.filter(
    (s) => s.metadata.namespace === metadata.namespace && s.metadata.labels[SERVICE_NAME] === metadata.name,
  );

/** Endpoints that are ready, or on their way out and still serving. */
export function backendsOf(home: MeshCluster, service: Service): Backend[] {
  const slices = slicesOf(home.cluster, service).filter((s) => s.addressType !== "FQDN");
  return slices.flatMap((slice) =>
    slice.endpoints.flatMap(({ addresses, conditions = {}, targetRef }): Backend[] => {
      const { ready = true, serving = ready, terminating = false } = conditions;
      if (!ready && !(terminating && serving)) return [];
      const pod =
        targetRef?.kind === "Pod"
          ? `${targetRef.namespace ?? slice.metadata.namespace}/${targetRef.name ?? ""}`
          : null;
      return addresses.map((address) => ({
        home,
        address,
        ports: slice.ports,
        state: ready ? "active" : "terminating",
        pod,
        slice,
      }));
    }),
  );
}

function shareOf(home: MeshCluster, service: Service): Share {
  const annotations = service.metadata.annotations;
  const stated = readSharing(annotations);
  const isGlobal = stated.global && isGlobalNamespace(home, service.metadata.namespace);
  const sharing = isGlobal ? stated : { ...stated, global: false, shared: false };
  const headless = isHeadless(service);
  const sync = annotations[SYNC];
  return {
    home,
    service,
    sharing,
    headless,
    synced: sharing.global && (sync === undefined ? headless : sync.toLowerCase() === "true"),
    backends: backendsOf(home, service),
  };
}

/** What a client of `share`'s cluster reaches; the other clusters tell of no endpoint's state, only of those that serve. */
export function reachedBy(
  share: Share,
  shares: readonly Share[],
): { backends: readonly Backend[]; why: string } {
  const { sharing, home } = share;
  const remote = shares.filter((s) => s.home !== home && s.sharing.shared).flatMap((s) => s.backends);
  if (!sharing.global) return { backends: share.backends, why: "not global here: its own endpoints alone" };
  const candidates = [
    ...share.backends.map((b) => ({ ...b, cluster: "local" as const, unhealthy: false })),
    ...remote.map((b) => ({ ...b, state: "active" as const, cluster: "remote" as const, unhealthy: false })),
  ];
  const chosen = new Set(
    selectBackends(sharing, candidates).map((b) => `${b.home.name} ${b.address} ${b.slice.metadata.name}`),
  );
  const backends = [...share.backends, ...remote].filter((b) =>
    chosen.has(`${b.home.name} ${b.address} ${b.slice.metadata.name}`),
  );
  return { backends, why: whyText(share, backends, remote.length) };
}

function whyText(
  { sharing, home, backends: own }: Share,
  reached: readonly Backend[],
  remote: number,
): string {
  const local = own.filter(({ state }) => state === "active").length;
  const far = reached.some((b) => b.home !== home);
  const near = reached.some((b) => b.home === home);
  switch (sharing.affinity) {
    case "local":
      if (!far)
        return remote === 0
          ? "affinity local, and no other cluster shares endpoints"
          : `affinity local: ${local} of its own are ready, the ${remote} of other clusters wait`;
      return `affinity local, and none of its own is ready: failed over to the ${remote} of other clusters`;
    case "remote":
      if (near)
        return remote === 0
          ? "affinity remote, and no other cluster has endpoints: failed over to its own"
          : "affinity remote";
      return `affinity remote: ${remote} of other clusters serve, its own ${own.length} wait`;
    default:
      return remote === 0
        ? "global, and no other cluster shares endpoints"
        : "global: endpoints of all clusters alike";
  }
}

/** Every Service that one of the clusters calls global. */
export function meshServices(clusters: readonly MeshCluster[]): MeshService[] {
  const named = new Map<string, Share[]>();
  for (const home of clusters)
    for (const service of home.cluster.services) {
      const key = `${service.metadata.namespace}/${service.metadata.name}`;
      const list = named.get(key) ?? [];
      named.set(key, list);
      list.push(shareOf(home, service));
    }
  const stated = (s: Share): boolean => readSharing(s.service.metadata.annotations).global;
  return [...named]
    .filter(([, shares]) => shares.some(stated))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, shares]) => {
      const [namespace = "", name = ""] = key.split("/");
      const views = clusters.map((client): View => {
        const share = shares.find((s) => s.home === client);
        if (share === undefined)
          return {
            client,
            share,
            reached: [],
            why: "has no Service of this name, so no name and no address for it",
          };
        const { backends, why } = reachedBy(share, shares);
        return { client, share, reached: backends, why };
      });
      return { namespace, name, shares, views, findings: serviceFindings(key, clusters, shares) };
    });
}
