/** Which listeners a Gateway has (its own and its ListenerSets'), and which routes are attached to which of them. */
import type { Cluster, LabelSelector, OtherObject } from "../model/types.ts";
import { compileSelector } from "../select/labels.ts";
import { fields, list, text, texts } from "./fields.ts";
import type { Fields } from "./fields.ts";
import { intersect } from "./hostname.ts";
import { GROUP, byAge, readListeners, readRef } from "./objects.ts";
import type { Listener, ParentRef, Route, RouteKind } from "./objects.ts";

/** Kinds that a protocol takes. */
export function kindsOf({ protocol }: Pick<Listener, "protocol">): readonly RouteKind[] {
  switch (protocol) {
    case "HTTP":
    case "HTTPS":
      return ["HTTPRoute", "GRPCRoute"];
    case "TLS":
      return ["TLSRoute"];
    case "TCP":
      return ["TCPRoute"];
    case "UDP":
      return ["UDPRoute"];
    default:
      return [];
  }
}

/** What a listener takes: the kinds of its protocol that it allows. */
export function supportedKinds(listener: Listener): readonly RouteKind[] {
  const all = kindsOf(listener);
  if (listener.kinds.length === 0) return all;
  return all.filter((kind) => listener.kinds.some((k) => k.group === GROUP && k.kind === kind));
}

/** Whether a namespace is one that a rule `{from, selector}` takes. */
function takesNamespace(
  cluster: Cluster,
  { from, selector }: { from: string; selector: Fields },
  own: string,
  other: string,
): boolean {
  if (from === "All") return true;
  if (from === "Same") return own === other;
  if (from !== "Selector") return false;
  const labels = cluster.namespaces.find(({ metadata }) => metadata.name === other)?.metadata.labels ?? {};
  return compileSelector(readSelector(selector)).matches(labels);
}

const OPERATORS = ["In", "NotIn", "Exists", "DoesNotExist"] as const;

function readSelector(selector: Fields): LabelSelector {
  const labels = Object.entries(fields(selector["matchLabels"]));
  return {
    matchLabels: Object.fromEntries(labels.map(([key, value]) => [key, String(value)])),
    matchExpressions: list(selector["matchExpressions"]).map((value) => {
      const { key, operator, values } = fields(value);
      return {
        key: text(key) ?? "",
        operator: OPERATORS.find((o) => o === operator) ?? "In",
        values: texts(values),
      };
    }),
  };
}

/** ListenerSets that the Gateway takes in, the oldest first. */
export function listenerSets(cluster: Cluster, gateway: OtherObject): OtherObject[] {
  const allowed = fields(fields(fields(gateway.spec)["allowedListeners"])["namespaces"]);
  const rule = { from: text(allowed["from"]) ?? "None", selector: fields(allowed["selector"]) };
  const { namespace, name } = gateway.metadata;
  return cluster.gatewayObjects
    .filter((object) => {
      if (object.kind !== "ListenerSet" && object.kind !== "XListenerSet") return false;
      const parent = readRef(fields(object.spec)["parentRef"], object.metadata.namespace, "Gateway", GROUP);
      if (parent.kind !== "Gateway" || parent.namespace !== namespace || parent.name !== name) return false;
      return takesNamespace(cluster, rule, namespace, object.metadata.namespace);
    })
    .map((object) => ({ object }))
    .sort(byAge)
    .map(({ object }) => object);
}

/** Why a listener is not used (condition Accepted), undefined when it is. */
export type ListenerFault = "HostnameConflict" | "ProtocolConflict" | "UnsupportedProtocol";

export interface Effective extends Listener {
  readonly fault: ListenerFault | undefined;
}

const layer = (protocol: string): string => (protocol === "UDP" ? "udp" : "tcp");

/**
 * Listeners of a Gateway and of its ListenerSets. Two cannot share a port with different protocols or with the same hostname: both
 * of one object lose, and what a ListenerSet adds loses against what was there.
 */
export function effectiveListeners(cluster: Cluster, gateway: OtherObject): Effective[] {
  const all = [gateway, ...listenerSets(cluster, gateway)].flatMap(readListeners);
  const result: Effective[] = [];
  for (const listener of all) {
    const rivals = all.filter(
      (other) =>
        other !== listener &&
        other.port === listener.port &&
        layer(other.protocol) === layer(listener.protocol) &&
        (other.owner === listener.owner ||
          result.some((r) => sameListener(r, other) && r.fault === undefined)),
    );
    const fault =
      kindsOf(listener).length === 0
        ? "UnsupportedProtocol"
        : rivals.some((other) => other.protocol !== listener.protocol)
          ? "ProtocolConflict"
          : rivals.some((other) => other.hostname === listener.hostname)
            ? "HostnameConflict"
            : undefined;
    result.push({ ...listener, fault });
  }
  return result;
}

const sameListener = (a: Listener, b: Listener): boolean => a.owner === b.owner && a.name === b.name;

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
export function refersTo(parent: ParentRef, object: OtherObject): boolean {
  const kind = object.kind === "XListenerSet" ? "ListenerSet" : object.kind;
  return (
    parent.kind.replace(/^X/, "") === kind &&
    parent.namespace === object.metadata.namespace &&
    parent.name === object.metadata.name
  );
}

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

/** Gateways of the cluster, in their order. */
export const gatewaysOf = (cluster: Cluster): OtherObject[] =>
  cluster.gatewayObjects.filter(({ kind }) => kind === "Gateway");

/** Backends that a route's rule names. */
export const backendRefs = (rule: Route["rules"][number]): readonly unknown[] => list(rule["backendRefs"]);
