import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { netsim } from "../cli/support.ts";

const MANIFESTS = `
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: canary, namespace: shop}
spec: {ports: [{port: 80}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: edge, namespace: shop}
spec:
  gatewayClassName: any
  listeners:
    - {name: web, port: 80, protocol: HTTP, hostname: "*.example.com"}
    - {name: tls, port: 443, protocol: HTTPS, hostname: shop.example.com, tls: {certificateRefs: [{name: cert}]}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: shop, namespace: shop}
spec:
  parentRefs: [{name: edge}]
  hostnames: [shop.example.com]
  rules:
    - matches: [{path: {type: PathPrefix, value: /api}}]
      filters:
        - {type: URLRewrite, urlRewrite: {hostname: web.internal, path: {type: ReplacePrefixMatch, replacePrefixMatch: /v1}}}
        - {type: RequestHeaderModifier, requestHeaderModifier: {add: [{name: X-Team, value: b}], remove: [Cookie]}}
      backendRefs: [{name: web, port: 80, weight: 3}, {name: canary, port: 80, weight: 1}]
    - matches: [{path: {type: PathPrefix, value: /api}, method: DELETE}]
      filters: [{type: RequestRedirect, requestRedirect: {scheme: https, statusCode: 301}}]
    - matches: [{path: {value: /gone}}]
      backendRefs: [{name: nobody, port: 80}]
`;

interface Routed {
  readonly status: number;
  readonly backend: unknown;
  readonly redirect: { readonly location: string } | null;
  readonly rule: { readonly object: string; readonly file: string; readonly line: number } | null;
}

t.test("netsim route: the contract's fields", async (t) => {
  const dir = mkdtempSync(join(tmpdir(), "netsim-route-"));
  t.teardown(() => rmSync(dir, { recursive: true }));
  const file = join(dir, "edge.yaml");
  writeFileSync(file, MANIFESTS);
  const route = (...args: string[]): Routed => {
    const { stdout, stderr, status } = netsim(["route", file, "--gateway", "shop/edge", "--json", ...args]);
    t.equal(status, 0, stderr);
    return JSON.parse(stdout) as Routed;
  };
  const shop = ["--host", "shop.example.com"];
  t.match(route(...shop, "--path", "/api/x?q=1", "--header", "X-Team: a", "--header", "cookie: c"), {
    status: 200,
    backend: { namespace: "shop", service: "web", port: 80 },
    path: "/v1/x?q=1",
    host: "web.internal",
    requestHeaders: { "X-Team": "a,b" },
    redirect: null,
    mirrors: [],
    weights: { web: 0.75, canary: 0.25 },
    rule: { object: "HTTPRoute shop/shop", file, line: 28 },
  });
  const gone = route(...shop, "--path", "/api", "--method", "DELETE");
  t.equal(gone.status, 301, "a method is more specific than none");
  t.equal(gone.redirect?.location, "https://shop.example.com/api");
  t.match(route(...shop, "--path", "/gone"), { status: 500, backend: null });
  t.match(route("--host", "example.com", "--path", "/api"), { status: 404, rule: null });
  const other = netsim([
    "route",
    file,
    "--gateway",
    "shop/edge#tls",
    "--json",
    "--host",
    "other.example.com",
  ]);
  t.match(JSON.parse(other.stdout), { status: 0 }, "no certificate for the name");
  const wrong = netsim(["route", file, "--gateway", "shop/none"]);
  t.equal(wrong.status, 2);
  t.match(wrong.stderr, "shop/edge");

  const { stdout } = netsim(["route", file, "--status"]);
  t.match(stdout, "Gateway shop/edge web: Accepted, ResolvedRefs, 1 routes attached");
  t.match(stdout, "HTTPRoute shop/shop at Gateway shop/edge: Accepted, not ResolvedRefs: BackendNotFound");
});
