/** The guide's Gateway: who may attach, headers, weights, and what Ingress has no words for. */
import t from "tap";
import { createGatewayTable, type GatewayRequest } from "../../src/index.ts";
import { loadFiles } from "../../src/model/load.ts";
import { at, guide } from "../trace/support.ts";
import { file, readme } from "./console.ts";

readme(t, "08-gateway-api");

const FILES = ["gateway-class", "gateway", "app-routes", "cluster", "stranger"];
const cluster = loadFiles(FILES.map((f) => file(`08-gateway-api/${f}.yaml`)));
const table = createGatewayTable(
  cluster,
  cluster.gatewayObjects.find((o) => o.kind === "Gateway")!,
);
const ask = (path: string, headers: GatewayRequest["headers"] = {}, host = "app.example.com") =>
  table.route({ host, path, method: "GET", scheme: "https", headers }, 443);

t.test("headers, weights, the rest", (t) => {
  const canary = { "X-Canary": "true" };
  t.match(ask("/about", canary), { backend: { namespace: "my-app", service: "app-canary", port: 80 } });
  t.match(ask("/about", { "X-Canary": "false" }), { backend: { service: "app-stable" } });
  t.same(ask("/api/users").weights, { "app-stable": 0.9, "app-canary": 0.1 });
  t.same(ask("/apiary").weights, { "app-stable": 1 }, "a prefix is of whole elements");
  t.same(
    ask("/api", canary).weights,
    { "app-stable": 0.9, "app-canary": 0.1 },
    "the longer path comes before headers",
  );
  t.end();
});

t.test("a namespace without the label is not let in", (t) => {
  t.match(ask("/", {}, "other.example.com"), { status: 404, backend: null });
  t.end();
});

t.test("a whole connection", async (t) => {
  const found = await guide(
    FILES.map((f) => `08-gateway-api/${f}`),
    "203.0.113.200",
    "https://app.example.com/about",
  );
  t.match(found, { verdict: "allow", to: { id: /^my-app\/app-stable-/, port: 8080 } });
  t.match(at(found, "l7"), {
    object: "HTTPRoute my-app/app-routes",
    what: /^Gateway gateway-infra\/my-gateway/,
  });
});
