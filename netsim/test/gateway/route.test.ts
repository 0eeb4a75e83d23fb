/** What a Gateway makes of requests, on manifests of our own: the suite's cases are not part of this repository. */
import t from "tap";
import { gatewaysOf } from "../../src/gateway/listeners.ts";
import { byWeight, changeHeaders } from "../../src/gateway/request.ts";
import type { Answer, GatewayRequest, Pick } from "../../src/gateway/request.ts";
import { createGatewayTable } from "../../src/gateway/route.ts";
import { cluster, gateway, listener, route } from "./status-support.ts";
import type { Fields } from "./status-support.ts";

const SERVICES = ["one", "two", "three"].map((name) => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name, namespace: "shop" },
  spec: { ports: [{ name: "tcp", port: 80 }] },
}));
const to = (name: string, more: Fields = {}) => ({ name, port: 80, ...more });
const HTTP = [listener("web", 80, "HTTP")];

type Ask = (path: string, more?: Partial<GatewayRequest>, port?: number, pick?: Pick) => Answer;

function asker(listeners: readonly Fields[], ...objects: object[]): Ask {
  const c = cluster(...SERVICES, gateway(listeners), ...objects);
  const [edge] = gatewaysOf(c);
  if (edge === undefined) throw new Error("no Gateway");
  const table = createGatewayTable(c, edge);
  return (path, more = {}, port = 80, pick) =>
    table.route(
      { host: "a.example.com", path, method: "GET", headers: {}, scheme: "http", ...more },
      port,
      pick,
    );
}
const toService = (answer: Answer): string | number => answer.backend?.service ?? answer.status;

t.test("which rule wins: path, method, headers, parameters, then the older route", (t) => {
  const rules = [
    { matches: [{ path: { value: "/" } }], backendRefs: [to("one")] },
    { matches: [{ path: { type: "PathPrefix", value: "/foo" } }], backendRefs: [to("two")] },
    { matches: [{ path: { type: "Exact", value: "/foo" } }], backendRefs: [to("three")] },
    { matches: [{ path: { value: "/foo" }, method: "POST" }], backendRefs: [to("one")] },
    {
      matches: [{ path: { value: "/foo" }, headers: [{ name: "X-A", value: "1" }] }],
      backendRefs: [to("three")],
    },
    {
      matches: [
        { path: { value: "/foo" }, queryParams: [{ name: "q", value: "[0-9]+", type: "RegularExpression" }] },
      ],
      backendRefs: [to("three")],
    },
  ];
  const ask = asker(HTTP, route("web", { rules }));
  t.equal(toService(ask("/x")), "one");
  t.equal(toService(ask("/foo")), "three", "exact");
  t.equal(toService(ask("/foo/x")), "two", "the longer prefix");
  t.equal(toService(ask("/foobar")), "one", "prefixes are whole elements");
  t.equal(toService(ask("/foo/x", { method: "POST" })), "one", "a method");
  t.equal(toService(ask("/foo/x", { method: "POST", headers: { "x-a": "1" } })), "one", "before headers");
  t.equal(toService(ask("/foo/x", { headers: { "x-a": "1" } })), "three");
  t.equal(toService(ask("/foo/x?q=12")), "three");
  t.equal(toService(ask("/foo/x?q=1x")), "two", "expressions are for all of the value");

  const rule = (name: string) => ({ rules: [{ backendRefs: [to(name)] }] });
  const aged = (name: string, backend: string, year: string) => {
    const made = route(name, rule(backend));
    return { ...made, metadata: { ...made.metadata, creationTimestamp: `${year}-01-01T00:00:00Z` } };
  };
  t.equal(
    toService(asker(HTTP, aged("a", "one", "2026"), aged("b", "two", "2025"))("/")),
    "two",
    "the older",
  );
  t.equal(toService(asker(HTTP, route("b", rule("two")), route("a", rule("one")))("/")), "one", "by name");
  t.end();
});

t.test("hosts: the most specific listener alone, then the most specific name of a route", (t) => {
  const at = (name: string, backend: string, hostnames: string[]) =>
    route(name, {
      parentRefs: [{ name: "edge", sectionName: name }],
      hostnames,
      rules: [{ matches: [{ path: { value: `/${name}` } }], backendRefs: [to(backend)] }],
    });
  const ask = asker(
    [
      listener("any", 80, "HTTP"),
      listener("wild", 80, "HTTP", { hostname: "*.example.com" }),
      listener("foo", 80, "HTTP", { hostname: "foo.example.com" }),
    ],
    at("any", "one", []),
    at("wild", "two", []),
    at("foo", "three", []),
  );
  t.equal(toService(ask("/foo", { host: "foo.example.com" })), "three");
  t.equal(toService(ask("/wild", { host: "foo.example.com" })), 404, "listeners are isolated");
  t.equal(toService(ask("/wild", { host: "a.b.example.com:8080" })), "two", "any number of labels, a port");
  t.equal(toService(ask("/any", { host: "example.com" })), "one");

  const tls = (name: string, hostname: string) =>
    listener(name, 443, "HTTPS", { hostname, tls: { certificateRefs: [{ name: "c" }] } });
  const secure = asker(
    [tls("a", "a.example.com"), tls("rest", "*.example.com")],
    route("web", { rules: [{ backendRefs: [to("one")] }] }),
  );
  const request = (host: string, sni: string): Answer => secure("/", { host, sni, scheme: "https" }, 443);
  t.equal(toService(request("a.example.com", "a.example.com")), "one");
  t.equal(toService(request("b.example.com", "a.example.com")), 421, "the connection is another listener's");
  t.equal(toService(request("b.example.com", "c.example.com")), "one");
  t.equal(toService(request("x.org", "x.org")), 0, "no certificate, no connection");
  t.end();
});

t.test("redirects and rewrites", (t) => {
  const by = (filter: Fields, more: Partial<GatewayRequest> = {}, port = 80, prefix = "/p"): Answer =>
    asker(
      [listener("web", 80, "HTTP"), listener("alt", 8080, "HTTP")],
      route("web", {
        rules: [{ matches: [{ path: { value: prefix } }], filters: [filter], backendRefs: [to("one")] }],
      }),
    )("/p/x?q=1", more, port);
  const redirect = (requestRedirect: Fields, port = 80): string | undefined =>
    by({ type: "RequestRedirect", requestRedirect }, {}, port).redirect?.location;
  t.equal(redirect({ hostname: "b.org" }), "http://b.org/p/x?q=1");
  t.equal(redirect({ scheme: "https" }), "https://a.example.com/p/x?q=1");
  t.equal(redirect({ scheme: "https" }, 8080), "https://a.example.com/p/x?q=1", "the scheme's own port");
  t.equal(redirect({ hostname: "b.org" }, 8080), "http://b.org:8080/p/x?q=1", "else the listener's");
  t.equal(redirect({ port: 8443, scheme: "https" }), "https://a.example.com:8443/p/x?q=1");
  t.equal(
    redirect({ path: { type: "ReplaceFullPath", replaceFullPath: "/n" } }),
    "http://a.example.com/n?q=1",
  );
  t.equal(
    redirect({ path: { type: "ReplacePrefixMatch", replacePrefixMatch: "/n/" } }),
    "http://a.example.com/n/x?q=1",
  );
  const status = { type: "RequestRedirect", requestRedirect: { statusCode: 308 } };
  t.equal(by(status).status, 308);
  t.equal(
    by({ type: "RequestRedirect", requestRedirect: { statusCode: 418 } }).status,
    500,
    "no such redirect",
  );

  const rewrite = (replacePrefixMatch: string, prefix = "/p"): string =>
    by(
      { type: "URLRewrite", urlRewrite: { path: { type: "ReplacePrefixMatch", replacePrefixMatch } } },
      {},
      80,
      prefix,
    ).path;
  t.equal(rewrite("/"), "/x?q=1");
  t.equal(rewrite("/new"), "/new/x?q=1");
  t.equal(rewrite("/new/", "/p/"), "/new/x?q=1");
  t.equal(rewrite("", "/p/x"), "/?q=1", "never nothing");
  t.equal(by({ type: "URLRewrite", urlRewrite: { hostname: "in.example" } }).host, "in.example");
  t.end();
});

t.test("headers, mirrors, shares, timeouts, retries", (t) => {
  const ask = asker(
    HTTP,
    route("web", {
      rules: [
        {
          filters: [
            {
              type: "RequestHeaderModifier",
              requestHeaderModifier: {
                set: [{ name: "X-Set", value: "s" }],
                add: [{ name: "x-add", value: "b" }],
                remove: ["x-gone"],
              },
            },
            {
              type: "ResponseHeaderModifier",
              responseHeaderModifier: { add: [{ name: "X-Out", value: "2" }] },
            },
            { type: "RequestMirror", requestMirror: { backendRef: to("two"), percent: 20 } },
            {
              type: "RequestMirror",
              requestMirror: { backendRef: to("three"), fraction: { numerator: 1, denominator: 200 } },
            },
          ],
          timeouts: { request: "1m30s", backendRequest: "500ms" },
          retry: { codes: [503], attempts: 3, backoff: "100ms" },
          backendRefs: [to("one", { weight: 8 }), to("two", { weight: 2 }), to("nobody", { weight: 0 })],
        },
      ],
    }),
  );
  const answer = ask("/", { headers: { "X-Add": "a", "X-Gone": "x", "x-set": "old" } });
  t.same(answer.requestHeaders, { "X-Add": "a,b", "X-Set": "s" });
  t.same(changeHeaders({ "x-out": "1" }, answer.responseChanges), { "x-out": "1,2" });
  t.same(
    answer.mirrors.map(({ service, percent }) => [service, percent]),
    [
      ["two", 20],
      ["three", 0.5],
    ],
  );
  t.same(answer.weights, { one: 0.8, two: 0.2, nobody: 0 });
  t.same(answer.timeouts, { request: 90_000, backendRequest: 500 });
  t.same(answer.retry, { codes: [503], attempts: 3, backoff: 100 });
  const picks = [0, 0.79, 0.81, 0.99].map((n) =>
    toService(
      ask(
        "/",
        {},
        80,
        byWeight(() => n),
      ),
    ),
  );
  t.same(picks, ["one", "one", "two", "two"]);

  const partly = asker(HTTP, route("web", { rules: [{ backendRefs: [to("one"), to("nobody")] }] }));
  const shares = [0.1, 0.9].map((n) =>
    toService(
      partly(
        "/",
        {},
        80,
        byWeight(() => n),
      ),
    ),
  );
  t.same(shares, ["one", 500], "a share for a backend that is not there is a share of errors");
  t.equal(toService(asker(HTTP, route("web", { rules: [{}] }))("/")), 500, "no backend at all");
  t.end();
});

t.test("CORS: preflights are answered, origins and methods as asked", (t) => {
  const by = (cors: Fields) =>
    asker(HTTP, route("web", { rules: [{ filters: [{ type: "CORS", cors }], backendRefs: [to("one")] }] }));
  const preflight = (origin: string) => ({
    method: "OPTIONS",
    headers: {
      Origin: origin,
      "Access-Control-Request-Method": "PUT",
      "Access-Control-Request-Headers": "x-a",
    },
  });
  const headersOf = (answer: Answer) => changeHeaders({}, answer.responseChanges);
  const some = by({
    allowOrigins: ["https://*.example.com", "http://b.org:80"],
    allowMethods: ["GET", "PUT"],
    allowHeaders: ["*"],
    exposeHeaders: ["*"],
    allowCredentials: true,
    maxAge: 60,
  });
  const answer = some("/", preflight("https://x.y.example.com"));
  t.match(answer, { status: 204, backend: null });
  t.same(headersOf(answer), {
    "access-control-allow-origin": "https://x.y.example.com",
    "access-control-allow-credentials": "true",
    "access-control-allow-methods": "GET, PUT",
    "access-control-allow-headers": "x-a",
    "access-control-max-age": "60",
  });
  t.same(headersOf(some("/", preflight("https://example.com"))), {}, "the name itself is not below it");
  t.same(headersOf(some("/", preflight("http://x.example.com"))), {}, "another scheme");
  t.match(headersOf(some("/", preflight("http://b.org"))), { "access-control-allow-origin": "http://b.org" });
  const plain = some("/", { headers: { Origin: "https://x.example.com" } });
  t.equal(toService(plain), "one", "a request of its own goes on");
  t.equal(headersOf(plain)["access-control-allow-origin"], "https://x.example.com");
  const open = by({ allowOrigins: ["*"], exposeHeaders: ["*"] })("/", {
    headers: { Origin: "http://c.org" },
  });
  t.match(headersOf(open), { "access-control-expose-headers": "*" });
  t.end();
});

t.test("references into other namespaces need a grant there", (t) => {
  const far = { ...SERVICES[0], metadata: { name: "one", namespace: "far" } };
  const grant = (spec: Fields) => ({
    apiVersion: "gateway.networking.k8s.io/v1",
    kind: "ReferenceGrant",
    metadata: { name: "g", namespace: "far" },
    spec: {
      from: [{ group: "gateway.networking.k8s.io", kind: "HTTPRoute", namespace: "shop" }],
      to: [{ group: "", kind: "Service" }],
      ...spec,
    },
  });
  const web = route("web", { rules: [{ backendRefs: [to("one", { namespace: "far" })] }] });
  const of = (...objects: object[]): string | number => toService(asker(HTTP, far, web, ...objects)("/"));
  t.equal(of(), 500);
  t.equal(of(grant({})), "one");
  t.equal(of(grant({ to: [{ group: "", kind: "Service", name: "two" }] })), 500, "another name");
  t.equal(
    of(grant({ from: [{ group: "gateway.networking.k8s.io", kind: "GRPCRoute", namespace: "shop" }] })),
    500,
  );
  t.equal(of(grant({ to: [{ group: "", kind: "Secret" }] })), 500, "another kind");
  t.end();
});
