import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import { createIngressTable } from "../../src/gateway/ingress/table.ts";
import type { GatewayRequest } from "../../src/gateway/request.ts";
import { loadObjects } from "../../src/model/load.ts";

const find = (dir: string): string => (existsSync(join(dir, "test/gateway/data")) ? dir : find(dirname(dir)));
const DATA = join(find(dirname(fileURLToPath(import.meta.url))), "test/gateway/data");
const records = <T>(name: string): T[] =>
  readFileSync(join(DATA, name), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as T);

interface PathOf {
  readonly path: string;
  readonly pathType: string;
}

const SERVICE = (name: string) => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name, namespace: "shop" },
  spec: { ports: [{ name: "web", port: 80 }] },
});

interface Options {
  readonly name?: string;
  readonly annotations?: Record<string, string>;
  readonly host?: string;
  readonly spec?: object;
}

/** An Ingress of class `nginx` whose path number i goes to the Service `s<i>`. */
function ingress(
  paths: readonly PathOf[],
  { name = "web", annotations = {}, host, spec = {} }: Options = {},
) {
  const entries = paths.map((path, i) => ({
    ...path,
    backend: { service: { name: `s${i}`, port: { name: "web" } } },
  }));
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "Ingress",
    metadata: { name, namespace: "shop", annotations },
    spec: {
      ingressClassName: "nginx",
      rules: [{ ...(host !== undefined && { host }), http: { paths: entries } }],
      ...spec,
    },
  };
}

const SERVICES = ["s0", "s1", "s2"].map(SERVICE);
const ask = (path: string, more: Partial<GatewayRequest> = {}): GatewayRequest => ({
  host: "shop.example.com",
  path,
  method: "GET",
  headers: {},
  scheme: "http",
  ...more,
});
const table = (...objects: object[]) => createIngressTable(loadObjects([...SERVICES, ...objects]), "nginx");

t.test("path types and wildcard hosts, as documented", async (t) => {
  interface Case {
    readonly id: string;
    readonly paths?: readonly PathOf[];
    readonly ruleHost?: string;
    readonly request: { readonly path: string; readonly host?: string };
    readonly expect: { readonly match: boolean; readonly path?: string | null; readonly pathType?: string };
  }
  for (const { id, paths, ruleHost, request, expect } of records<Case>("ingress-pathtype.jsonl")) {
    const all = paths ?? [{ path: "/", pathType: "Prefix" }];
    const { backend, status } = table(ingress(all, ruleHost === undefined ? {} : { host: ruleHost })).route(
      ask(request.path, { host: request.host ?? "any.example.com" }),
    );
    t.equal(backend !== null, expect.match, id);
    t.equal(status, expect.match ? 200 : 404, id);
    const chosen = all[Number(backend?.service.slice(1) ?? -1)];
    if (expect.path !== undefined) t.equal(chosen?.path ?? null, expect.path, id);
    if (expect.pathType !== undefined) t.equal(chosen?.pathType, expect.pathType, id);
  }
});

t.test("rewrite-target, as nginx does it", async (t) => {
  interface Case extends PathOf {
    readonly id: string;
    readonly rewriteTarget: string;
    readonly request: string;
    readonly expect: { readonly matched: boolean; readonly upstreamPath: string | null };
  }
  for (const c of records<Case>("ingress-nginx-rewrite.jsonl")) {
    const annotations = { "nginx.ingress.kubernetes.io/rewrite-target": c.rewriteTarget };
    const { backend, path } = table(ingress([c], { annotations })).route(ask(c.request));
    t.equal(backend !== null, c.expect.matched, c.id);
    if (c.expect.matched) t.equal(path, c.expect.upstreamPath, c.id);
  }
});

t.test("hosts, classes, TLS and the default backend", async (t) => {
  const root = [{ path: "/", pathType: "Prefix" }];
  const tls = { tls: [{ hosts: ["*.example.com"], secretName: "cert" }] };
  const secured = table(ingress(root, { host: "*.example.com", spec: tls }));
  const { status, redirect } = secured.route(ask("/a?b"));
  t.equal(status, 308);
  t.equal(redirect?.location, "https://shop.example.com/a?b");
  t.equal(secured.route(ask("/", { scheme: "https" })).backend?.service, "s0");
  t.equal(
    secured.route(ask("/", { scheme: "https", host: "a.b.example.com" })).status,
    404,
    "one label only",
  );
  const off = { "nginx.ingress.kubernetes.io/ssl-redirect": "false" };
  t.equal(table(ingress(root, { annotations: off, spec: tls })).route(ask("/")).status, 200);

  const fallback = { rules: [], defaultBackend: { service: { name: "s2", port: { number: 80 } } } };
  t.equal(table(ingress([], { spec: fallback })).route(ask("/x")).backend?.service, "s2");
  t.equal(table(ingress(root, { spec: { ingressClassName: "other" } })).ingresses.length, 0);
  const gone = [{ path: "/", pathType: "Prefix" }];
  t.equal(createIngressTable(loadObjects([ingress(gone)]), "nginx").route(ask("/")).status, 503);
});

t.test("no character of a request or a rewrite is too strange", async (t) => {
  const annotations = { "nginx.ingress.kubernetes.io/rewrite-target": "/é😀/$1" };
  const odd = table(ingress([{ path: "/a/(.*)", pathType: "Prefix" }], { annotations }));
  t.equal(odd.route(ask("/a/%20b%zz?q=%41")).status, 200);
  t.equal(odd.route(ask("/a/x y")).path, "/%C3%A9%F0%9F%98%80/x%20y");
  t.equal(odd.route(ask("/a/\ud800")).path, "/%C3%A9%F0%9F%98%80/%EF%BF%BD");
});
