/** Requests that come in through an Ingress controller or a Gateway: from the name outside to the backend's pods. */
import t from "tap";
import type { TraceOptions } from "../../src/trace/trace.ts";
import type { Trace } from "../../src/trace/types.ts";
import { networkPolicy, node, pod, service } from "../policy/make.ts";
import { through } from "./support.ts";

const NGINX = { "app.kubernetes.io/name": "ingress-nginx" };
const FRONT = "198.51.100.9";
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
const backend = (name: string, number = 80) => ({ service: { name, port: { number } } });
const ingress = (paths: object[], more: object = {}, annotations: object = {}) => ({
  apiVersion: "networking.k8s.io/v1",
  kind: "Ingress",
  metadata: { name: "shop", namespace: "shop", annotations },
  spec: {
    ingressClassName: "nginx",
    rules: [{ host: "shop.example.com", http: { paths: paths.map((p) => ({ pathType: "Prefix", ...p })) } }],
    ...more,
  },
});
const PATHS = [
  { path: "/cart", backend: backend("cart") },
  { path: "/api", backend: backend("api", 9000) },
  { path: "/empty", backend: backend("empty") },
  { path: "/missing", backend: backend("missing") },
];
const ask = (to: string, more: object[], from = "203.0.113.9", options: TraceOptions = {}): Promise<Trace> =>
  through([...cluster, ...more], from, to, options);
const l7 = ({ hops }: Trace) => hops.filter((h) => h.layer === "l7");
const last = ({ hops }: Trace) => hops.at(-1);

t.test("an Ingress, from outside", async (t) => {
  const found = await ask("http://shop.example.com/cart/items", [ingress(PATHS)]);
  t.match(found, { verdict: "allow", reason: "allowed", to: { id: "shop/cart-1", port: 8080 } });
  t.same(found.lookup?.result.addresses, [FRONT], "the world's DNS knows the balancer");
  t.same(
    found.hops.map((h) => h.layer),
    ["dns", "dns", "dns", "service", "route", "policy", "l7", "service", "policy", "route", "policy"],
  );
  t.match(l7(found), [
    {
      object: "Ingress shop/shop",
      rule: "Prefix /cart",
      details: { backend: { namespace: "shop", service: "cart", port: 80 } },
    },
  ]);
  t.match(last(found), { details: { subject: "shop/cart-1", peer: "edge/controller", port: 8080 } });
  const direct = await ask(`http://${FRONT}/cart`, [
    ingress(PATHS, {
      rules: [{ http: { paths: [{ path: "/", pathType: "Prefix", backend: backend("cart") }] } }],
    }),
  ]);
  t.match(direct, { verdict: "allow", to: { id: "shop/cart-1" } }, "by the balancer's address");
  t.match(
    await ask("http://shop.example.com/api", [ingress(PATHS)]),
    { to: { id: "shop/api", port: 9000 } },
    "a headless backend",
  );
  t.match(await ask("http://shop.example.com/empty", [ingress(PATHS)]), {
    verdict: "reject",
    reason: "no-endpoints",
    remedy: { object: "Service shop/empty" },
  });
  t.match(await ask("http://shop.example.com/missing", [ingress(PATHS)]), {
    verdict: "reject",
    reason: "backend-missing",
  });
  t.match(await ask("http://shop.example.com/nothing", [ingress(PATHS)]), {
    verdict: "reject",
    reason: "no-route",
  });
  t.match(
    await ask("http://other.example.com/cart", [ingress(PATHS)]),
    { to: { id: /^203\.0\.113\./ } },
    "another host is another place",
  );
});

t.test("from a pod: the search list, then out and in again", async (t) => {
  const found = await ask("http://shop.example.com/cart", [ingress(PATHS)], "shop/client");
  t.match(found, { verdict: "allow", to: { id: "shop/cart-1" } });
  t.ok(found.notes.some((n) => n.code === "needless-queries"));
  const closed = networkPolicy("shop/out", {
    podSelector: { matchLabels: { app: "client" } },
    egress: [{ ports: [{ port: 53, protocol: "UDP" }] }, { to: [{ podSelector: {} }] }],
  });
  const denied = await ask("http://shop.example.com/cart", [ingress(PATHS), closed], "shop/client");
  t.match(
    denied,
    { verdict: "deny", reason: "egress-denied" },
    "the backend's namespace is allowed, the controller's is not",
  );
  t.match(last(denied), { details: { peer: "edge/controller" } });
  t.match(
    await ask(
      "http://cart.shop/",
      [
        ingress([{ path: "/", backend: backend("api", 9000) }], {
          rules: undefined,
          defaultBackend: backend("api", 9000),
        }),
      ],
      "shop/client",
    ),
    {
      to: { id: "shop/cart-1" },
    },
    "a Service's own name goes through no Ingress",
  );
});

t.test("policy between the controller and the backend", async (t) => {
  const only = (from: object) =>
    networkPolicy("shop/cart", {
      podSelector: { matchLabels: { app: "cart" } },
      ingress: [{ from: [from] }],
    });
  const denied = await ask("http://shop.example.com/cart", [ingress(PATHS), only({ podSelector: {} })]);
  t.match(denied, {
    verdict: "deny",
    reason: "ingress-denied",
    remedy: { object: "NetworkPolicy shop/cart" },
  });
  t.match(
    denied.remedy?.change,
    /kubernetes\.io\/metadata\.name: edge/,
    "the controller's namespace is what is missing",
  );
  const world = await ask("http://shop.example.com/cart", [
    ingress(PATHS),
    only({ ipBlock: { cidr: "203.0.113.0/24" } }),
  ]);
  t.match(world, { verdict: "deny" }, "the client's address is not what the backend sees");
  const edge = { namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "edge" } } };
  t.match(await ask("http://shop.example.com/cart", [ingress(PATHS), only(edge)]), { verdict: "allow" });
  const egress = networkPolicy("edge/out", { podSelector: {}, policyTypes: ["Egress"] });
  t.match(await ask("http://shop.example.com/cart", [ingress(PATHS), egress]), {
    verdict: "deny",
    reason: "egress-denied",
  });
});

t.test("redirects", async (t) => {
  const tls = { tls: [{ hosts: ["shop.example.com"] }] };
  const found = await ask("http://shop.example.com/cart", [ingress(PATHS, tls)]);
  t.match(found, { verdict: "allow", to: { id: "shop/cart-1" } });
  t.match(l7(found), [{ what: /308.*https:\/\/shop\.example\.com\/cart/ }, { what: /sends GET \/cart/ }]);
  const nginx = "nginx.ingress.kubernetes.io/";
  const circle = { [`${nginx}permanent-redirect`]: "http://shop.example.com/cart" };
  t.match(await ask("http://shop.example.com/cart", [ingress(PATHS, {}, circle)]), {
    verdict: "reject",
    reason: "redirect-loop",
  });
  const away = { [`${nginx}permanent-redirect`]: "https://elsewhere.example.net/" };
  const gone = await ask("http://shop.example.com/cart", [ingress(PATHS, {}, away)]);
  t.match(gone, { verdict: "allow" });
  t.ok(gone.notes.some((n) => n.code === "redirected-elsewhere"));
});

t.test("a Gateway", async (t) => {
  const gateway = (listener: object) => ({
    apiVersion: "gateway.networking.k8s.io/v1",
    kind: "Gateway",
    metadata: { name: "front", namespace: "shop" },
    spec: { gatewayClassName: "any", listeners: [{ name: "l", port: 80, protocol: "HTTP", ...listener }] },
    status: { addresses: [{ value: "198.51.100.20" }] },
  });
  const route = (rules: object[]) => ({
    apiVersion: "gateway.networking.k8s.io/v1",
    kind: "HTTPRoute",
    metadata: { name: "r", namespace: "shop" },
    spec: { parentRefs: [{ name: "front" }], hostnames: ["shop.example.com"], rules },
  });
  const split = {
    backendRefs: [
      { name: "cart", port: 80, weight: 90 },
      { name: "empty", port: 80, weight: 10 },
    ],
  };
  const api = {
    matches: [{ path: { type: "PathPrefix", value: "/v2" } }],
    filters: [
      { type: "URLRewrite", urlRewrite: { path: { type: "ReplacePrefixMatch", replacePrefixMatch: "/" } } },
    ],
    backendRefs: [{ name: "api", port: 9000 }],
  };
  const objects = [gateway({}), route([split, api])];
  const found = await ask("http://shop.example.com/", objects);
  t.match(found, { verdict: "allow", to: { id: "shop/cart-1" } });
  t.same(found.lookup?.result.addresses, ["198.51.100.20"]);
  t.match(l7(found), [
    { object: "HTTPRoute shop/r", rule: "every request", what: /Gateway shop\/front.*90 %/ },
  ]);
  t.ok(
    found.notes.some((n) => n.code === "proxy-unknown"),
    "no proxy's pods in the input: said so",
  );
  const rewritten = await ask("http://shop.example.com/v2/things", objects);
  t.match(rewritten, { to: { id: "shop/api" } });
  t.match(l7(rewritten), [{ rule: "PathPrefix /v2", what: /as \/things/ }]);
  const canary = {
    matches: [{ headers: [{ name: "X-Canary", value: "true" }] }],
    backendRefs: [{ name: "api", port: 9000 }],
  };
  const chosen = (headers: Record<string, string>) =>
    ask("http://shop.example.com/", [gateway({}), route([split, canary])], "203.0.113.9", { headers });
  t.match(await chosen({ "x-canary": "true" }), { to: { id: "shop/api" } }, "by a header");
  t.match(await chosen({ "x-canary": "false" }), { to: { id: "shop/cart-1" } });
  const cilium = {
    apiVersion: "cilium.io/v2",
    kind: "CiliumNetworkPolicy",
    metadata: { name: "http", namespace: "shop" },
    spec: {
      endpointSelector: { matchLabels: { app: "api" } },
      ingress: [
        {
          fromEntities: ["all"],
          toPorts: [
            {
              ports: [{ port: "9000", protocol: "TCP" }],
              rules: { http: [{ method: "GET", path: "/things" }] },
            },
          ],
        },
      ],
    },
  };
  t.match(
    await ask("http://shop.example.com/v2/things", [...objects, cilium]),
    { verdict: "allow" },
    "HTTP rules see the path as it is rewritten",
  );
  t.match(await ask("http://shop.example.com/v2/others", [...objects, cilium]), {
    verdict: "deny",
    reason: "l7-denied",
  });
});

t.test("Cilium's own proxy is known to policies as the entity ingress", async (t) => {
  const objects = [
    {
      apiVersion: "gateway.networking.k8s.io/v1",
      kind: "GatewayClass",
      metadata: { name: "cilium" },
      spec: { controllerName: "io.cilium/gateway-controller" },
    },
    {
      apiVersion: "gateway.networking.k8s.io/v1",
      kind: "Gateway",
      metadata: { name: "front", namespace: "shop" },
      spec: { gatewayClassName: "cilium", listeners: [{ name: "l", port: 80, protocol: "HTTP" }] },
      status: { addresses: [{ value: "198.51.100.20" }] },
    },
    {
      apiVersion: "gateway.networking.k8s.io/v1",
      kind: "HTTPRoute",
      metadata: { name: "r", namespace: "shop" },
      spec: {
        parentRefs: [{ name: "front" }],
        hostnames: ["shop.example.com"],
        rules: [{ backendRefs: [{ name: "cart", port: 80 }] }],
      },
    },
  ];
  const from = (peers: object) => ({
    apiVersion: "cilium.io/v2",
    kind: "CiliumNetworkPolicy",
    metadata: { name: "cart", namespace: "shop" },
    spec: { endpointSelector: { matchLabels: { app: "cart" } }, ingress: [peers] },
  });
  const verdict = async (peers: object) =>
    (await ask("http://shop.example.com/", [...objects, from(peers)])).verdict;
  t.equal(await verdict({ fromEntities: ["ingress"] }), "allow");
  t.equal(await verdict({ fromEntities: ["cluster"] }), "allow");
  t.equal(await verdict({ fromEntities: ["world"] }), "deny", "it is not outside");
  t.equal(await verdict({ fromCIDR: ["0.0.0.0/0"] }), "deny", "nor an address");
  t.equal(await verdict({ fromEndpoints: [{}] }), "deny", "nor a pod");
});

t.test("headers are what Cilium's HTTP rules see, too", async (t) => {
  const policy = {
    apiVersion: "cilium.io/v2",
    kind: "CiliumNetworkPolicy",
    metadata: { name: "team", namespace: "shop" },
    spec: {
      endpointSelector: { matchLabels: { app: "cart" } },
      ingress: [
        {
          fromEntities: ["all"],
          toPorts: [
            { ports: [{ port: "8080", protocol: "TCP" }], rules: { http: [{ headers: ["X-Team: shop"] }] } },
          ],
        },
      ],
    },
  };
  const get = (headers: Record<string, string>) =>
    ask("http://cart.shop/", [policy], "shop/client", { headers });
  t.match(await get({ "X-Team": "shop" }), { verdict: "allow" });
  const denied = await get({});
  t.match(denied, { verdict: "deny", reason: "l7-denied" });
  t.match(l7(denied), [{ what: /with X-Team: shop/ }]);
});
