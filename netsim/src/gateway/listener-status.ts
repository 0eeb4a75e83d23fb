/** Status of listeners, those of Gateways and those of ListenerSets, as a controller would write it. */
import type { Cluster, OtherObject } from "../model/types.ts";
import { attachAll } from "./attach.ts";
import { condition } from "./conditions.ts";
import type { Condition } from "./conditions.ts";
import { intersect } from "./hostname.ts";
import { effectiveListeners, supportedKinds } from "./listeners.ts";
import type { Effective } from "./listeners.ts";
import type { RouteKind } from "./objects.ts";
import { rejection } from "./route-status.ts";

export interface ListenerStatus {
  readonly name: string;
  readonly attachedRoutes: number;
  readonly supportedKinds: readonly RouteKind[];
  readonly conditions: readonly Condition[];
}

/** Of each listener of a Gateway, of its ListenerSets too (`owner` tells which), in their order. */
export function listenerStatuses(
  cluster: Cluster,
  gateway: OtherObject,
): (ListenerStatus & { readonly owner: OtherObject })[] {
  const listeners = effectiveListeners(cluster, gateway);
  const attached = attachAll(cluster, listeners);
  return listeners.map((listener) => {
    const { owner, name } = listener;
    return {
      owner,
      name,
      // Whether the listener itself is accepted makes no difference to the count.
      attachedRoutes: attached.at(listener).filter(({ route }) => rejection(route) === undefined).length,
      supportedKinds: supportedKinds(listener),
      conditions: conditionsOf(listener, listeners),
    };
  });
}

/** ListenerConditionAccepted and its sisters in gateway_types.go. */
function conditionsOf(listener: Effective, all: readonly Effective[]): Condition[] {
  const { fault, refFault } = listener;
  const isConflict = fault === "HostnameConflict" || fault === "ProtocolConflict";
  const isUsable = fault === undefined && refFault === undefined;
  return [
    condition("Accepted", fault === undefined, fault ?? "Accepted"),
    condition("Conflicted", isConflict, isConflict ? fault : "NoConflicts"),
    condition("ResolvedRefs", refFault === undefined, refFault ?? "ResolvedRefs"),
    condition("Programmed", isUsable, isUsable ? "Programmed" : isConflict ? fault : "Invalid"),
    // Of negative polarity: never set when it is false.
    ...(overlaps(listener, all) ? [condition("OverlappingTLSConfig", true, "OverlappingHostnames")] : []),
  ];
}

/** A client may use a connection that was made for one name for another that the same certificate covers (RFC 9113, 9.1.1). */
const overlaps = (listener: Effective, all: readonly Effective[]): boolean =>
  listener.protocol === "HTTPS" &&
  all.some(
    (other) =>
      other !== listener &&
      other.protocol === "HTTPS" &&
      other.port === listener.port &&
      intersect(other.hostname, listener.hostname) !== undefined,
  );
