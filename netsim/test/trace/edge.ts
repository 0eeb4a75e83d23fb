/** A cluster with an ingress-nginx in front of it, for traces of requests from outside. */
import type { TraceOptions } from "../../src/trace/trace.ts";
import type { Trace } from "../../src/trace/types.ts";
import { node, pod, service } from "../policy/make.ts";
import { through } from "./support.ts";

const NGINX = { "app.kubernetes.io/name": "ingress-nginx" };
export const FRONT = "198.51.100.9";
const ports = (...numbers: number[]) => ({ ports: numbers.map((containerPort) => ({ containerPort })) });
const front = (more: object = {}) => ({
  ...service("edge/ingress-nginx-controller", {
    type: "LoadBalancer",
    clusterIP: "10.96.0.50",
    selector: NGINX,
    ports: [
      { name: "http", port: 80, targetPort: 8080, nodePort: 30080 },
      { name: "https", port: 443, targetPort: 8443, nodePort: 30443 },
    ],
    ...more,
  }),
  status: { loadBalancer: { ingress: [{ ip: FRONT }] } },
});
const labelled = (object: ReturnType<typeof front>) => ({
  ...object,
  metadata: { ...object.metadata, labels: NGINX },
});
const cluster = [
  ...[1, 2].map((i) => ({ ...node(`node-${i}`, `172.18.0.${i}`), spec: { podCIDR: `10.244.${i}.0/24` } })),
  pod("edge/controller", NGINX, "10.244.1.80", ports(8080, 8443)),
  labelled(front()),
  pod("shop/cart-1", { app: "cart" }, "10.244.2.2", { node: "node-2", ...ports(8080) }),
  pod("shop/api", { app: "api" }, "10.244.2.3", { node: "node-2", ...ports(9000) }),
  service("shop/cart", {
    clusterIP: "10.96.0.60",
    selector: { app: "cart" },
    ports: [{ port: 80, targetPort: 8080 }],
  }),
  service("shop/api", { clusterIP: "None", selector: { app: "api" }, ports: [{ port: 9000 }] }),
  service("shop/empty", { clusterIP: "10.96.0.61", selector: { app: "gone" }, ports: [{ port: 80 }] }),
  pod("shop/client", { app: "client" }, "10.244.1.2"),
];
export const backend = (name: string, number = 80) => ({ service: { name, port: { number } } });
export const ingress = (paths: object[], more: object = {}, annotations: object = {}) => ({
  apiVersion: "networking.k8s.io/v1",
  kind: "Ingress",
  metadata: { name: "shop", namespace: "shop", annotations },
  spec: {
    ingressClassName: "nginx",
    rules: [{ host: "shop.example.com", http: { paths: paths.map((p) => ({ pathType: "Prefix", ...p })) } }],
    ...more,
  },
});
export const PATHS = [
  { path: "/cart", backend: backend("cart") },
  { path: "/api", backend: backend("api", 9000) },
  { path: "/empty", backend: backend("empty") },
  { path: "/missing", backend: backend("missing") },
];
export const ask = (
  to: string,
  more: object[],
  from = "203.0.113.9",
  options: TraceOptions = {},
): Promise<Trace> => through([...cluster, ...more], from, to, options);
export const l7 = ({ hops }: Trace) => hops.filter((h) => h.layer === "l7");
export const last = ({ hops }: Trace) => hops.at(-1);
