/** Backends that a rule names: what they are, how they are spoken to, whether they can be used, and why not. */
import type { Cluster, Service } from "../model/types.ts";
import { backendTls } from "./backend-tls.ts";
import type { BackendTls } from "./backend-tls.ts";
import { fields, list, number } from "./fields.ts";
import type { Fields } from "./fields.ts";
import { isGranted } from "./grants.ts";
import { readRef } from "./objects.ts";
import type { Ref } from "./objects.ts";

/** Reasons of the condition ResolvedRefs. */
export type RefFault = "InvalidKind" | "RefNotPermitted" | "BackendNotFound" | "UnsupportedProtocol";

export interface Backend extends Ref {
  readonly port: number | undefined;
  readonly weight: number;
  readonly filters: readonly Fields[];
  readonly fault: RefFault | undefined;
}

/** A reference to a Service, and what is wrong with it, seen from a route. */
export function readBackend(
  cluster: Cluster,
  from: { readonly kind: string; readonly namespace: string },
  value: unknown,
): Backend {
  const ref = fields(value);
  const to = readRef(ref, from.namespace, "Service");
  const port = number(ref["port"]);
  return {
    ...to,
    port,
    weight: number(ref["weight"]) ?? 1,
    filters: list(ref["filters"]).map(fields),
    fault: faultOf(cluster, from, to, port),
  };
}

function faultOf(
  cluster: Cluster,
  from: { readonly kind: string; readonly namespace: string },
  to: Ref,
  port: number | undefined,
): RefFault | undefined {
  const isService = to.group === "" && to.kind === "Service";
  const isImport = to.group === "multicluster.x-k8s.io" && to.kind === "ServiceImport";
  if (!isService && !isImport) return "InvalidKind";
  if (!isGranted(cluster, from, to)) return "RefNotPermitted";
  if (isImport) {
    const imports = cluster.others.get("ServiceImport") ?? [];
    const found = imports.some((o) => o.metadata.namespace === to.namespace && o.metadata.name === to.name);
    return found ? undefined : "BackendNotFound";
  }
  const service = serviceOf(cluster, to.namespace, to.name);
  const ports = service?.spec.ports.filter((p) => p.port === port) ?? [];
  if (ports.length === 0) return "BackendNotFound";
  const wanted = from.kind === "UDPRoute" ? "UDP" : "TCP";
  return ports.some(({ protocol }) => protocol === wanted) ? undefined : "UnsupportedProtocol";
}

export const serviceOf = (cluster: Cluster, namespace: string, name: string): Service | undefined =>
  cluster.services.find(({ metadata }) => metadata.namespace === namespace && metadata.name === name);

/** How a backend is spoken to: HTTP/1.1 unless its port says otherwise (`appProtocol`, GEP-1911) or a policy asks for TLS. */
export interface Upstream {
  readonly protocol: "http" | "h2c" | "websocket";
  /** TLS that a BackendTLSPolicy describes. */
  readonly tls: BackendTls | undefined;
  /** TLS without anything to check it by: the port calls itself https or wss, and no policy is there. */
  readonly isUncheckedTls: boolean;
}

export function upstreamOf(
  cluster: Cluster,
  { namespace, service, port }: { namespace: string; service: string; port: number | undefined },
): Upstream {
  const own = serviceOf(cluster, namespace, service)?.spec.ports.find((p) => p.port === port);
  const app = own?.appProtocol?.toLowerCase() ?? "";
  const tls = backendTls(cluster, { namespace, service, port });
  return {
    protocol: /^(?:kubernetes\.io\/)?h2c$|^grpc$/.test(app)
      ? "h2c"
      : /^kubernetes\.io\/wss?$/.test(app)
        ? "websocket"
        : "http",
    tls,
    isUncheckedTls: tls === undefined && /^https$|^kubernetes\.io\/wss$/.test(app),
  };
}

/**
 * Whether the input shows that nobody is behind a Service: endpoints are listed and none is ready, or its selector finds none among
 * pods. Input without pods and endpoints leaves them out on purpose: then somebody is taken to be there.
 */
export function isDeserted(cluster: Cluster, namespace: string, name: string): boolean {
  const service = serviceOf(cluster, namespace, name);
  if (service === undefined || service.spec.type === "ExternalName") return false;
  const slices = cluster.endpointSlices.filter(
    ({ metadata }) =>
      metadata.namespace === namespace && metadata.labels["kubernetes.io/service-name"] === name,
  );
  const endpoints = slices.flatMap((slice) => slice.endpoints);
  if (endpoints.length > 0) return endpoints.every(({ conditions }) => conditions?.ready === false);
  const isRecorded = slices.some(({ derived }) => derived === undefined);
  const hasPods = cluster.pods.some(({ metadata }) => metadata.namespace === namespace);
  return service.spec.selector !== undefined && (isRecorded || hasPods);
}
