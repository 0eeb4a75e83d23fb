/** Backends that a rule names: what they are, whether they can be used, and why not. */
import type { Cluster } from "../model/types.ts";
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
  const service = cluster.services.find(
    ({ metadata }) => metadata.namespace === to.namespace && metadata.name === to.name,
  );
  if (service === undefined) return "BackendNotFound";
  return service.spec.ports.some((p) => p.port === port) ? undefined : "BackendNotFound";
}
