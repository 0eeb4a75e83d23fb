/** Status of routes, one entry for each of their parents, as a controller would write it. */
import type { Cluster, OtherObject } from "../model/types.ts";
import { attachAll, backendRefs, refersTo } from "./attach.ts";
import type { Attachments } from "./attach.ts";
import { readBackend } from "./backends.ts";
import type { RefFault } from "./backends.ts";
import { condition } from "./conditions.ts";
import type { Condition } from "./conditions.ts";
import { fields, list } from "./fields.ts";
import type { Fields } from "./fields.ts";
import { filtersFault } from "./filters.ts";
import { candidateSets, effectiveListeners, gatewaysOf, takesSet } from "./listeners.ts";
import { readRoutes } from "./objects.ts";
import type { ParentRef, Route } from "./objects.ts";

export interface ParentStatus {
  readonly parentRef: ParentRef;
  readonly conditions: readonly Condition[];
}

/** Of each parent of a route that is there. */
export const routeStatus = (cluster: Cluster, route: Route): ParentStatus[] =>
  routeStatuses(cluster).find(
    ({ route: { kind, namespace, name } }) =>
      kind === route.kind && namespace === route.namespace && name === route.name,
  )?.parents ?? [];

interface RouteStatus {
  readonly route: Route;
  readonly parents: ParentStatus[];
}

/** A cluster does not change, and who asks for one route asks for others. */
const known = new WeakMap<Cluster, RouteStatus[]>();

/** Of all routes, the oldest first. */
export function routeStatuses(cluster: Cluster): readonly RouteStatus[] {
  const before = known.get(cluster);
  if (before !== undefined) return before;
  const owners = gatewaysOf(cluster).map((gateway) => ({
    gateway,
    sets: candidateSets(cluster, gateway),
    attached: attachAll(cluster, effectiveListeners(cluster, gateway)),
  }));
  const all = readRoutes(cluster).map((route) => ({ route, parents: parentsOf(cluster, route, owners) }));
  known.set(cluster, all);
  return all;
}

interface Owner {
  readonly gateway: OtherObject;
  readonly sets: readonly OtherObject[];
  readonly attached: Attachments;
}

function parentsOf(cluster: Cluster, route: Route, owners: readonly Owner[]): ParentStatus[] {
  return route.parents.flatMap((parentRef, i): ParentStatus[] => {
    const owner = owners.find(({ gateway, sets }) =>
      [gateway, ...sets].some((object) => refersTo(parentRef, object)),
    );
    if (owner === undefined) return [];
    const set = owner.sets.find((object) => refersTo(parentRef, object));
    const isLeftOut = set !== undefined && !takesSet(cluster, owner.gateway, set);
    const attached = isLeftOut ? "NoMatchingParent" : owner.attached.of(route, i).reason;
    const reason = attached === "Accepted" ? (rejection(route) ?? attached) : attached;
    const partial = reason === "Accepted" ? partialFault(route) : undefined;
    const refFault = firstRefFault(cluster, route);
    return [
      {
        parentRef,
        conditions: [
          condition("Accepted", reason === "Accepted", reason),
          condition("ResolvedRefs", refFault === undefined, refFault ?? "ResolvedRefs"),
          ...(partial === undefined ? [] : [condition("PartiallyInvalid", true, partial)]),
        ],
      },
    ];
  });
}

/** All filters that a rule could apply at once: its own and those of each of its backends. */
const filterLists = (rule: Fields): Fields[][] => {
  const own = list(rule["filters"]).map(fields);
  const refs = backendRefs(rule).map((ref) => [...own, ...list(fields(ref)["filters"]).map(fields)]);
  return refs.length === 0 ? [own] : refs;
};

const ruleFault = (rule: Fields) =>
  filterLists(rule)
    .map(filtersFault)
    .find((fault) => fault !== undefined);

/** Why a route as a whole is not accepted: none of its rules can be used. */
export function rejection(route: Route): "IncompatibleFilters" | "UnsupportedValue" | undefined {
  const faults = route.rules.map(ruleFault);
  return faults.length > 0 && faults.every((fault) => fault !== undefined) ? faults[0] : undefined;
}

/** Some rules can be used and some cannot (GEP-1364). */
const partialFault = (route: Route): string | undefined =>
  route.rules.map(ruleFault).find((fault) => fault !== undefined);

/** The first backend, mirror or filter that leads nowhere. */
function firstRefFault(cluster: Cluster, route: Route): RefFault | undefined {
  for (const rule of route.rules) {
    const filters = filterLists(rule).flat();
    const mirrors = filters
      .filter(({ type }) => type === "RequestMirror")
      .map(({ requestMirror }) => fields(requestMirror)["backendRef"]);
    for (const ref of [...backendRefs(rule), ...mirrors]) {
      const { fault } = readBackend(cluster, route, ref);
      if (fault !== undefined) return fault;
    }
    if (filters.some(({ type }) => type === "ExtensionRef")) return "InvalidKind";
  }
  return undefined;
}
