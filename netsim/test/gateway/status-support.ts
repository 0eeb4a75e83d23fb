/** Objects as short as they can be, and what a controller would say of them. */
import type { Condition } from "../../src/gateway/conditions.ts";
import { gatewaysOf } from "../../src/gateway/listeners.ts";
import { readRoutes } from "../../src/gateway/objects.ts";
import { gatewayStatus, listenerStatuses, routeStatus } from "../../src/gateway/status.ts";
import { loadObjects } from "../../src/model/load.ts";
import type { Cluster } from "../../src/model/types.ts";

export type Fields = Record<string, unknown>;

export const object = (kind: string, name: string, spec: Fields, more: Fields = {}, namespace = "shop") => ({
  apiVersion: "gateway.networking.k8s.io/v1",
  kind,
  metadata: { name, namespace, ...more },
  spec,
});
export const gateway = (listeners: readonly Fields[], more: Fields = {}) =>
  object("Gateway", "edge", { gatewayClassName: "any", listeners, ...more });
export const listener = (name: string, port: number, protocol: string, more: Fields = {}) => ({
  name,
  port,
  protocol,
  ...more,
});
export const route = (name: string, spec: Fields = {}, kind = "HTTPRoute", namespace = "shop") =>
  object(
    kind,
    name,
    {
      parentRefs: [{ name: "edge", namespace: "shop" }],
      rules: [{ backendRefs: [{ name: "web", port: 80 }] }],
      ...spec,
    },
    {},
    namespace,
  );
const WEB = {
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "web", namespace: "shop" },
  spec: { ports: [{ name: "tcp", port: 80 }] },
};
export const configMap = (name: string, authority: string) => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, namespace: "shop" },
  data: { "ca.crt": authority },
});
export const cluster = (...objects: object[]): Cluster => loadObjects([WEB, ...objects]);

/** `Type=Status:Reason`, without what is as it should be. */
export const faults = (conditions: readonly Condition[]): string[] =>
  conditions
    .filter(({ type, status, reason }) => !(status === "True" && reason === type) && reason !== "NoConflicts")
    .map(({ type, status, reason }) => `${type}=${status}:${reason}`);

export const listenersOf = (c: Cluster): Record<string, string[]> => {
  const [edge] = gatewaysOf(c);
  const all = edge === undefined ? [] : listenerStatuses(c, edge);
  return Object.fromEntries(all.map(({ name, conditions }) => [name, faults(conditions)]));
};
export const gatewayOf = (c: Cluster): string[] => {
  const [edge] = gatewaysOf(c);
  return edge === undefined ? [] : faults(gatewayStatus(c, edge).conditions);
};
export const routeOf = (c: Cluster): string[] =>
  readRoutes(c)
    .flatMap((r) => routeStatus(c, r))
    .flatMap(({ conditions }) => faults(conditions));
