import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { netsim } from "../cli/support.ts";
import { edge, route } from "./proxy-support.ts";

const TO = (name: string): string => `    - backendRefs: [{name: ${name}, port: 80}]`;
const MANIFESTS = edge(
  `
{name: web, port: 80, protocol: HTTP}
{name: db, port: 5432, protocol: TCP}
{name: dns, port: 53, protocol: UDP}
{name: pass, port: 443, protocol: TLS, hostname: "*.in.example.com", tls: {mode: Passthrough}}
{name: end, port: 443, protocol: TLS, hostname: out.example.com, tls: {mode: Terminate, certificateRefs: [{name: c}]}}
`,
  [
    route(TO("web")),
    route(
      "    - backendRefs: [{name: web, port: 80, weight: 9}, {name: canary, port: 80, weight: 1}]",
      "TCPRoute",
    ),
    route(TO("canary"), "TCPRoute", "zz-younger"),
    route(TO("canary"), "UDPRoute"),
    route(TO("canary"), "TLSRoute"),
    route(TO("web"), "TLSRoute", "named").replace("  rules:", "  hostnames: [db.in.example.com]\n  rules:"),
    `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, namespace: shop, annotations: {nginx.ingress.kubernetes.io/rewrite-target: /new}}
spec:
  ingressClassName: edge
  rules: [{http: {paths: [{path: /old, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}]
`,
  ].join(""),
);

interface Routed {
  readonly status: number;
  readonly backend: { readonly service: string } | null;
  readonly weights: Record<string, number>;
  readonly path: string;
  readonly notes?: readonly string[];
  readonly rule: { readonly object: string } | null;
  readonly ignored?: readonly string[];
}

t.test("netsim route: connections, files of requests, controllers", (t) => {
  const dir = mkdtempSync(join(tmpdir(), "netsim-route-"));
  t.teardown(() => rmSync(dir, { recursive: true }));
  const file = join(dir, "edge.yaml");
  writeFileSync(file, MANIFESTS);
  const run = (...args: string[]): Routed[] => {
    const { stdout, stderr, status } = netsim(["route", file, "--json", ...args]);
    t.equal(status, 0, stderr);
    return stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Routed);
  };
  const edgeOf = (...args: string[]): Routed | undefined => run("--gateway", "shop/edge", ...args)[0];

  t.match(edgeOf("--port", "5432"), {
    status: 200,
    backend: { namespace: "shop", service: "web", port: 80 },
    weights: { web: 0.9, canary: 0.1 },
    rule: { object: "TCPRoute shop/one" },
  });
  t.match(edgeOf("--port", "53"), { backend: { service: "canary" }, rule: { object: "UDPRoute shop/one" } });
  t.match(edgeOf("--port", "443", "--sni", "db.in.example.com"), {
    backend: { service: "web" },
    notes: ["TLS is passed through: the backend has the certificate"],
    rule: { object: "TLSRoute shop/named" },
  });
  t.match(edgeOf("--port", "443", "--sni", "x.in.example.com"), { backend: { service: "canary" } });
  t.match(edgeOf("--port", "443", "--sni", "out.example.com"), {
    backend: { service: "canary" },
    status: 200,
  });
  t.match(edgeOf("--port", "443", "--sni", "other.example.com"), { status: 0, backend: null, rule: null });
  t.equal(netsim(["route", file, "--gateway", "shop/edge", "--port", "81"]).status, 2);

  const requests = join(dir, "requests.jsonl");
  writeFileSync(
    requests,
    '{"path": "/a"}\n\n{"port": 5432}\n{"port": 443, "sni": "db.in.example.com", "scheme": "https"}\n',
  );
  const all = run("--gateway", "shop/edge", "--host", "a.example.com", "--requests", requests);
  t.same(
    all.map(({ rule }) => rule?.object),
    ["HTTPRoute shop/one", "TCPRoute shop/one", "TLSRoute shop/named"],
  );
  writeFileSync(requests, '{"path": "/a"}\n{oops\n');
  const bad = netsim(["route", file, "--gateway", "shop/edge", "--requests", requests]);
  t.equal(bad.status, 2);
  t.match(bad.stderr, /requests\.jsonl:2: /);

  const ingress = ["--ingress-class", "edge", "--path", "/old/x"];
  t.match(run(...ingress)[0], { path: "/new", backend: { service: "web" } });
  t.match(run(...ingress, "--controller", "traefik")[0], { path: "/old/x" });
  const compared = netsim(["route", file, ...ingress, "--compare"]).stdout;
  t.match(compared, /^nginx +shop\/web:80 as http:\/\/\/new/m);
  t.match(compared, /^contour +shop\/web:80 as http:\/\/\/old\/x/m);
  t.match(compared, /without effect: nginx\.ingress\.kubernetes\.io\/rewrite-target/);
  t.equal(netsim(["route", file, ...ingress, "--controller", "apache"]).status, 2);
  t.equal(netsim(["route", file, "--gateway", "shop/edge", "--compare"]).status, 2);
  t.end();
});
