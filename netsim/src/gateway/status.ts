/** Status of Gateways and routes as a controller would write it: conditions with reasons, attached routes, supported kinds. */
import type { Cluster, OtherObject } from "../model/types.ts";
import { attach, backendRefs, effectiveListeners, gatewaysOf, refersTo, supportedKinds } from "./attach.ts";
import type { Effective } from "./attach.ts";
import { readBackend } from "./backends.ts";
import { fields, list } from "./fields.ts";
import { isGranted } from "./grants.ts";
import { GROUP, readRoutes } from "./objects.ts";
import type { ParentRef, Route, RouteKind } from "./objects.ts";

export interface Condition {
  readonly type: "Accepted" | "ResolvedRefs" | "Programmed" | "Conflicted";
  readonly status: "True" | "False";
  readonly reason: string;
}

export interface ListenerStatus {
  readonly name: string;
  readonly attachedRoutes: number;
  readonly supportedKinds: readonly RouteKind[];
  readonly conditions: readonly Condition[];
}

export interface ParentStatus {
  readonly parentRef: ParentRef;
  readonly conditions: readonly Condition[];
}

const condition = (type: Condition["type"], ok: boolean, reason: string): Condition => ({
  type,
  status: ok ? "True" : "False",
  reason,
});

/** Of each listener of a Gateway, of its ListenerSets too (`owner` tells which), in their order. */
export function listenerStatuses(
  cluster: Cluster,
  gateway: OtherObject,
): (ListenerStatus & { readonly owner: OtherObject })[] {
  const listeners = effectiveListeners(cluster, gateway);
  const attached = new Map<Effective, Set<Route>>(listeners.map((l) => [l, new Set()]));
  for (const route of readRoutes(cluster))
    for (const parent of route.parents) {
      const result = attach(cluster, route, parent, listeners);
      if (result.reason !== "Accepted") continue;
      for (const { listener } of result.listeners)
        if (listener.fault === undefined) attached.get(listener)?.add(route);
    }
  return listeners.map((listener) => {
    const { fault, owner, name } = listener;
    const refs = refsFault(cluster, listener);
    const isConflict = fault === "HostnameConflict" || fault === "ProtocolConflict";
    const usable = fault === undefined && refs === undefined;
    return {
      owner,
      name,
      attachedRoutes: attached.get(listener)?.size ?? 0,
      supportedKinds: supportedKinds(listener),
      conditions: [
        condition("Accepted", fault === undefined, fault ?? "Accepted"),
        condition("Conflicted", isConflict, isConflict ? fault : "NoConflicts"),
        condition("ResolvedRefs", refs === undefined, refs ?? "ResolvedRefs"),
        condition("Programmed", usable, usable ? "Programmed" : "Invalid"),
      ],
    };
  });
}

/** A kind that the protocol does not take, or a certificate that cannot be had. */
function refsFault(cluster: Cluster, listener: Effective): string | undefined {
  const supported = supportedKinds(listener);
  const isKnown = ({ group, kind }: Effective["kinds"][number]): boolean =>
    group === GROUP && supported.some((k) => k === kind);
  if (!listener.kinds.every(isKnown)) return "InvalidRouteKinds";
  if (listener.tlsMode !== "Terminate") return undefined;
  const from = { kind: listener.owner.kind, namespace: listener.owner.metadata.namespace };
  for (const ref of listener.certificates) {
    if (ref.group !== "" || ref.kind !== "Secret") return "InvalidCertificateRef";
    if (!isGranted(cluster, from, ref)) return "RefNotPermitted";
    if (!isCertificate(cluster, ref.namespace, ref.name)) return "InvalidCertificateRef";
  }
  return undefined;
}

/** Input without any Secret leaves them out on purpose: then each is taken to be there. */
function isCertificate(cluster: Cluster, namespace: string, name: string): boolean {
  const secrets = cluster.others.get("Secret") ?? [];
  if (secrets.length === 0) return true;
  const found = secrets.find((s) => s.metadata.namespace === namespace && s.metadata.name === name);
  const data = fields(found?.data);
  const pem = (value: unknown): boolean =>
    typeof value === "string" && Buffer.from(value, "base64").toString("latin1").includes("-----BEGIN");
  return pem(data["tls.crt"]) && pem(data["tls.key"]);
}

/** Of each parent of a route that is there. */
export function routeStatus(cluster: Cluster, route: Route): ParentStatus[] {
  const gateways = gatewaysOf(cluster);
  return route.parents.flatMap((parentRef): ParentStatus[] => {
    const owners = gateways.map((gateway) => ({ gateway, listeners: effectiveListeners(cluster, gateway) }));
    const owner = owners.find(
      ({ gateway, listeners }) =>
        refersTo(parentRef, gateway) || listeners.some((l) => refersTo(parentRef, l.owner)),
    );
    if (owner === undefined) return [];
    const { reason } = attach(cluster, route, parentRef, owner.listeners);
    const fault = backendFault(cluster, route);
    return [
      {
        parentRef,
        conditions: [
          condition("Accepted", reason === "Accepted", reason),
          condition("ResolvedRefs", fault === undefined, fault ?? "ResolvedRefs"),
        ],
      },
    ];
  });
}

/** The first backend, or mirror, that cannot be used. */
function backendFault(cluster: Cluster, route: Route): string | undefined {
  for (const rule of route.rules) {
    const mirrors = list(rule["filters"])
      .map(fields)
      .filter(({ type }) => type === "RequestMirror")
      .map(({ requestMirror }) => fields(requestMirror)["backendRef"]);
    for (const ref of [...backendRefs(rule), ...mirrors]) {
      const { fault } = readBackend(cluster, route, ref);
      if (fault !== undefined) return fault;
    }
  }
  return undefined;
}
