/** Ingresses as short as they can be, and requests to them. */
import { CONTROLLERS, createIngressTable } from "../../src/gateway/ingress/table.ts";
import type { GatewayRequest } from "../../src/gateway/request.ts";
import { loadObjects } from "../../src/model/load.ts";

export const service = (name: string) => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name, namespace: "shop" },
  spec: { ports: [{ name: "web", port: 80 }] },
});
export const SERVICES = ["a", "b", "c"].map(service);

export type Entry = readonly [path: string, type: string, service: string];
export interface Options {
  readonly host?: string;
  readonly annotations?: Record<string, string>;
  readonly spec?: object;
  readonly name?: string;
}

export const ingress = (
  entries: readonly Entry[],
  { host, annotations = {}, spec = {}, name = "web" }: Options = {},
) => ({
  apiVersion: "networking.k8s.io/v1",
  kind: "Ingress",
  metadata: { name, namespace: "shop", annotations },
  spec: {
    ingressClassName: "edge",
    rules: [
      {
        ...(host !== undefined && { host }),
        http: {
          paths: entries.map(([path, pathType, backend]) => ({
            path,
            pathType,
            backend: { service: { name: backend, port: { number: 80 } } },
          })),
        },
      },
    ],
    ...spec,
  },
});

export const asked = (path: string, more: Partial<GatewayRequest> = {}): GatewayRequest => ({
  host: "shop.example.com",
  path,
  method: "GET",
  headers: {},
  scheme: "http",
  ...more,
});

/** What each controller does, in the order nginx, traefik, haproxy, contour: the Service, else the status. */
export const each = (objects: readonly object[], request: GatewayRequest): (string | number)[] => {
  const cluster = loadObjects([...SERVICES, ...objects]);
  return CONTROLLERS.map((controller) => {
    const { backend, status } = createIngressTable(cluster, "edge", controller).route(request);
    return backend?.service ?? status;
  });
};
