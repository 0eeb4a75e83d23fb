import t from "tap";
import { createServiceTable } from "../../src/index.ts";
import type { GatewayRequest } from "../../src/index.ts";
import { cluster, object } from "./status-support.ts";
import type { Fields } from "./status-support.ts";

const service = (name: string) => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name, namespace: "shop" },
  spec: {
    ports: [
      { name: "a", port: 80 },
      { name: "b", port: 8080 },
    ],
  },
});
const parent = (name: string, more: Fields = {}) => ({
  group: "",
  kind: "Service",
  namespace: "shop",
  name,
  ...more,
});
const GRANT = object("ReferenceGrant", "g", {
  from: [{ group: "gateway.networking.k8s.io", kind: "HTTPRoute", namespace: "other" }],
  to: [{ group: "", kind: "Service" }],
});

t.test("routes of a Service in a mesh", (t) => {
  const c = cluster(
    ...["v1", "v2", "v3"].map(service),
    GRANT,
    object("HTTPRoute", "own", {
      parentRefs: [parent("v1", { port: 80 })],
      hostnames: ["does.not.matter"],
      rules: [
        { matches: [{ path: { value: "/v2" } }], backendRefs: [{ name: "v2", port: 80 }] },
        { matches: [{ path: { value: "/v1" } }], backendRefs: [{ name: "v1", port: 80 }] },
      ],
    }),
    object(
      "HTTPRoute",
      "consumer",
      {
        parentRefs: [parent("v1")],
        rules: [{ backendRefs: [{ name: "v3", namespace: "shop", port: 80 }] }],
      },
      {},
      "other",
    ),
  );
  const found = c.services.find(({ metadata }) => metadata.name === "v1");
  t.ok(found);
  if (found === undefined) return t.end();
  const table = createServiceTable(c, found);
  const ask = (path: string, port = 80, from = "shop") => {
    const request: GatewayRequest = { host: "v1", path, method: "GET", headers: {}, scheme: "http" };
    const { backend, status } = table.route(request, port, from);
    return backend?.service ?? status;
  };
  t.equal(ask("/v2/x"), "v2");
  t.equal(ask("/v1"), "v1");
  t.equal(ask("/else"), 404, "there is a route, and none of its rules takes it");
  t.equal(ask("/else", 8080), "v1", "the route is for the other port");
  t.equal(ask("/v2", 80, "other"), "v3", "a consumer's own route, for clients there");
  t.equal(ask("/v2", 80, "third"), "v2");
  t.equal(ask("/", 81), 0);
  t.end();
});
