/** What a proxy goes by at the moment: a cluster, and the tables of a Gateway or an IngressClass made from it. */
import { entranceListeners } from "./ports.ts";
import type { PortPlan } from "./ports.ts";
import type { Answer, GatewayRequest, Pick } from "../gateway/request.ts";
import { createIngressTable } from "../gateway/ingress/table.ts";
import type { Controller } from "../gateway/ingress/table.ts";
import { gatewaysOf } from "../gateway/listeners.ts";
import { createGatewayTable } from "../gateway/route.ts";
import type { GatewayTable } from "../gateway/route.ts";
import type { Cluster } from "../model/types.ts";

/** Which object is served. */
export type Served =
  | { readonly kind: "gateway"; readonly namespace: string; readonly name: string }
  | { readonly kind: "ingress"; readonly className: string; readonly controller: Controller | undefined };

export interface Site {
  readonly cluster: Cluster;
  /** Undefined for Ingresses. */
  readonly table: GatewayTable | undefined;
  /** What becomes of a request that came to a port of the Gateway or of the controller (80 and 443). */
  route(request: GatewayRequest, port: number, pick: Pick): Answer;
  /** How connections to a port are to be read. */
  plan(port: number): PortPlan;
  /** Whether TLS for a name goes on to the backend as it is. */
  isPassthrough(port: number, name: string): boolean;
  /** Ports that are listened on, in their order. */
  readonly ports: readonly number[];
}

/** Undefined when the Gateway is not in the cluster; an IngressClass without Ingresses answers with 404. */
export function createSite(cluster: Cluster, served: Served): Site | undefined {
  if (served.kind === "ingress") {
    const table = createIngressTable(cluster, served.className, served.controller);
    return {
      cluster,
      table: undefined,
      route: (request, _, pick) => table.route(request, pick),
      plan: (port) => ({ kind: port === 443 ? "tls" : "http" }),
      isPassthrough: (_, host) =>
        table.route({ host, path: "/", method: "GET", headers: {}, scheme: "https" }).isPassthrough === true,
      ports: [80, 443],
    };
  }
  const gateway = gatewaysOf(cluster).find(
    ({ metadata }) => metadata.namespace === served.namespace && metadata.name === served.name,
  );
  if (gateway === undefined) return undefined;
  const table = createGatewayTable(cluster, gateway);
  return {
    cluster,
    table,
    route: (request, port, pick) => table.route(request, port, pick),
    plan: (port) => entranceListeners(table, port),
    isPassthrough: (port, name) => table.listenerFor(port, name)?.tlsMode === "Passthrough",
    ports: [...new Set(table.listeners.map(({ port }) => port))],
  };
}
