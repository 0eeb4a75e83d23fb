/** Requests that come in through a Gateway: routes, weights, headers, and whom the backend's policies see. */
import t from "tap";
import { ask, l7 } from "./edge.ts";

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

t.test("TLS that is passed through stays closed to Cilium's HTTP rules", async (t) => {
  const objects = [
    {
      apiVersion: "gateway.networking.k8s.io/v1",
      kind: "Gateway",
      metadata: { name: "front", namespace: "shop" },
      spec: {
        gatewayClassName: "any",
        listeners: [{ name: "tls", port: 443, protocol: "TLS", tls: { mode: "Passthrough" } }],
      },
      status: { addresses: [{ value: "198.51.100.20" }] },
    },
    {
      apiVersion: "gateway.networking.k8s.io/v1alpha2",
      kind: "TLSRoute",
      metadata: { name: "r", namespace: "shop" },
      spec: {
        parentRefs: [{ name: "front" }],
        hostnames: ["shop.example.com"],
        rules: [{ backendRefs: [{ name: "cart", port: 80 }] }],
      },
    },
  ];
  const open = await ask("https://shop.example.com/", objects);
  t.match(open, { verdict: "allow", to: { id: "shop/cart-1" } });
  t.match(l7(open), [{ object: "TLSRoute shop/r" }]);
  const policy = {
    apiVersion: "cilium.io/v2",
    kind: "CiliumNetworkPolicy",
    metadata: { name: "http", namespace: "shop" },
    spec: {
      endpointSelector: { matchLabels: { app: "cart" } },
      ingress: [
        {
          fromEntities: ["all"],
          toPorts: [{ ports: [{ port: "8080", protocol: "TCP" }], rules: { http: [{ method: "GET" }] } }],
        },
      ],
    },
  };
  t.match(await ask("https://shop.example.com/", [...objects, policy]), {
    verdict: "deny",
    reason: "l7-tls",
  });
});
