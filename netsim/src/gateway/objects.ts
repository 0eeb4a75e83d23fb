/** Gateways, ListenerSets and routes of a cluster, with the defaults of the Gateway API filled in (gateway.networking.k8s.io/v1). */
import type { Cluster, OtherObject } from "../model/types.ts";
import { fields, list, number, text, texts } from "./fields.ts";
import type { Fields } from "./fields.ts";

export const GROUP = "gateway.networking.k8s.io";
export const ROUTE_KINDS = ["HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute", "UDPRoute"] as const;
export type RouteKind = (typeof ROUTE_KINDS)[number];

/** A reference to an object, its group, kind and namespace filled in. */
export interface Ref {
  readonly group: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

export interface ParentRef extends Ref {
  readonly sectionName: string | undefined;
  readonly port: number | undefined;
}

export interface Listener {
  /** The Gateway or ListenerSet that it is written in. */
  readonly owner: OtherObject;
  readonly name: string;
  readonly port: number;
  readonly protocol: string;
  /** Undefined stands for every name. */
  readonly hostname: string | undefined;
  readonly tlsMode: "Terminate" | "Passthrough" | undefined;
  readonly certificates: readonly Ref[];
  /** As written; empty for all that the protocol takes. */
  readonly kinds: readonly { readonly group: string; readonly kind: string }[];
  readonly from: string;
  readonly selector: Fields;
}

export interface Route {
  readonly object: OtherObject;
  readonly kind: RouteKind;
  readonly namespace: string;
  readonly name: string;
  readonly hostnames: readonly string[];
  readonly parents: readonly ParentRef[];
  readonly rules: readonly Fields[];
}

/** A reference as it is written in an object of `namespace`; `kind` is what it is without a word. */
export function readRef(value: unknown, namespace: string, kind: string, group = ""): Ref {
  const ref = fields(value);
  return {
    group: text(ref["group"]) ?? group,
    kind: text(ref["kind"]) ?? kind,
    namespace: text(ref["namespace"]) ?? namespace,
    name: text(ref["name"]) ?? "",
  };
}

/** Listeners of a Gateway or a ListenerSet, in their order. */
export function readListeners(owner: OtherObject): Listener[] {
  return list(fields(owner.spec)["listeners"]).map((value) => {
    const listener = fields(value);
    const tls = listener["tls"] === undefined ? undefined : fields(listener["tls"]);
    const allowed = fields(listener["allowedRoutes"]);
    const namespaces = fields(allowed["namespaces"]);
    const hostname = text(listener["hostname"])?.toLowerCase();
    return {
      owner,
      name: text(listener["name"]) ?? "",
      port: number(listener["port"]) ?? 0,
      protocol: text(listener["protocol"]) ?? "",
      hostname: hostname === "" ? undefined : hostname,
      tlsMode: tls === undefined ? undefined : tls["mode"] === "Passthrough" ? "Passthrough" : "Terminate",
      certificates: list(tls?.["certificateRefs"]).map((ref) =>
        readRef(ref, owner.metadata.namespace, "Secret"),
      ),
      kinds: list(allowed["kinds"]).map((kind) => ({
        group: text(fields(kind)["group"]) ?? GROUP,
        kind: text(fields(kind)["kind"]) ?? "",
      })),
      from: text(namespaces["from"]) ?? "Same",
      selector: fields(namespaces["selector"]),
    };
  });
}

/** All routes, the oldest first, then by namespace and name: the order in which ties are decided. */
export function readRoutes(cluster: Cluster): Route[] {
  const routes = cluster.gatewayObjects.flatMap((object): Route[] => {
    const kind = ROUTE_KINDS.find((k) => k === object.kind);
    if (kind === undefined) return [];
    const { namespace, name } = object.metadata;
    const spec = fields(object.spec);
    const parents = [
      ...list(spec["parentRefs"]).map((value) => ({
        ...readRef(value, namespace, "Gateway", GROUP),
        sectionName: text(fields(value)["sectionName"]),
        port: number(fields(value)["port"]),
      })),
      ...(spec["useDefaultGateways"] === "All" ? defaultGateways(cluster) : []),
    ];
    const hostnames = texts(spec["hostnames"]).map((hostname) => hostname.toLowerCase());
    return [{ object, kind, namespace, name, hostnames, parents, rules: list(spec["rules"]).map(fields) }];
  });
  return routes.sort(byAge);
}

/** Gateways that take in routes which name none of them (GEP-3793). */
const defaultGateways = (cluster: Cluster): ParentRef[] =>
  cluster.gatewayObjects
    .filter(({ kind, spec }) => kind === "Gateway" && fields(spec)["defaultScope"] === "All")
    .map(({ metadata: { namespace, name } }) => ({
      group: GROUP,
      kind: "Gateway",
      namespace,
      name,
      sectionName: undefined,
      port: undefined,
    }));

const created = ({ object }: { readonly object: OtherObject }): string =>
  text((object.metadata as { creationTimestamp?: unknown }).creationTimestamp) ?? "9999";

/** The older of two objects first; of the same age by namespace, then name. */
export function byAge(a: { readonly object: OtherObject }, b: { readonly object: OtherObject }): number {
  const [x, y] = [a.object.metadata, b.object.metadata];
  return compare(created(a), created(b)) || compare(x.namespace, y.namespace) || compare(x.name, y.name);
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
