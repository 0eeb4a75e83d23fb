import t from "tap";
import { createIngressTable } from "../../src/gateway/ingress/table.ts";
import { loadObjects } from "../../src/model/load.ts";
import { SERVICES, asked, ingress } from "./ingress-support.ts";

t.test("ingress-nginx: rewrites, canaries, aliases, redirects", (t) => {
  const N = "nginx.ingress.kubernetes.io";
  const table = (...objects: object[]) =>
    createIngressTable(loadObjects([...SERVICES, ...objects]), "edge", "nginx");
  const guide = table(
    ingress(
      [
        ["/api", "Prefix", "a"],
        ["/", "Prefix", "b"],
      ],
      { annotations: { [`${N}/rewrite-target`]: "/" } },
    ),
  );
  t.equal(guide.route(asked("/api/orders")).path, "/", "all of the path is replaced");
  t.match(guide.route(asked("/apiary")).backend, { service: "a" }, "and expressions are prefixes");
  t.match(
    guide.route(asked("/products")),
    { backend: { service: "b" }, path: "/products" },
    "a path that is the target stays",
  );

  const canary = (annotations: Record<string, string>) =>
    table(
      ingress([["/", "Prefix", "a"]]),
      ingress([["/", "Prefix", "b"]], {
        name: "x",
        annotations: { [`${N}/canary`]: "true", ...annotations },
      }),
    );
  t.same(canary({ [`${N}/canary-weight`]: "20" }).route(asked("/")).weights, { a: 0.8, b: 0.2 });
  t.match(canary({ [`${N}/canary-weight`]: "20" }).route(asked("/"), () => 1).backend, { service: "b" });
  const byHeader = canary({ [`${N}/canary-by-header`]: "x-canary", [`${N}/canary-by-cookie`]: "beta" });
  t.match(byHeader.route(asked("/", { headers: { "X-Canary": "always" } })).backend, { service: "b" });
  t.match(
    byHeader.route(asked("/", { headers: { "X-Canary": "never", Cookie: "beta=always" } })).backend,
    { service: "a" },
    "the header before the cookie",
  );
  t.match(byHeader.route(asked("/", { headers: { Cookie: "x=1; beta=always" } })).backend, { service: "b" });

  const named = table(
    ingress([["/", "Prefix", "a"]], {
      host: "shop.example.com",
      annotations: { [`${N}/server-alias`]: "old.example.com", [`${N}/from-to-www-redirect`]: "true" },
    }),
  );
  t.match(named.route(asked("/", { host: "old.example.com" })).backend, { service: "a" });
  const www = named.route(asked("/x", { host: "www.shop.example.com" }));
  t.match(www, { status: 308, redirect: { location: "http://shop.example.com/x" } });
  const moved = table(
    ingress([["/", "Prefix", "a"]], {
      annotations: {
        [`${N}/permanent-redirect`]: "https://new.example.com/",
        [`${N}/permanent-redirect-code`]: "308",
      },
    }),
  );
  t.match(moved.route(asked("/")), { status: 308, redirect: { host: "new.example.com" } });
  t.end();
});

t.test("Traefik: priorities, entry points, middlewares", (t) => {
  const T = "traefik.ingress.kubernetes.io";
  const middleware = (spec: object) => ({
    apiVersion: "traefik.io/v1alpha1",
    kind: "Middleware",
    metadata: { name: "m", namespace: "shop" },
    spec,
  });
  const table = (...objects: object[]) =>
    createIngressTable(loadObjects([...SERVICES, ...objects]), "edge", "traefik");
  const first = table(
    ingress([["/", "Prefix", "a"]], { annotations: { [`${T}/router.priority`]: "100" } }),
    ingress([["/very/long/path", "Prefix", "b"]], { name: "z" }),
  );
  t.match(first.route(asked("/very/long/path")).backend, { service: "a" }, "priority before length");
  t.match(first.route(asked("/")).notes, ['router rule PathPrefix("/"), priority 100']);
  const secure = table(
    ingress([["/", "Prefix", "a"]], { annotations: { [`${T}/router.entrypoints`]: "websecure" } }),
  );
  t.equal(secure.route(asked("/")).status, 404);
  t.equal(secure.route(asked("/", { scheme: "https" })).status, 200);
  const applied = (spec: object, request = asked("/api/x?q=1")) =>
    table(
      middleware(spec),
      ingress([["/api", "Prefix", "a"]], {
        annotations: { [`${T}/router.middlewares`]: "shop-m@kubernetescrd" },
      }),
    ).route(request);
  t.equal(applied({ addPrefix: { prefix: "/v2" } }).path, "/v2/api/x?q=1");
  t.equal(applied({ replacePath: { path: "/new" } }).path, "/new?q=1");
  t.equal(applied({ replacePathRegex: { regex: "^/api/(.*)", replacement: "/r/$1" } }).path, "/r/x?q=1");
  t.equal(applied({ stripPrefixRegex: { regex: ["/[a-z]+"] } }).path, "/x?q=1");
  t.match(applied({ stripPrefix: { prefixes: ["/api"] } }).requestHeaders, { "X-Forwarded-Prefix": "/api" });
  t.match(applied({ redirectScheme: { scheme: "https", permanent: true } }), {
    status: 301,
    redirect: { location: "https://shop.example.com/api/x?q=1" },
  });
  t.equal(applied({ redirectScheme: { scheme: "https" } }, asked("/api", { method: "POST" })).status, 307);
  t.match(
    applied(
      { headers: { customRequestHeaders: { "X-A": "1", Accept: "" } } },
      asked("/api", { headers: { accept: "x" } }),
    ),
    {
      requestHeaders: { "X-A": "1" },
    },
  );
  const missing = table(
    ingress([["/", "Prefix", "a"]], {
      annotations: { [`${T}/router.middlewares`]: "shop-no@kubernetescrd" },
    }),
  );
  t.equal(missing.route(asked("/")).status, 404);
  t.end();
});

t.test("HAProxy and Contour: their own annotations", (t) => {
  const cluster = (annotations: Record<string, string>, spec: object = {}) =>
    loadObjects([
      ...SERVICES,
      ingress([["/", "Prefix", "a"]], { host: "shop.example.com", annotations, spec }),
    ]);
  const haproxy = (annotations: Record<string, string>, request = asked("/x")) =>
    createIngressTable(cluster(annotations), "edge", "haproxy").route(request);
  t.equal(haproxy({ "haproxy.org/path-rewrite": "/" }).path, "/");
  t.equal(haproxy({ "haproxy.org/path-rewrite": "(.*) /foo\\1" }, asked("/bar?q=1")).path, "/foo/bar?q=1");
  t.equal(haproxy({ "haproxy.org/set-host": "in.example" }).host, "in.example");
  t.match(haproxy({ "haproxy.org/request-set-header": 'A one\nB "two words"' }).requestHeaders, {
    A: "one",
    B: "two words",
  });
  t.match(
    haproxy({
      "haproxy.org/ssl-redirect": "true",
      "haproxy.org/ssl-redirect-code": "301",
      "haproxy.org/ssl-redirect-port": "443",
    }),
    {
      status: 301,
      redirect: { location: "https://shop.example.com:443/x" },
    },
  );
  t.match(haproxy({ "haproxy.org/request-redirect": "new.example.com:8888" }), {
    status: 302,
    redirect: { location: "http://new.example.com:8888/x" },
  });

  const tls = { tls: [{ hosts: ["shop.example.com"], secretName: "cert" }] };
  const contour = (annotations: Record<string, string>, request = asked("/")) =>
    createIngressTable(cluster(annotations, tls), "edge", "contour").route(request);
  t.equal(contour({}).timeouts.request, 15_000, "Envoy's own 15 seconds");
  t.equal(contour({ "projectcontour.io/response-timeout": "1m30s" }).timeouts.request, 90_000);
  t.equal(contour({ "ingress.kubernetes.io/force-ssl-redirect": "true" }).status, 301);
  t.equal(contour({ "kubernetes.io/ingress.allow-http": "false" }).status, 404);
  t.equal(
    contour({ "kubernetes.io/ingress.allow-http": "false" }, asked("/", { scheme: "https" })).status,
    200,
  );
  const socket = asked("/", { headers: { Upgrade: "websocket" } });
  t.equal(contour({}, socket).status, 403);
  t.equal(contour({ "projectcontour.io/websocket-routes": "/" }, socket).status, 200);
  t.match(
    contour({ "projectcontour.io/tls-minimum-protocol-version": "1.3" }, asked("/", { scheme: "https" }))
      .notes,
    ["TLS 1.3 or later"],
  );
  t.same(
    contour({ "projectcontour.io/retry-on": "5xx", "projectcontour.io/num-retries": "3" }).retry?.attempts,
    3,
  );
  t.end();
});
