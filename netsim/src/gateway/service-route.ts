/** Where a service mesh sends a request to a Service: routes that have the Service as their parent (GAMMA; GEP-1324, GEP-1426). */
import type { Cluster, Service } from "../model/types.ts";
import { upstreamOf } from "./backends.ts";
import { readRoutes } from "./objects.ts";
import type { ParentRef, Route } from "./objects.ts";
import { heaviest, refused } from "./request.ts";
import type { Answer, GatewayRequest, Pick } from "./request.ts";
import { routeRequest } from "./route.ts";

export interface ServiceTable {
  /** What becomes of a request to a port of the Service from a client in namespace `from`. */
  route(request: GatewayRequest, port: number, from: string, pick?: Pick): Answer;
}

/** Kinds of routes that a mesh takes for requests. */
const KINDS = new Set(["HTTPRoute", "GRPCRoute"]);

/**
 * Reads the routes of a Service once for many requests. A route in the Service's own namespace is for all clients; one of another
 * namespace for clients there alone, and for these it counts before the Service's own. Hostnames of routes do not matter: the
 * connection was made to the Service. Without any route the Service is asked as it stands.
 */
export function createServiceTable(cluster: Cluster, service: Service): ServiceTable {
  const { namespace, name } = service.metadata;
  const isParent = (parent: ParentRef, port: number): boolean =>
    parent.group === "" &&
    parent.kind === "Service" &&
    parent.namespace === namespace &&
    parent.name === name &&
    (parent.port === undefined || parent.port === port);
  const routes = readRoutes(cluster).filter(({ kind }) => KINDS.has(kind));

  return {
    route(request, port, from, pick = heaviest) {
      const own = service.spec.ports.find((p) => p.port === port);
      if (own === undefined) return refused(request, 0, `the Service has no port ${port}`);
      const here = routes.filter((route) => route.parents.some((parent) => isParent(parent, port)));
      const consumer = here.filter((route) => route.namespace === from && from !== namespace);
      const chosen = consumer.length > 0 ? consumer : here.filter((route) => route.namespace === namespace);
      if (chosen.length === 0) return straight(cluster, request, { namespace, service: name, port });
      const entries = chosen.map((route: Route) => ({ route, hostnames: ["*"] }));
      return routeRequest(cluster, entries, request, port, pick);
    },
  };
}

const straight = (
  cluster: Cluster,
  request: GatewayRequest,
  backend: { readonly namespace: string; readonly service: string; readonly port: number },
): Answer => ({
  ...refused(request, 200, ""),
  status: 200,
  backend,
  weights: { [backend.service]: 1 },
  upstream: upstreamOf(cluster, backend),
  notes: ["no route has this Service as its parent"],
});
