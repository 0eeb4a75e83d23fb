/** The two evaluations, one connection at a time and everybody at once, say the same of made-up clusters. */
import t from "tap";
import { generate, random } from "../../bench/generate.ts";
import { loadObjects } from "../../src/model/load.ts";
import { createEngine } from "../../src/policy/engine.ts";
import type { Engine } from "../../src/policy/engine.ts";
import type { Endpoint } from "../../src/policy/endpoint.ts";
import { calicoPolicy, ciliumPolicy, globalPolicy, node, pod } from "./make.ts";

const PROBES = [
  { port: 8080, protocol: "TCP" },
  { port: 80, protocol: "TCP" },
  { port: 53, protocol: "UDP" },
  { port: 8, protocol: "ICMP" },
];

/** Differences among `times` random pairs. */
function differences(engine: Engine, endpoints: readonly Endpoint[], times: number): string[] {
  const matrix = engine.matrix(endpoints);
  const next = random(7);
  const any = () => Math.floor(next() * endpoints.length);
  const out: string[] = [];
  for (const probe of PROBES) {
    const port = matrix.port(probe);
    for (let i = 0; i < times; i++) {
      const [a, b] = [any(), any()];
      if (a === b) continue;
      const [from, to] = [endpoints[a] as Endpoint, endpoints[b] as Endpoint];
      const single = engine.connect(from, to, probe);
      const [x, y] = [matrix.classes.classOf[a] as number, matrix.classes.classOf[b] as number];
      const reached = ((port.reaches(x)[y >>> 5] as number) >>> (y & 31)) & 1;
      const same =
        port.side("ingress", x, y) === single.ingress.action &&
        port.side("egress", x, y) === single.egress.action &&
        port.verdict(x, y) === single.verdict &&
        (reached === 1) === (single.verdict !== "deny");
      if (!same) out.push(`${from.id} -> ${to.id} ${probe.port}/${probe.protocol}`);
    }
  }
  return out;
}

const everyone = (engine: Engine): Endpoint[] => [
  ...engine.cluster.pods.flatMap((p) => engine.endpoints.pod(p) ?? []),
  ...engine.cluster.nodes.flatMap((n) => engine.endpoints.node(n) ?? []),
  ...["203.0.113.9", "10.244.3.77", "2001:db8::9"].flatMap((ip) => engine.endpoints.external(ip) ?? []),
];

const shape = { seed: 11, pods: 150, policies: 60, namespaces: 5 };
const nodes = ["node-1", "node-7", "node-30"].map((name, i) => node(name, `172.18.0.${i + 2}`));

t.test("NetworkPolicies, nodes, addresses", (t) => {
  const engine = createEngine(loadObjects([...generate(shape), ...nodes]));
  t.same(differences(engine, everyone(engine), 3000).slice(0, 3), []);
  t.end();
});

t.test("the same policies under Cilium and under Calico", (t) => {
  for (const enforcer of ["cilium", "calico"] as const) {
    const engine = createEngine(loadObjects([...generate(shape), ...nodes]), { enforcer });
    t.same(differences(engine, everyone(engine), 3000).slice(0, 3), [], enforcer);
  }
  t.end();
});

t.test("policies whose rules differ by pod, node or identity", (t) => {
  const calico = [
    globalPolicy("a", {
      order: 1,
      ingress: [
        { action: "Pass", destination: { selector: "tier == 'mid'" } },
        { action: "Deny", source: { nets: ["10.244.0.0/17"] } },
      ],
    }),
    calicoPolicy("team-001/b", {
      ingress: [
        { action: "Allow", protocol: "TCP", destination: { ports: ["http"], selector: "app == 'app-1'" } },
      ],
    }),
  ];
  const cilium = [
    ciliumPolicy("team-001/a", {
      endpointSelector: {},
      ingress: [
        { fromEntities: ["host"] },
        { fromEndpoints: [{}], toPorts: [{ ports: [{ port: "http", protocol: "TCP" }] }] },
      ],
    }),
    ciliumPolicy("team-002/b", {
      endpointSelector: {},
      egress: [
        { toEndpoints: [{}], toPorts: [{ ports: [{ port: "http", protocol: "TCP" }] }] },
        { toEntities: ["remote-node"] },
      ],
    }),
  ];
  for (const policies of [calico, cilium]) {
    const engine = createEngine(loadObjects([...generate({ ...shape, policies: 0 }), ...nodes, ...policies]));
    t.equal(engine.problems.length, 0);
    t.same(differences(engine, everyone(engine), 3000).slice(0, 3), [], engine.enforcer);
  }
  t.end();
});

t.test("pods that no policy can tell apart are one class", (t) => {
  const alike = (name: string, ip: string, labels: object) =>
    pod(`a/${name}`, labels, ip, { ports: [{ containerPort: 80 }] });
  const policy = ciliumPolicy("a/p", {
    endpointSelector: { matchLabels: { app: "web" } },
    ingress: [{ fromEndpoints: [{ matchLabels: { app: "web" } }] }],
  });
  const engine = createEngine(
    loadObjects([
      alike("one", "10.0.0.1", { app: "web", "pod-template-hash": "1" }),
      alike("two", "10.0.0.2", { app: "web", "pod-template-hash": "2" }),
      alike("three", "10.0.0.3", { app: "db" }),
      policy,
    ]),
  );
  const { classes } = engine.matrix(everyone(engine).slice(0, 3));
  t.same([...classes.classOf], [0, 0, 1], "a label that no selector names does not matter");
  t.same([...classes.sizes], [2, 1]);
  t.end();
});
