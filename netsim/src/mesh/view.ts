/**
 * A cluster as its pods see it when it is in the mesh: Services of several clusters have the endpoints that Cilium's load balancer
 * is given, ServiceImports and the Services that stand for them are there, and DNS serves `clusterset.local`.
 */
import type { Cluster, EndpointSlice, OtherObject, Service } from "../model/types.ts";
import { allocate } from "../service/allocate.ts";
import type { Mode } from "../service/index.ts";
import { configText, kubeletDns, OUTSIDE_RESOLVER } from "../trace/settings.ts";
import { complete } from "../trace/world.ts";
import { readSharing } from "./affinity.ts";
import { importObject, isSynced, MCS_CLUSTER, MCS_SERVICE, type Import } from "./imports.ts";
import type { Mesh } from "./mesh.ts";
import { reachedBy, SERVICE_NAME, type Backend, type MeshService, type Share } from "./services.ts";
import type { MeshCluster } from "./types.ts";

export const CLUSTERSET = "clusterset.local";
const MESH_CONTROLLER = "endpointslice-mesh-controller.cilium.io";
const NOWHERE = { file: "", line: 0 };

/** `mode`: what translates Services. Only Cilium's own knows remote endpoints; kube-proxy sees those that are synced. */
export function viewOf(mesh: Mesh, home: MeshCluster, mode: Mode): Cluster {
  const { cluster: own } = complete(home.cluster);
  const services = mesh.services.flatMap((s) => shareIn(s, home) ?? []);
  const slices = services.flatMap(({ share, service }) => remoteSlices(share, service, mode));
  const gone = new Set(services.flatMap(({ share, service }) => hiddenSlices(share, service, mode)));
  const local = own.endpointSlices.filter((s) => !gone.has(key(s)));
  const withGlobal = { ...own, endpointSlices: [...local, ...slices] };
  const imports = mesh.imports.filter(({ importers }) => importers.includes(home));
  return imports.length === 0 ? withGlobal : withImports(withGlobal, home, imports, mode);
}

const key = (s: EndpointSlice): string => `${s.metadata.namespace}/${s.metadata.name}`;

const shareIn = (
  service: MeshService,
  home: MeshCluster,
): { share: Share; service: MeshService } | undefined => {
  const share = service.shares.find((s) => s.home === home);
  return share === undefined || !share.sharing.global ? undefined : { share, service };
};

/** Headless Services have no load balancer: their names are their slices, and those are synced whatever the affinity. */
const goesBySlices = (share: Share, mode: Mode): boolean => share.headless || mode !== "ebpf";

function remoteSlices(share: Share, { shares }: MeshService, mode: Mode): EndpointSlice[] {
  const bySlices = goesBySlices(share, mode);
  if (bySlices && !share.synced) return [];
  const remote = bySlices
    ? shares.filter((s) => s.home !== share.home && s.sharing.shared).flatMap((s) => s.backends)
    : reachedBy(share, shares).backends.filter((b) => b.home !== share.home);
  return slicesFor(share.service.metadata.namespace, share.service.metadata.name, remote, {});
}

/** Slices of a cluster's own endpoints that affinity keeps waiting. */
function hiddenSlices(share: Share, { shares }: MeshService, mode: Mode): string[] {
  if (goesBySlices(share, mode) || share.backends.length === 0) return [];
  const reached = reachedBy(share, shares).backends;
  return reached.some((b) => b.home === share.home) || reached.length === 0
    ? []
    : share.backends.map(({ slice }) => key(slice));
}

/** One slice for each cluster, family and set of ports. */
function slicesFor(
  namespace: string,
  service: string,
  backends: readonly Backend[],
  labels: Readonly<Record<string, string>>,
): EndpointSlice[] {
  const groups = new Map<string, Backend[]>();
  for (const backend of backends) {
    const group = JSON.stringify([backend.home.name, backend.slice.addressType, backend.ports]);
    groups.set(group, [...(groups.get(group) ?? []), backend]);
  }
  return [...groups.values()].map((group, i): EndpointSlice => {
    const [{ home, slice, ports }] = group as [Backend];
    return {
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: {
        name: `${service}-${home.name}-${i}`,
        namespace,
        labels: {
          ...labels,
          [SERVICE_NAME]: service,
          [MCS_CLUSTER]: home.name,
          "endpointslice.kubernetes.io/managed-by": MESH_CONTROLLER,
        },
        annotations: {},
      },
      addressType: slice.addressType,
      ports,
      endpoints: group.map((b) => {
        const { hostname, targetRef } = slice.endpoints.find((e) => e.addresses.includes(b.address)) ?? {};
        return {
          addresses: [b.address],
          conditions: { ready: true, serving: true, terminating: false },
          ...(hostname !== undefined && { hostname }),
          ...(targetRef !== undefined && { targetRef }),
        };
      }),
      source: slice.source,
      derived: `endpoints of ${home.name}`,
    };
  });
}

/** Imports, the Services that stand for them, their slices, and a Corefile that serves them where the cluster gives none. */
function withImports(cluster: Cluster, home: MeshCluster, imports: readonly Import[], mode: Mode): Cluster {
  const derived = imports.map((one) => derivedService(one, cluster));
  const { cluster: dealt } = allocate({ ...cluster, services: [...cluster.services, ...derived] });
  const objects = imports.map((one): OtherObject => {
    const service = dealt.services.find((s) => isDerived(s, one));
    const ips = (service?.spec.clusterIPs ?? []).filter((ip) => ip !== "None");
    return { ...importObject(one, ips), source: one.exports[0]!.object.source } as OtherObject;
  });
  const slices = imports.flatMap((one) => importedSlices(one, home, mode));
  const named = new Set(objects.map((o) => `${o.metadata.namespace}/${o.metadata.name}`));
  const others = new Map(dealt.others);
  const given = (others.get("ServiceImport") ?? []).filter(
    (o) => !named.has(`${o.metadata.namespace}/${o.metadata.name}`),
  );
  others.set("ServiceImport", [...given, ...objects]);
  if (configText(cluster, "coredns", "Corefile") === undefined)
    others.set("ConfigMap", [
      ...(others.get("ConfigMap") ?? []),
      corefileMap(kubeletDns(cluster).clusterDomain),
    ]);
  return { ...dealt, others, endpointSlices: [...dealt.endpointSlices, ...slices] };
}

/** The cluster's imports as they are derived, with the addresses that their Services have there. */
export function importedObjects(mesh: Mesh, home: MeshCluster): readonly OtherObject[] {
  const names = new Set(mesh.imports.map((one) => `${one.namespace}/${one.name}`));
  const all = viewOf(mesh, home, "ebpf").others.get("ServiceImport") ?? [];
  return all.filter((o) => names.has(`${o.metadata.namespace}/${o.metadata.name}`));
}

const isDerived = ({ metadata }: Service, { namespace, derivedName }: Import): boolean =>
  metadata.namespace === namespace && metadata.name === derivedName;

/** What is in the input already (an import with its addresses, a derived Service) keeps its addresses. */
function derivedService(one: Import, cluster: Cluster): Service {
  const { namespace, name, derivedName, merged, exports } = one;
  const [oldest] = exports;
  const known = cluster.services.find((s) => isDerived(s, one));
  const own = (cluster.others.get("ServiceImport") ?? []).find(
    (o) => o.metadata.namespace === namespace && o.metadata.name === name,
  );
  const { ips } = (own?.spec ?? {}) as { ips?: readonly string[] };
  const addresses = oldest!.type === "Headless" ? ["None"] : (ips ?? known?.spec.clusterIPs);
  const { sessionAffinity, sessionAffinityConfig, internalTrafficPolicy } = oldest!.service.spec;
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: {
      name: derivedName,
      namespace,
      labels: { ...oldest!.labels, [MCS_SERVICE]: name },
      annotations: { ...oldest!.annotations, "service.cilium.io/global": "true" },
    },
    spec: {
      type: "ClusterIP",
      ports: merged.ports.map((p) => ({ ...p, targetPort: p.port })),
      ...(addresses !== undefined && { clusterIP: addresses[0]!, clusterIPs: addresses }),
      ...(merged.families.length > 0 && { ipFamilies: merged.families }),
      sessionAffinity,
      ...(sessionAffinityConfig !== undefined && { sessionAffinityConfig }),
      internalTrafficPolicy,
    },
    status: {},
    source: oldest!.object.source ?? NOWHERE,
    derived: `ServiceImport ${namespace}/${name}`,
  };
}

/** The exported annotations hold of an import, affinity among them. */
export function importedBackends(one: Import, home: MeshCluster): readonly Backend[] {
  const sharing = { ...readSharing({ ...one.exports[0]!.annotations, "service.cilium.io/global": "true" }) };
  const share: Share = {
    home,
    service: one.exports[0]!.service,
    sharing,
    headless: one.exports[0]!.type === "Headless",
    synced: true,
    backends: one.backends.filter((b) => b.home === home),
  };
  if (share.headless) return one.backends;
  const others = [...new Set(one.backends.map((b) => b.home))].filter((h) => h !== home);
  const shares = others.map((other): Share => ({
    ...share,
    home: other,
    sharing: { ...sharing, shared: true },
    backends: one.backends.filter((b) => b.home === other),
  }));
  return reachedBy(share, [share, ...shares]).backends;
}

/** kube-proxy sees the own cluster's, and those of the others only where they are synced. */
function importedSlices(one: Import, home: MeshCluster, mode: Mode): EndpointSlice[] {
  const reached = importedBackends(one, home);
  const seen = mode === "ebpf" || isSynced(one) ? reached : one.backends.filter((b) => b.home === home);
  return slicesFor(one.namespace, one.derivedName, seen, { [MCS_SERVICE]: one.name });
}

/** As kubeadm's, and with the zone of the imports. */
export const meshCorefile = (domain: string): string => `.:53 {
    kubernetes ${domain} ${CLUSTERSET} in-addr.arpa ip6.arpa {
        pods insecure
        multicluster ${CLUSTERSET}
        fallthrough in-addr.arpa ip6.arpa
    }
    forward . ${OUTSIDE_RESOLVER}
    loadbalance
}
`;

const corefileMap = (domain: string): OtherObject => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: "coredns", namespace: "kube-system", labels: {}, annotations: {} },
  data: { Corefile: meshCorefile(domain) },
  source: NOWHERE,
  derived: "the mesh",
});
