/** What can be said of an entrance: protocols, TLS, who may use what, and what is said back. */
import { gatewaysOf } from "../listeners.ts";
import { readRoutes } from "../objects.ts";
import { listenerStatuses, routeStatus } from "../status.ts";
import type { Experiment } from "./attempt.ts";
import { NGINX, attempt, gateway, ingress, object, path, route, to } from "./manifests.ts";

export const EDGE: readonly Experiment[] = [
  {
    name: "Services of other namespaces",
    how: "backendRefs.namespace with a ReferenceGrant",
    gateway: attempt(
      [
        gateway(),
        route({ rules: [{ backendRefs: [to("far", { namespace: "other" })] }] }),
        object(
          "ReferenceGrant",
          "shop",
          {
            from: [{ group: "gateway.networking.k8s.io", kind: "HTTPRoute", namespace: "shop" }],
            to: [{ group: "", kind: "Service" }],
          },
          "other",
        ),
      ],
      (ask) => ask().backend?.namespace === "other",
    ),
    ingress: attempt(
      [
        ingress([
          path("far", { backend: { service: { name: "far", namespace: "other", port: { number: 80 } } } }),
        ]),
      ],
      (ask) => ask().backend?.namespace === "other",
    ),
    annotated: {},
  },
  {
    name: "who may use an entrance",
    how: "listeners.allowedRoutes",
    gateway: attempt(
      [
        gateway({ name: "web", port: 80, protocol: "HTTP", allowedRoutes: { namespaces: { from: "Same" } } }),
        route({ rules: [{ backendRefs: [to("far")] }] }, "HTTPRoute", "guest", "other"),
      ],
      (ask) => ask().status === 404,
    ),
    ingress: attempt(
      [{ ...ingress([path("far")]), metadata: { name: "guest", namespace: "other" } }],
      (ask) => ask().status === 404,
    ),
    annotated: {},
  },
  {
    name: "TLS ended at the entrance",
    how: "listeners.tls",
    gateway: attempt(
      [
        gateway({ name: "tls", port: 443, protocol: "HTTPS", tls: { certificateRefs: [{ name: "cert" }] } }),
        route({ rules: [{ backendRefs: [to("one")] }] }),
      ],
      (ask) => ask({ scheme: "https", port: 443 }).backend?.service === "one",
    ),
    ingress: attempt(
      [ingress([path("one")], {}, { tls: [{ hosts: ["a.example.com"], secretName: "cert" }] })],
      (ask) => ask({ scheme: "https" }).backend?.service === "one",
    ),
    annotated: {},
  },
  {
    name: "TLS passed through, by name",
    how: "TLSRoute",
    gateway: attempt(
      [
        gateway({ name: "tls", port: 443, protocol: "TLS", tls: { mode: "Passthrough" } }),
        route({ hostnames: ["a.example.com"], rules: [{ backendRefs: [to("one")] }] }, "TLSRoute"),
      ],
      (ask) => ask({ sni: "a.example.com", port: 443 }).backend?.service === "one",
    ),
    ingress: attempt([ingress([path("one")])], (ask) => ask({ scheme: "https" }).isPassthrough === true),
    annotated: {
      nginx: attempt(
        [ingress([path("one")], { [`${NGINX}/ssl-passthrough`]: "true" })],
        (ask) => ask({ scheme: "https" }).isPassthrough === true,
      ),
      haproxy: attempt(
        [ingress([path("one")], { "haproxy.org/ssl-passthrough": "true" })],
        (ask) => ask({ scheme: "https" }).isPassthrough === true,
      ),
    },
  },
  ...(["TCP", "UDP"] as const).map((protocol): Experiment => ({
    name: protocol,
    how: `${protocol}Route`,
    gateway: attempt(
      [
        gateway({ name: "db", port: 5432, protocol }),
        route({ rules: [{ backendRefs: [to("one")] }] }, `${protocol}Route`),
      ],
      (ask) => ask({ port: 5432, host: "" }).backend?.service === "one",
    ),
    ingress: attempt([ingress([path("one")])], (ask) => ask({ port: 5432, host: "" }).backend !== null),
    annotated: {},
  })),
  {
    name: "gRPC by service and method",
    how: "GRPCRoute",
    gateway: attempt(
      [
        gateway(),
        route(
          {
            rules: [
              { matches: [{ method: { service: "shop.Cart" } }], backendRefs: [to("two")] },
              { backendRefs: [to("one")] },
            ],
          },
          "GRPCRoute",
        ),
      ],
      (ask) => {
        const headers = { "content-type": "application/grpc" };
        const call = (path: string) => ask({ path, method: "POST", headers }).backend?.service;
        return call("/shop.Cart/Add") === "two" && call("/shop.Other/Add") === "one";
      },
    ),
    // A service is the first element of gRPC's path: what an Ingress can say of it is that prefix.
    ingress: attempt([ingress([path("one"), path("two", { path: "/shop.Cart" })])], (ask) => {
      const headers = { "content-type": "application/grpc" };
      const { upstream } = ask({ path: "/shop.Cart/Add", method: "POST", headers });
      return upstream?.protocol === "h2c";
    }),
    annotated: {
      nginx: attempt(
        [
          ingress([path("one"), path("two", { path: "/shop.Cart" })], {
            [`${NGINX}/backend-protocol`]: "GRPC",
          }),
        ],
        (ask) => {
          const { upstream, backend } = ask({ path: "/shop.Cart/Add", method: "POST" });
          return upstream?.protocol === "h2c" && backend?.service === "two";
        },
      ),
    },
  },
  {
    name: "TLS to backends, checked",
    how: "BackendTLSPolicy",
    gateway: attempt(
      [
        gateway(),
        route({ rules: [{ backendRefs: [to("one")] }] }),
        object("BackendTLSPolicy", "one", {
          targetRefs: [{ group: "", kind: "Service", name: "one" }],
          validation: { hostname: "one.internal", wellKnownCACertificates: "System" },
        }),
      ],
      (ask) => ask().upstream?.tls?.hostname === "one.internal",
    ),
    ingress: attempt([ingress([path("one")])], (ask) => ask().upstream?.tls !== undefined),
    annotated: {
      nginx: attempt(
        [
          ingress([path("one")], {
            [`${NGINX}/backend-protocol`]: "HTTPS",
            [`${NGINX}/proxy-ssl-verify`]: "on",
            [`${NGINX}/proxy-ssl-secret`]: "shop/authority",
            [`${NGINX}/proxy-ssl-name`]: "one.internal",
          }),
        ],
        (ask) => ask().upstream?.tls?.hostname === "one.internal",
      ),
    },
  },
  {
    name: "a status that says why not",
    how: "conditions of listeners and routes",
    gateway: attempt([gateway(), route({ rules: [{ backendRefs: [to("nobody")] }] })], (_, cluster) => {
      const [edge] = gatewaysOf(cluster);
      const listeners = edge === undefined ? [] : listenerStatuses(cluster, edge);
      const reasons = readRoutes(cluster).flatMap((r) =>
        routeStatus(cluster, r).flatMap((p) => p.conditions),
      );
      return listeners.length > 0 && reasons.some(({ reason }) => reason === "BackendNotFound");
    }),
    // IngressStatus has addresses and nothing else.
    ingress: attempt([ingress([path("nobody")])], (_, cluster) =>
      cluster.ingresses.some(({ status }) => Object.hasOwn((status ?? {}) as object, "conditions")),
    ),
    annotated: {},
  },
];
