/** Which routes are attached to which listeners, and why not. */
import type { Cluster, OtherObject } from "../model/types.ts";
import { list } from "./fields.ts";
import { intersect } from "./hostname.ts";
import { ownerKind, supportedKinds } from "./listeners.ts";
import type { Effective } from "./listeners.ts";
import { takesNamespace } from "./namespaces.ts";
import type { ParentRef, Route } from "./objects.ts";

/** Reasons of a route's condition Accepted. */
export type Attachment =
  | { readonly reason: "Accepted"; readonly listeners: readonly Attached[] }
  | { readonly reason: "NoMatchingParent" | "NotAllowedByListeners" | "NoMatchingListenerHostname" };

export interface Attached {
  readonly listener: Effective;
  /** Names that both the listener and the route take; `*` for every name. */
  readonly hostnames: readonly string[];
}

/** Whether `parent` means this object. */
export const refersTo = (parent: ParentRef, object: OtherObject): boolean =>
  parent.kind.replace(/^XL/, "L") === ownerKind(object) &&
  parent.namespace === object.metadata.namespace &&
  parent.name === object.metadata.name;

/** What becomes of a route's reference to the Gateway or ListenerSet that owns some of `listeners`. */
export function attach(
  cluster: Cluster,
  route: Route,
  parent: ParentRef,
  listeners: readonly Effective[],
): Attachment {
  const named = listeners.filter(
    (l) =>
      refersTo(parent, l.owner) &&
      (parent.sectionName === undefined || parent.sectionName === l.name) &&
      (parent.port === undefined || parent.port === l.port),
  );
  if (named.length === 0) return { reason: "NoMatchingParent" };
  const allowed = named.filter(
    (l) =>
      supportedKinds(l).includes(route.kind) &&
      takesNamespace(cluster, l, l.owner.metadata.namespace, route.namespace),
  );
  if (allowed.length === 0) return { reason: "NotAllowedByListeners" };
  const attached = allowed.flatMap((listener): Attached[] => {
    const names = route.hostnames.length === 0 ? [undefined] : route.hostnames;
    const hostnames = names.flatMap((name) => intersect(listener.hostname, name) ?? []);
    return hostnames.length === 0 ? [] : [{ listener, hostnames }];
  });
  return attached.length === 0
    ? { reason: "NoMatchingListenerHostname" }
    : { reason: "Accepted", listeners: attached };
}

/** Backends that a route's rule names. */
export const backendRefs = (rule: Route["rules"][number]): readonly unknown[] => list(rule["backendRefs"]);
