/** Where the API server has the kinds that DNS looks at. */
import type { Kind } from "../objects.ts";

/** What of a kind is wanted, in a form that can be posted to a worker. Label selectors as text; empty: all. */
export interface Resource {
  readonly kind: Kind;
  readonly labelSelector: string;
}

const PATHS: Readonly<Record<Kind, string>> = {
  Namespace: "/api/v1/namespaces",
  Service: "/api/v1/services",
  Pod: "/api/v1/pods",
  EndpointSlice: "/apis/discovery.k8s.io/v1/endpointslices",
  ServiceImport: "/apis/multicluster.x-k8s.io/v1alpha1/serviceimports",
};

/** Pods that have ended keep their address in `status`, though it may be another's by now. */
const FIELDS: Readonly<Partial<Record<Kind, string>>> = {
  Pod: "status.phase!=Succeeded,status.phase!=Failed,status.phase!=Unknown",
};

/** The path of the collection with this query and the resource's own selectors. */
export function pathOf({ kind, labelSelector }: Resource, query: Readonly<Record<string, string>>): string {
  const all = new URLSearchParams(query);
  if (labelSelector !== "") all.set("labelSelector", labelSelector);
  const fields = FIELDS[kind];
  if (fields !== undefined) all.set("fieldSelector", fields);
  return `${PATHS[kind]}?${all.toString()}`;
}

/** The path of a list of one object, whichever: its `metadata.resourceVersion` is the newest of the store. */
export const probePath = ({ kind }: Resource): string => `${PATHS[kind]}?limit=1`;

/** The resource's name as RBAC rules have it. */
export const resourceName = (kind: Kind): string => PATHS[kind].slice(PATHS[kind].lastIndexOf("/") + 1);

/**
 * Whether version `a` is older than `b`. Resource versions of Kubernetes' own kinds and of custom resources are decimal
 * numbers without leading zeros, and comparable (KEP-5504).
 */
export function isOlder(a: string, b: string): boolean {
  return a.length === b.length ? a < b : a.length < b.length;
}
