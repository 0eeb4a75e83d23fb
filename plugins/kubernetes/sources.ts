import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import type { ApiObserver } from "../../src/cluster/apiserver/client.ts";
import type { AccessOptions } from "../../src/cluster/apiserver/access.ts";
import type { ClusterObject, Kind } from "../../src/cluster/objects.ts";
import type { ClusterSink, ClusterSource, Wanted } from "../../src/cluster/source.ts";
import type { Context } from "../../src/plugin.ts";
import type { KubernetesOptions } from "./options.ts";

/** What the options need to know of the cluster, and no more. */
export function wantedOf(options: KubernetesOptions): Wanted {
  const { noendpoints, pods, labels, namespace_labels, endpoint_pod_names, zonal } = options;
  const imports = (options.multicluster ?? []).length > 0;
  const kinds: Kind[] = ["Namespace", "Service"];
  if (!noendpoints || imports) kinds.push("EndpointSlice");
  if (pods === "verified") kinds.push("Pod");
  if (imports) kinds.push("ServiceImport");
  return {
    kinds,
    labels,
    namespaceLabels: namespace_labels,
    fields: { podNames: endpoint_pod_names, zones: zonal, podLabels: true },
  };
}

/** `noendpoints` where slices of other clusters are wanted all the same: those of this one are kept out. */
export function withoutEndpoints(sink: ClusterSink): ClusterSink {
  const stripped = (object: ClusterObject): ClusterObject =>
    object.kind === "EndpointSlice" ? { ...object, service: "" } : object;
  return {
    put: (object) => sink.put(stripped(object)),
    remove: (kind, namespace, name) => sink.remove(kind, namespace, name),
    list(kind) {
      const listing = sink.list(kind);
      return { put: (object) => listing.put(stripped(object)), end: () => listing.end() };
    },
  };
}

/** The source that the options name. Rejects with an Error of one line where there can be none. Loads no more than that one. */
export async function openSource(
  options: KubernetesOptions,
  context: Context,
  observer: ApiObserver,
): Promise<ClusterSource> {
  const { log, now, host } = context;
  const milliseconds = (): number => now() * 1000;
  const isNamed = options.kubeconfig !== undefined || options.endpoint !== undefined;
  const given = isNamed || options.manifests !== undefined ? undefined : host.cluster;
  if (given !== undefined && typeof given !== "string") {
    const { objectsSource } = await import("../../src/cluster/objects-source.ts");
    return objectsSource(given, milliseconds);
  }
  const directory = given ?? (options.manifests === undefined ? undefined : context.path(options.manifests));
  if (directory !== undefined) {
    const isThere = await stat(directory).then(
      (found) => found.isDirectory(),
      () => false,
    );
    if (!isThere) throw new Error(`plugin/kubernetes: manifests: no such directory: ${directory}`);
    const { manifestsSource } = await import("../../src/cluster/manifests/directory.ts");
    return manifestsSource({ directory, warn: (line) => log.warning(line), now: milliseconds });
  }
  const { apiServerSource } = await import("../../src/cluster/apiserver/source.ts");
  const {
    apiserver_qps: qps = 0,
    apiserver_burst: burst = 0,
    apiserver_max_inflight: maxInflight = 0,
  } = options;
  try {
    return apiServerSource({
      access: accessOf(options),
      limits: { qps, burst, maxInflight },
      userAgent: `clusterdns/${host.version}`,
      observer,
      log: (level, text) => log[level](text),
    });
  } catch (error) {
    throw new Error(`plugin/kubernetes: ${(error as Error).message}`, { cause: error });
  }
}

function accessOf({ kubeconfig, endpoint, tls }: KubernetesOptions): AccessOptions {
  if (kubeconfig !== undefined)
    return { kind: "kubeconfig", file: resolve(kubeconfig.file), context: kubeconfig.context };
  const url = endpoint?.[0];
  if (url === undefined) return { kind: "in-cluster" };
  return { kind: "endpoint", url, tls: tls && { cert: tls.cert, key: tls.key, ca: tls.cacert } };
}
