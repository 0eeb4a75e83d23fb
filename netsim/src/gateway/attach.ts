/** Which routes are attached to which listeners of a Gateway, and why not. */
import type { Cluster, OtherObject } from "../model/types.ts";
import { list } from "./fields.ts";
import { intersect } from "./hostname.ts";
import { ownerKind, supportedKinds } from "./listeners.ts";
import type { Effective } from "./listeners.ts";
import { takesNamespace } from "./namespaces.ts";
import { readRoutes } from "./objects.ts";
import type { ParentRef, Route } from "./objects.ts";

/**
 * Reasons of a route's condition Accepted. The specification has no word for an HTTPRoute and a GRPCRoute that want the same host of a
 * listener, of which it accepts one: HostnameConflict, as for listeners.
 */
export type Attachment =
  | { readonly reason: "Accepted"; readonly listeners: readonly Attached[] }
  | {
      readonly reason:
        "NoMatchingParent" | "NotAllowedByListeners" | "NoMatchingListenerHostname" | "HostnameConflict";
    };

export interface Attached {
  readonly listener: Effective;
  /** Names that both the listener and the route take; `*` for every name. */
  readonly hostnames: readonly string[];
}

/** A route at a listener. */
export interface Entry {
  readonly route: Route;
  readonly hostnames: readonly string[];
}

export interface Attachments {
  readonly routes: readonly Route[];
  /** What becomes of the reference with this number in the route's `parents`. */
  of(route: Route, index: number): Attachment;
  /** The oldest first. */
  at(listener: Effective): readonly Entry[];
}

/** Whether `parent` means this object. */
export const refersTo = (parent: ParentRef, object: OtherObject): boolean =>
  parent.kind.replace(/^XL/, "L") === ownerKind(object) &&
  parent.namespace === object.metadata.namespace &&
  parent.name === object.metadata.name;

/** Attaches all routes to a Gateway's listeners, the oldest first: what comes later must not be in its way. */
export function attachAll(cluster: Cluster, listeners: readonly Effective[]): Attachments {
  const routes = readRoutes(cluster);
  const entries = new Map<Effective, Entry[]>(listeners.map((listener) => [listener, []]));
  const results = new Map<OtherObject, Attachment[]>();
  for (const route of routes) {
    const own: Attachment[] = [];
    results.set(route.object, own);
    for (const parent of route.parents) {
      const wanted = attach(cluster, route, parent, listeners);
      if (wanted.reason !== "Accepted") {
        own.push(wanted);
        continue;
      }
      const free = wanted.listeners.filter(
        ({ listener, hostnames }) => !(entries.get(listener) ?? []).some((e) => isRival(e, route, hostnames)),
      );
      own.push(free.length === 0 ? { reason: "HostnameConflict" } : { reason: "Accepted", listeners: free });
      for (const { listener, hostnames } of free) {
        const here = entries.get(listener) ?? [];
        if (!here.some((entry) => entry.route === route)) here.push({ route, hostnames });
      }
    }
  }
  return {
    routes,
    of: (route, index) => results.get(route.object)?.[index] ?? { reason: "NoMatchingParent" },
    at: (listener) => entries.get(listener) ?? [],
  };
}

/** HTTPRoute and GRPCRoute cannot share a host of a listener (GRPCRouteSpec.hostnames). */
const isRival = (entry: Entry, route: Route, hostnames: readonly string[]): boolean =>
  entry.route.kind !== route.kind &&
  entry.hostnames.some((a) => hostnames.some((b) => intersect(a, b) !== undefined));

function attach(
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
