/** Balancers outside the cluster: those that have a name for an address, and those that nodes have no rules for. */
import t from "tap";
import { networkPolicy, node, pod, service } from "../policy/make.ts";
import { at, through } from "./support.ts";

const LB = "k8s-front-0123.elb.eu-west-1.amazonaws.com";
const NGINX = { "app.kubernetes.io/name": "ingress-nginx" };
const listening = (...ports: number[]) => ({ ports: ports.map((containerPort) => ({ containerPort })) });
const front = (spec: object, ingress: object) => ({
  ...service("edge/ingress-nginx-controller", {
    type: "LoadBalancer",
    clusterIP: "10.96.0.50",
    selector: NGINX,
    ports: [{ name: "https", port: 443, targetPort: 8443, nodePort: 30443 }],
    ...spec,
  }),
  metadata: { name: "ingress-nginx-controller", namespace: "edge", labels: NGINX },
  status: { loadBalancer: { ingress: [ingress] } },
});
const cluster = (spec: object = {}, ingress: object = { hostname: LB }) => [
  ...[1, 2].map((i) => ({ ...node(`node-${i}`, `172.18.0.${i}`), spec: { podCIDR: `10.244.${i}.0/24` } })),
  pod("edge/controller", NGINX, "10.244.2.80", { node: "node-2", ...listening(8443) }),
  front(spec, ingress),
  pod("shop/web", { app: "web" }, "10.244.1.2", listening(8080)),
  service("shop/web", {
    clusterIP: "10.96.0.60",
    selector: { app: "web" },
    ports: [{ port: 80, targetPort: 8080 }],
  }),
  {
    apiVersion: "networking.k8s.io/v1",
    kind: "Ingress",
    metadata: { name: "shop", namespace: "shop" },
    spec: {
      ingressClassName: "nginx",
      rules: [
        {
          host: "shop.example.com",
          http: {
            paths: [
              { path: "/", pathType: "Prefix", backend: { service: { name: "web", port: { number: 80 } } } },
            ],
          },
        },
      ],
    },
    status: { loadBalancer: { ingress: [{ hostname: LB }] } },
  },
];
const CLIENT = "203.0.113.9";

t.test("a name in the Service's status: to a node's port, the controller, the backend", async (t) => {
  const found = await through(cluster(), CLIENT, "https://shop.example.com/");
  t.match(found, { verdict: "allow", to: { id: "shop/web", port: 8080 } });
  t.match(
    found.hops.filter((h) => h.layer === "service").map((h) => h.what),
    [
      /is the balancer of Service edge\/ingress-nginx-controller: it passes the connection on to node-1, port 30443/,
      /edge\/controller/,
      /edge\/controller connects to shop\/web/,
    ],
  );
  t.ok(found.notes.some((n) => n.code === "assumed" && n.text.includes("load balancer")));
  t.notOk(
    found.notes.some((n) => n.code === "proxy-unknown"),
    "the controller's pods are known",
  );
  const named = await through(cluster(), CLIENT, `${LB}:443`);
  t.match(
    named,
    { verdict: "allow", to: { id: "edge/controller", port: 8443 } },
    "by the balancer's own name",
  );
  const closed = networkPolicy("edge/closed", { podSelector: {}, policyTypes: ["Ingress"] });
  t.match(await through([...cluster(), closed], CLIENT, "https://shop.example.com/"), {
    verdict: "deny",
    reason: "ingress-denied",
    to: { id: "edge/controller" },
  });
});

t.test("policy Local: a node that has an endpoint, and the client's own address", async (t) => {
  const found = await through(
    cluster({ externalTrafficPolicy: "Local" }),
    CLIENT,
    "https://shop.example.com/",
  );
  t.match(found, { verdict: "allow" });
  t.match(at(found, "service")?.what, /passes the connection on to node-2, port 30443/);
  t.match(at(found, "policy", "ingress"), { details: { subject: "edge/controller", peer: CLIENT } });
});

t.test("an address with ipMode Proxy", async (t) => {
  const proxy = { ip: "198.51.100.77", ipMode: "Proxy" };
  const found = await through(cluster({}, proxy), CLIENT, "198.51.100.77:443");
  t.match(found, { verdict: "allow", to: { id: "edge/controller" } });
  t.match(at(found, "service")?.what, /198\.51\.100\.77:443\/TCP is the balancer of/);
  t.match(
    await through(cluster({}, proxy), CLIENT, "198.51.100.77:80"),
    { to: { id: "198.51.100.77" } },
    "no such port",
  );
});
