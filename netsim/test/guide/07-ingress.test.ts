/** The guide's Ingress: TLS first, then the longest path, its rewrite, and who the backend sees. */
import t from "tap";
import { createIngressTable } from "../../src/index.ts";
import { loadFiles } from "../../src/model/load.ts";
import { at, guide, placeOf } from "../trace/support.ts";
import { file, readme } from "./console.ts";

readme(t, "07-ingress");

const tableOf = (name: string) =>
  createIngressTable(loadFiles([file("07-ingress/cluster.yaml"), file(`07-ingress/${name}.yaml`)]), "nginx");
const request = (path: string, scheme: "http" | "https" = "https", host = "app.example.com") => ({
  host,
  path,
  scheme,
  method: "GET",
  headers: {},
});

t.test("paths, rewrites and redirects", (t) => {
  const table = tableOf("my-ingress");
  t.match(table.route(request("/api/users", "http")), {
    status: 308,
    redirect: { scheme: "https", path: "/api/users" },
  });
  t.match(table.route(request("/api/users")), { backend: { service: "api-service", port: 80 }, path: "/" });
  t.match(table.route(request("/about")), { backend: { service: "frontend-service", port: 80 } });
  t.match(table.route(request("/", "https", "other.example.com")), { status: 404, backend: null });
  const kept = tableOf("kept-paths");
  t.match(kept.route(request("/api/users")), { backend: { service: "api-service" }, path: "/users" });
  t.match(kept.route(request("/api")), { backend: { service: "api-service" }, path: "/" });
  t.end();
});

t.test("from the name outside to the pod, by way of the controller", async (t) => {
  const ask = (path: string, ...files: string[]) =>
    guide(
      ["cluster", "my-ingress", ...files].map((f) => `07-ingress/${f}`),
      "203.0.113.200",
      `https://app.example.com${path}`,
    );
  const found = await ask("/api/users");
  t.match(found, { verdict: "allow", to: { id: /^default\/api-/, port: 8080 } });
  t.equal(placeOf(at(found, "l7")!), "07-ingress/my-ingress.yaml:21", "the rule's line");
  t.match(await ask("/about"), { verdict: "allow", to: { id: /^default\/frontend-/, port: 3000 } });
  const denied = await ask("/api/users", "only-frontend");
  t.match(denied, {
    verdict: "deny",
    reason: "ingress-denied",
    remedy: { object: "NetworkPolicy default/api-policy" },
  });
  t.match(denied.remedy?.change, /ingress-nginx/, "whom the API's pods see is the controller");
});
