/** Which listeners a Gateway has, its own and its ListenerSets', and why one of them is not used. */
import type { Cluster, OtherObject } from "../model/types.ts";
import { certificateState } from "./certificates.ts";
import { supports } from "./features.ts";
import { fields, text } from "./fields.ts";
import { clientValidation } from "./frontend.ts";
import { takesNamespace } from "./namespaces.ts";
import { GROUP, byAge, readListeners, readRef } from "./objects.ts";
import type { Listener, RouteKind } from "./objects.ts";

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

const isListenerSet = ({ kind }: OtherObject): boolean => kind === "ListenerSet" || kind === "XListenerSet";

/** ListenerSets that name the Gateway as their parent, the oldest first. */
export function candidateSets(cluster: Cluster, gateway: OtherObject): OtherObject[] {
  const { namespace, name } = gateway.metadata;
  return cluster.gatewayObjects
    .filter((object) => {
      if (!isListenerSet(object)) return false;
      const parent = readRef(fields(object.spec)["parentRef"], object.metadata.namespace, "Gateway", GROUP);
      return parent.kind === "Gateway" && parent.namespace === namespace && parent.name === name;
    })
    .map((object) => ({ object }))
    .sort(byAge)
    .map(({ object }) => object);
}

/** Whether the Gateway's `allowedListeners` takes in a ListenerSet; none without a word. */
export function takesSet(cluster: Cluster, gateway: OtherObject, set: OtherObject): boolean {
  const allowed = fields(fields(fields(gateway.spec)["allowedListeners"])["namespaces"]);
  const rule = { from: text(allowed["from"]) ?? "None", selector: fields(allowed["selector"]) };
  return takesNamespace(cluster, rule, gateway.metadata.namespace, set.metadata.namespace);
}

/** Why a listener is not used (condition Accepted), undefined when it is. */
export type ListenerFault =
  | "HostnameConflict"
  | "ProtocolConflict"
  | "UnsupportedProtocol"
  | "UnsupportedValue"
  | "NoValidCACertificate";

/** Why what a listener refers to cannot be had (condition ResolvedRefs). */
export type ListenerRefFault =
  | "InvalidRouteKinds"
  | "InvalidCertificateRef"
  | "RefNotPermitted"
  | "InvalidCACertificateRef"
  | "InvalidCACertificateKind";

export interface Effective extends Listener {
  readonly gateway: OtherObject;
  readonly fault: ListenerFault | undefined;
  readonly refFault: ListenerRefFault | undefined;
}

/** No connection is served: a conflict, or no certificate to serve it with. */
export const isServed = ({ fault, refFault }: Effective): boolean =>
  fault === undefined && (refFault === undefined || refFault === "InvalidRouteKinds");

/**
 * Listeners of a Gateway and of the ListenerSets that it takes in. Two that a connection cannot be told apart by are not used: both
 * of one object lose, and what a ListenerSet adds loses against what was there before it ("Distinct Listeners", GEP-1713).
 */
export function effectiveListeners(cluster: Cluster, gateway: OtherObject): Effective[] {
  const sets = candidateSets(cluster, gateway).filter((set) => takesSet(cluster, gateway, set));
  const all = [gateway, ...sets].flatMap(readListeners);
  const result: Effective[] = [];
  for (const listener of all) {
    const before = result.filter((r) => r.owner !== listener.owner && r.fault === undefined);
    const beside = all.filter((other) => other !== listener && other.owner === listener.owner);
    const client = clientValidation(cluster, gateway, listener);
    result.push({
      ...listener,
      gateway,
      fault:
        faultOf(cluster, gateway, listener, [...before, ...beside]) ??
        (client.isUseless ? "NoValidCACertificate" : undefined),
      refFault: refFaultOf(cluster, listener) ?? client.fault,
    });
  }
  return result;
}

/** How a connection to a port begins; by this listeners of different protocols are told apart, or not. */
function layerOf(protocol: string): string {
  if (protocol === "HTTPS" || protocol === "TLS") return "tls";
  return protocol;
}

const isLayer4 = (protocol: string): boolean => protocol === "TCP" || protocol === "UDP";

function faultOf(
  cluster: Cluster,
  gateway: OtherObject,
  listener: Listener,
  others: readonly Listener[],
): ListenerFault | undefined {
  const { protocol, port, hostname, tlsMode } = listener;
  if (kindsOf(listener).length === 0) return "UnsupportedProtocol";
  if (protocol === "TLS" && tlsMode === "Terminate" && !supports(cluster, gateway, "TLSRouteModeTerminate"))
    return "UnsupportedValue";
  const rivals = others.filter(
    (o) => o.port === port && (o.protocol === "UDP") === (protocol === "UDP") && kindsOf(o).length > 0,
  );
  const isMixed = (o: Listener): boolean =>
    o.protocol === "TLS" && protocol === "TLS" && o.tlsMode !== tlsMode;
  if (
    rivals.some((o) => layerOf(o.protocol) !== layerOf(protocol) || isLayer4(protocol)) ||
    (rivals.some(isMixed) && !supports(cluster, gateway, "TLSRouteModeMixed"))
  )
    return "ProtocolConflict";
  return rivals.some((o) => o.hostname === hostname) ? "HostnameConflict" : undefined;
}

/** A kind that the protocol does not take, or a certificate that cannot be had. */
function refFaultOf(cluster: Cluster, listener: Listener): ListenerRefFault | undefined {
  const supported = supportedKinds(listener);
  const isKnown = ({ group, kind }: Listener["kinds"][number]): boolean =>
    group === GROUP && supported.some((k) => k === kind);
  if (!listener.kinds.every(isKnown)) return "InvalidRouteKinds";
  if (listener.tlsMode !== "Terminate") return undefined;
  const from = { kind: ownerKind(listener.owner), namespace: listener.owner.metadata.namespace };
  for (const ref of listener.certificates) {
    const state = certificateState(cluster, from, ref);
    if (state === "not-permitted") return "RefNotPermitted";
    if (state !== "resolved") return "InvalidCertificateRef";
  }
  return undefined;
}

/** The kind's name without the X of its experimental days, as references and grants have it. */
export const ownerKind = ({ kind }: OtherObject): string => (kind === "XListenerSet" ? "ListenerSet" : kind);

/** Gateways of the cluster, in their order. */
export const gatewaysOf = (cluster: Cluster): OtherObject[] =>
  cluster.gatewayObjects.filter(({ kind }) => kind === "Gateway");

/** The ListenerSets of the cluster, in their order. */
export const listenerSetsOf = (cluster: Cluster): OtherObject[] =>
  cluster.gatewayObjects.filter(isListenerSet);
