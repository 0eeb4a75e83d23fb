/** The table of path types and the rewrites of a real nginx once more, through the proxy and with curl. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import { loadObjects } from "../../src/model/load.ts";
import { startProxy } from "../../src/proxy/proxy.ts";
import { curl, withoutCurl } from "./curl.ts";
import type { CurlRequest } from "./curl.ts";

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

/** An Ingress whose path number i goes to the Service `s<i>`, and the Services. */
function cluster(paths: readonly PathOf[], host: string | undefined, annotations: Record<string, string>) {
  const entries = paths.map((path, i) => ({
    ...path,
    backend: { service: { name: `s${i}`, port: { number: 80 } } },
  }));
  const services = paths.map((_, i) => ({
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: `s${i}`, namespace: "shop" },
    spec: { ports: [{ port: 80 }] },
  }));
  return loadObjects([
    ...services,
    {
      apiVersion: "networking.k8s.io/v1",
      kind: "Ingress",
      metadata: { name: "web", namespace: "shop", annotations },
      spec: {
        ingressClassName: "nginx",
        rules: [{ ...(host !== undefined && { host }), http: { paths: entries } }],
      },
    },
  ]);
}

const skip = withoutCurl();

t.test("path types, wildcard hosts and rewrites, through the proxy", { skip, timeout: 60_000 }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "netsim-ingress-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const proxies = new Map<string, number>();
  const portFor = async (
    paths: readonly PathOf[],
    host: string | undefined,
    annotations: Record<string, string>,
  ) => {
    const key = JSON.stringify([paths, host, annotations]);
    const known = proxies.get(key);
    if (known !== undefined) return known;
    const proxy = await startProxy(cluster(paths, host, annotations), {
      served: { kind: "ingress", className: "nginx", controller: undefined },
      listen: [{ host: "127.0.0.1", port: 0, gatewayPort: 80 }],
    });
    if (proxy === undefined) throw new Error("no proxy");
    t.teardown(() => proxy.close());
    const port = proxy.addresses[0]?.port ?? 0;
    proxies.set(key, port);
    return port;
  };

  interface Wanted {
    readonly name: string;
    readonly request: CurlRequest;
    readonly service: string | null;
    readonly path?: string;
  }
  const all: Wanted[] = [];
  const add = (
    name: string,
    port: number,
    host: string,
    path: string,
    service: string | null,
    seen?: string,
  ) =>
    all.push({
      name,
      request: { url: `http://127.0.0.1:${port}${path}`, method: "GET", headers: [`Host: ${host}`] },
      service,
      ...(seen !== undefined && { path: seen }),
    });

  interface PathCase {
    readonly id: string;
    readonly paths?: readonly PathOf[];
    readonly ruleHost?: string;
    readonly request: { readonly path: string; readonly host?: string };
    readonly expect: { readonly match: boolean; readonly path?: string | null; readonly pathType?: string };
  }
  for (const {
    id,
    paths = [{ path: "/", pathType: "Prefix" }],
    ruleHost,
    request,
    expect,
  } of records<PathCase>("ingress-pathtype.jsonl")) {
    const index = paths.findIndex(
      (p) =>
        (expect.path === undefined || p.path === expect.path) &&
        (expect.pathType === undefined || p.pathType === expect.pathType),
    );
    const port = await portFor(paths, ruleHost, {});
    add(id, port, request.host ?? "any.example.com", request.path, expect.match ? `s${index}` : null);
  }

  interface RewriteCase extends PathOf {
    readonly id: string;
    readonly rewriteTarget: string;
    readonly request: string;
    readonly expect: { readonly matched: boolean; readonly upstreamPath: string | null };
  }
  for (const c of records<RewriteCase>("ingress-nginx-rewrite.jsonl")) {
    const annotations = { "nginx.ingress.kubernetes.io/rewrite-target": c.rewriteTarget };
    const port = await portFor([{ path: c.path, pathType: c.pathType }], undefined, annotations);
    const seen = c.expect.upstreamPath ?? undefined;
    add(c.id, port, "any.example.com", c.request, c.expect.matched ? "s0" : null, seen);
  }

  t.ok(all.length > 100, `${all.length} requests`);
  const answers = await curl(
    folder,
    all.map(({ request }) => request),
  );
  for (const [i, { name, service, path }] of all.entries()) {
    const answer = answers[i];
    t.equal(answer?.status, service === null ? 404 : 200, name);
    if (service === null || answer?.status !== 200) continue;
    const echo = JSON.parse(answer.body) as { service: string; path: string };
    t.equal(echo.service, service, name);
    if (path !== undefined) t.equal(echo.path, path, name);
  }
});
