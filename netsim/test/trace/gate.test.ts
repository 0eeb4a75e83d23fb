/** Requests that come in through an Ingress controller: from the name outside to the backend's pods. */
import t from "tap";
import { networkPolicy } from "../policy/make.ts";
import { ask, backend, FRONT, ingress, l7, last, PATHS } from "./edge.ts";

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
