/** Manifests for the experiments, as short as they can be. */
import type { Attempt } from "./attempt.ts";

export type Fields = Readonly<Record<string, unknown>>;
export type Shows = Attempt["shows"];

export const service = (name: string, namespace = "shop", extra: Fields = {}) => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name, namespace },
  spec: {
    ports: [
      { name: "tcp", port: 80, protocol: "TCP", ...extra },
      { name: "udp", port: 80, protocol: "UDP" },
    ],
  },
});
export const SERVICES = [service("one"), service("two"), service("far", "other")];

export const object = (
  kind: string,
  name: string,
  spec: Fields,
  namespace = "shop",
  annotations: Fields = {},
) => ({
  apiVersion: "gateway.networking.k8s.io/v1",
  kind,
  metadata: { name, namespace, annotations },
  spec,
});
export const gateway = (...listeners: Fields[]) =>
  object("Gateway", "edge", {
    gatewayClassName: "edge",
    listeners: listeners.length > 0 ? listeners : [{ name: "web", port: 80, protocol: "HTTP" }],
  });
export const to = (name: string, more: Fields = {}) => ({ name, port: 80, ...more });
export const route = (spec: Fields, kind = "HTTPRoute", name = "one", namespace = "shop") =>
  object(kind, name, { parentRefs: [{ name: "edge", namespace: "shop" }], ...spec }, namespace);
export const path = (name: string, more: Fields = {}) => ({
  path: "/",
  pathType: "Prefix",
  backend: { service: { name, port: { number: 80 } } },
  ...more,
});
export const ingress = (
  paths: readonly Fields[],
  annotations: Fields = {},
  more: Fields = {},
  name = "web",
) => ({
  apiVersion: "networking.k8s.io/v1",
  kind: "Ingress",
  metadata: { name, namespace: "shop", annotations },
  spec: { ingressClassName: "edge", rules: [{ host: "a.example.com", http: { paths } }], ...more },
});

export const attempt = (objects: readonly object[], shows: Shows): Attempt => ({
  objects: [...SERVICES, ...objects],
  shows,
});
export const NGINX = "nginx.ingress.kubernetes.io";
