/** No input makes it throw: valid objects with anything at all put into them, and broken text. */
import fc from "fast-check";
import t from "tap";
import { generate, random } from "../../bench/generate.ts";
import { loadObjects, loadText } from "../../src/model/load.ts";
import { createNet } from "../../src/policy/net.ts";
import {
  calicoPolicy,
  ciliumPolicy,
  clusterPolicy,
  globalPolicy,
  node,
  pod,
  service,
} from "../policy/make.ts";

const pair = { port: "80", endPort: 90, protocol: "TCP" };
const seeds: object[] = [
  ...generate({ seed: 5, pods: 6, policies: 8, namespaces: 2 }),
  node("node-1", "172.18.0.2"),
  pod("team-000/x", { app: "x" }, "10.0.0.9", { ports: [{ name: "http", containerPort: 80 }] }),
  service("team-000/s", { selector: { app: "x" }, ports: [{ port: 80, targetPort: "http" }] }),
  ciliumPolicy("team-000/c", {
    endpointSelector: { matchLabels: { app: "x" } },
    ingress: [
      {
        fromEndpoints: [{}],
        toPorts: [{ ports: [pair], rules: { http: [{ path: "/", headers: ["A b"] }] } }],
      },
    ],
    egress: [
      { toFQDNs: [{ matchPattern: "*.x" }] },
      { toServices: [{ k8sService: { serviceName: "s" } }] },
      { icmps: [{ fields: [{ type: 8 }] }] },
    ],
    egressDeny: [{ toCIDRSet: [{ cidr: "10.0.0.0/8", except: ["10.1.0.0/16"] }] }],
  }),
  calicoPolicy("team-000/k", {
    selector: "app == 'x'",
    ingress: [
      {
        action: "Allow",
        protocol: "TCP",
        source: { nets: ["10.0.0.0/8"], selector: "has(app)" },
        destination: { ports: ["1:2", 3] },
      },
    ],
  }),
  globalPolicy("g", {
    tier: "t",
    order: 1,
    egress: [{ action: "Pass", destination: { services: { name: "s" } } }],
  }),
  clusterPolicy("p", {
    tier: "Admin",
    priority: 1,
    subject: { namespaces: {} },
    ingress: [
      {
        action: "Deny",
        from: [{ pods: { namespaceSelector: {}, podSelector: {} } }],
        protocols: [{ tcp: { destinationPort: { number: 1 } } }],
      },
    ],
  }),
  {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "d" },
    spec: { replicas: 2, template: { metadata: { labels: { a: "b" } }, spec: { containers: [] } } },
  },
  {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name: "j" },
    spec: { parallelism: 2, template: { spec: {} } },
  },
  {
    apiVersion: "v1",
    kind: "Endpoints",
    metadata: { name: "s" },
    subsets: [{ addresses: [{ ip: "1.2.3.4" }], ports: [{ port: 1 }] }],
  },
  {
    apiVersion: "cilium.io/v2",
    kind: "CiliumCIDRGroup",
    metadata: { name: "g" },
    spec: { externalCIDRs: ["10.0.0.0/8"] },
  },
  {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name: "e", labels: { "kubernetes.io/service-name": "s" } },
    endpoints: [{ addresses: ["1.2.3.4"], conditions: { ready: true } }],
    ports: [{ port: 1 }],
  },
];

/** Puts `value` somewhere into a copy of the object, at a place that `next` chooses. */
function damage(object: unknown, value: unknown, next: () => number): unknown {
  if (typeof object !== "object" || object === null) return value;
  const keys = Object.keys(object);
  if (keys.length === 0 || next() < 0.12) return value;
  const key = keys[Math.floor(next() * keys.length)] as string;
  const inner = damage((object as Record<string, unknown>)[key], value, next);
  if (Array.isArray(object)) return object.map((v, i) => (String(i) === key ? inner : (v as unknown)));
  return { ...object, [key]: inner };
}

const odd = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    "",
    "*",
    {},
    [],
    [null],
    0,
    -1,
    1e9,
    true,
    "10.0.0.0/8",
    "::/0",
    "x:y",
    { a: null },
    "__proto__",
  ),
  fc.jsonValue(),
);

t.test("damaged objects", (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(seeds.length - 1), odd, fc.nat()), { minLength: 1, maxLength: 6 }),
      (hits) => {
        const objects: unknown[] = [...seeds];
        for (const [i, value, seed] of hits) objects[i] = damage(objects[i], value, random(seed));
        const cluster = loadObjects(objects);
        for (const enforcer of ["kubernetes", "cilium", "calico"] as const) {
          const net = createNet(cluster, { enforcer });
          const { engine } = net;
          const endpoints = cluster.pods.flatMap((p) => engine.endpoints.pod(p) ?? []);
          const matrix = engine.matrix(endpoints);
          if (endpoints.length > 0) matrix.port({ port: 80, protocol: "TCP" }).verdict(0, 0);
          net.connections("*", "s.team-000:80");
        }
      },
    ),
    { numRuns: 300, seed: 1 },
  );
  t.pass("nothing was thrown");
  t.end();
});

t.test("damaged text", (t) => {
  const text = seeds
    .slice(0, 12)
    .map((o) => JSON.stringify(o))
    .join("\n---\n");
  fc.assert(
    fc.property(fc.nat(text.length), fc.string(), fc.nat(40), (at, junk, cut) => {
      const broken = text.slice(0, at) + junk + text.slice(at + cut);
      loadText(broken, "a.yaml");
      loadText(`{"kind":"List","items":[${broken}`, "b.json");
      loadText(`kind: List\nitems:\n- ${broken.slice(0, 2000)}`, "c.yaml");
    }),
    { numRuns: 300, seed: 2 },
  );
  t.pass("nothing was thrown");
  t.end();
});

t.test("ends that are no names", (t) => {
  const net = createNet(loadObjects(seeds));
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.webUrl(),
        fc.ipV6(),
        fc.constantFrom("/", ":", "[", "a:99999", "http://", "a/b/c:1"),
      ),
      (text) => {
        net.connections(text, text);
        net.connections("team-000/x", text);
      },
    ),
    { numRuns: 500, seed: 3 },
  );
  t.pass("nothing was thrown");
  t.end();
});
