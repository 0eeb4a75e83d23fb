import t from "tap";
import { entrance } from "../../src/index.ts";
import { loadText } from "../../src/model/load.ts";

const CLUSTER = loadText(`
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: ingress-nginx-controller, namespace: ingress-nginx, labels: {app.kubernetes.io/name: ingress-nginx}}
spec: {type: LoadBalancer, ports: [{port: 80}]}
status: {loadBalancer: {ingress: [{ip: 203.0.113.7}]}}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, namespace: shop}
spec:
  ingressClassName: nginx
  rules: [{host: app.example.com, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: edge, namespace: shop}
spec:
  gatewayClassName: any
  listeners: [{name: web, port: 80, protocol: HTTP}, {name: tls, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: c}]}}]
status: {addresses: [{type: IPAddress, value: 203.0.113.9}]}
---
apiVersion: v1
kind: Service
metadata: {name: edge-any, namespace: shop, labels: {gateway.networking.k8s.io/gateway-name: edge}}
spec: {type: LoadBalancer, ports: [{port: 80}]}
status: {loadBalancer: {ingress: [{hostname: lb.example.net}]}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: api, namespace: shop}
spec:
  parentRefs: [{name: edge}]
  hostnames: [api.example.com, app.example.com]
  rules: [{backendRefs: [{name: web, port: 80}]}]
`);

t.test("through which Gateway or Ingress a request comes in", (t) => {
  const api = entrance(CLUSTER, { scheme: "http", host: "api.example.com" });
  t.equal(api?.kind, "Gateway");
  t.equal(api?.className, "any");
  t.same(api?.addresses, ["203.0.113.9", "lb.example.net"], "of its status and of the Service in front");
  t.equal(api?.service?.metadata.name, "edge-any");
  t.match(api?.answer, { status: 200, backend: { namespace: "shop", service: "web", port: 80 } });
  t.equal(entrance(CLUSTER, { scheme: "https", host: "api.example.com" })?.answer.status, 200);

  const both = { scheme: "http", host: "app.example.com" } as const;
  t.equal(entrance(CLUSTER, both)?.kind, "Gateway", "both know the host");
  const nginx = entrance(CLUSTER, both, "203.0.113.7");
  t.equal(nginx?.kind, "Ingress", "the address decides");
  t.equal(nginx?.object.metadata.name, "web");
  t.equal(nginx?.service?.metadata.name, "ingress-nginx-controller");
  t.equal(entrance(CLUSTER, both, "198.51.100.1"), undefined, "an address that nobody has");
  t.equal(entrance(CLUSTER, { scheme: "http", host: "other.example.com" }), undefined);
  t.end();
});
