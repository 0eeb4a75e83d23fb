/** The ndots plugin in a server: its document, its metrics, and how much of the load it looks at. */
import { createServer as createNetServer, type AddressInfo } from "node:net";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { ownerOfPod } from "../../../plugins/ndots/owners.ts";
import { Sampler } from "../../../plugins/ndots/sampler.ts";
import { createCounters } from "../../../plugins/ndots/counters.ts";
import { createSocketlessServer, createServer, type DnsServer } from "../../../src/api/create-server.ts";
import { registry } from "../../../plugins/index.ts";
import { checkCorefile } from "../../../src/cli/check.ts";
import { createRegistry } from "../../../src/metrics/metrics.ts";
import type { Summary } from "../../../src/ndots/walk/summary.ts";
import { encodeQuestion } from "../../../src/resolver/wire.ts";
import { root } from "../../support/paths.ts";

const cluster = [
  { apiVersion: "v1", kind: "Namespace", metadata: { name: "shop" } },
  {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name: "web-5d8f7c6b9-x2k4p",
      namespace: "shop",
      labels: { "pod-template-hash": "5d8f7c6b9" },
    },
    status: { phase: "Running", podIP: "10.244.1.1", podIPs: [{ ip: "10.244.1.1" }] },
  },
];

const corefile = (ndots: string, pods = "verified", port = 0): string => `.:${port} {
  bind 127.0.0.1
  kubernetes cluster.local {
    pods ${pods}
  }
  template IN ANY . {
    match ^api[.]example[.]com[.]$
    rcode NOERROR
    fallthrough
  }
  template IN ANY . {
    rcode NXDOMAIN
  }
  ${ndots}
}
`;

const STEPS = ["shop.svc.cluster.local.", "svc.cluster.local.", "cluster.local.", ""];

/** A and AAAA of each step of a walk. */
async function walk(
  server: DnsServer,
  address: string,
  name = "api.example.com",
  steps = STEPS,
): Promise<void> {
  for (const step of steps) {
    for (const type of ["A", "AAAA"])
      await server.exchange(encodeQuestion({ name: `${name}.${step}`, type }, 1)!, { address, port: 5353 });
  }
}

const metricsOf = async (server: DnsServer): Promise<Record<string, number>> =>
  Object.fromEntries(
    [...(await server.metrics()).matchAll(/^coredns_ndots_(\S+) (\S+)$/gm)].map(([, series, value]) => [
      series!,
      Number(value),
    ]),
  );

async function freePort(): Promise<number> {
  const server = createNetServer();
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return port;
}

void t.test("/ndots, and the metrics", async (t) => {
  const port = await freePort();
  const server = createServer({
    corefile: corefile(`ndots 127.0.0.1:${String(port)} {\n sample 0\n top 5\n cpu 100us\n }`),
    cluster,
  });
  await server.listen();
  t.teardown(() => server.close());
  for (let i = 0; i < 3; i++) await walk(server, "10.244.1.1");
  await walk(server, "10.244.7.7", "www.example.org", ["pay.svc.cluster.local.", ...STEPS.slice(1)]);
  const response = await fetch(`http://127.0.0.1:${String(port)}/ndots`);
  t.equal(response.headers.get("content-type"), "application/json");
  const summary = (await response.json()) as Summary & { since: string };
  t.match(summary, { queries: 32, wasted: 24, cpu_ms: 2.4 });
  t.ok(Math.abs(Date.parse(summary.since) - Date.now()) < 600_000);
  t.same(
    summary.namespaces.map(({ namespace, queries, wasted }) => [namespace, queries, wasted]),
    [
      ["shop", 24, 18],
      ["pay", 8, 6],
    ],
  );
  t.match(summary.workloads, [
    {
      namespace: "shop",
      kind: "Deployment",
      name: "web",
      queries: 24,
      wasted: 18,
      names: [{ name: "api.example.com", wasted: 18 }],
    },
    { namespace: "pay", kind: "", name: "10.244.7.7", wasted: 6 },
  ]);
  t.same(summary.outside, [
    { name: "api.example.com", wasted: 18 },
    { name: "www.example.org", wasted: 6 },
  ]);
  const metrics = await metricsOf(server);
  t.equal(metrics['needless_queries_total{namespace="shop"}'], 18);
  t.equal(metrics['queries_total{namespace="shop"}'], 24);
  t.equal(metrics['needless_queries_total{namespace="other"}'], 6, "there is no namespace pay");
  t.ok(metrics['needless_seconds_total{namespace="shop"}']! > 0);
});

void t.test("series are bounded, whatever names clients make up", async (t) => {
  const server = createSocketlessServer({
    corefile: `.:53 {\n  template IN ANY . {\n    rcode NXDOMAIN\n  }\n  ndots localhost:0 {\n    sample 0\n    namespaces 10\n  }\n}\n`,
  });
  await server.listen();
  t.teardown(() => server.close());
  for (let i = 0; i < 200; i++)
    await walk(server, `10.244.1.${String(i % 250)}`, `h${String(i)}.example.com`, [
      `evil${String(i)}.svc.cluster.local.`,
      "svc.cluster.local.",
    ]);
  const series = Object.keys(await metricsOf(server)).filter((one) =>
    one.startsWith("needless_queries_total"),
  );
  t.ok(series.length <= 11, `${String(series.length)} series`);
  t.ok(series.some((one) => one.includes("other")));
});

void t.test("what goes on inside the server is no walk", async (t) => {
  const server = createSocketlessServer({
    corefile: corefile("ndots localhost:0 {\n sample 0\n}\n  searchpath"),
    cluster,
  });
  await server.listen();
  t.teardown(() => server.close());
  // searchpath walks; the client asks once, and is answered.
  await walk(server, "10.244.1.1", "api.example.com", STEPS.slice(0, 1));
  const metrics = await metricsOf(server);
  t.equal(metrics['queries_total{namespace="shop"}'] ?? metrics['queries_total{namespace="unknown"}'], 2);
  t.equal(metrics['needless_queries_total{namespace="shop"}'] ?? 0, 0);
});

void t.test("directives that are no use", async (t) => {
  for (const [line, message] of [
    ["ndots nowhere", /nowhere/],
    ["ndots { sample -1 }", /sample/],
    ["ndots {\n top 0\n }", /top/],
    ["ndots {\n cpu soon\n }", /cpu/],
    ["ndots {\n frobnicate\n }", /frobnicate/],
    ["ndots :1 :2", /:2/],
  ] as const) {
    const server = createSocketlessServer({ corefile: corefile(line), cluster });
    await t.rejects(server.listen(), { message }, line);
    await server.close();
  }
});

void t.test("so many queries of each second are looked at, in a row", async (t) => {
  const sampler = new Sampler(100);
  const second = (from: number, rate: number): { picked: number; weight: number } => {
    let picked = 0;
    let last = -1;
    let inRow = true;
    for (let i = 0; i < rate; i++) {
      sampler.seen++;
      if (!sampler.picks(from + (i / rate) * 1000)) continue;
      inRow &&= i === last + 1;
      last = i;
      picked++;
    }
    t.ok(inRow, "one behind the other");
    return { picked, weight: sampler.weight };
  };
  t.same(second(0, 50), { picked: 50, weight: 1 }, "all, where there are few");
  t.same(second(1000, 1000), { picked: 100, weight: 1 }, "nothing is known yet of the new load");
  const third = second(2000, 1000);
  t.equal(third.picked, 100);
  t.ok(Math.abs(third.weight - 10) < 0.2, "each stands for ten");
  t.same(second(60_000, 50), { picked: 50, weight: 1 }, "after a pause all is new");
  const all = new Sampler(0);
  t.ok(
    Array.from({ length: 5000 }, (_, i) => all.picks(i / 1000)).every((picked) => picked),
    "0: none is passed over",
  );
  t.equal(all.weight, 1);
});

void t.test("estimates are scaled: a load above what is looked at", async (t) => {
  let now = 0;
  const cells = createCounters(createRegistry().scope("ndots"), 5, () => true);
  // As the plugin counts: each query that is picked, by the weight of its second.
  const sampler = new Sampler(200);
  for (let second = 0; second < 20; second++) {
    for (let i = 0; i < 2000; i++) {
      sampler.seen++;
      if (sampler.picks(now)) cells("shop").queries.value += sampler.weight;
      now += 0.5;
    }
  }
  const { value } = cells("shop").queries;
  t.ok(Math.abs(value - 40_000) < 0.06 * 40_000, `${String(Math.round(value))} of 40,000`);
});

void t.test("a pod's workload by its name and labels", async (t) => {
  const cases: readonly (readonly [string, Record<string, string>, string])[] = [
    ["web-5d8f7c6b9-x2k4p", { "pod-template-hash": "5d8f7c6b9" }, "Deployment/web"],
    ["web-5d8f7c6b9-x2k4p", {}, "Deployment/web"],
    ["my-web-app-7f9c-bcdfg", {}, "Deployment/my-web-app"],
    ["db-0", { "statefulset.kubernetes.io/pod-name": "db-0" }, "StatefulSet/db"],
    ["db-12", {}, "StatefulSet/db"],
    ["agent-x2k4p", { "controller-revision-hash": "7d9c" }, "DaemonSet/agent"],
    ["report-28300-x2k4p", { "batch.kubernetes.io/job-name": "report-28300" }, "Job/report-28300"],
    ["one-shot-x2k4p", { "job-name": "one-shot" }, "Job/one-shot"],
    ["debug", {}, "Pod/debug"],
    ["my-tool", {}, "Pod/my-tool"],
  ];
  for (const [name, labels, owner] of cases) {
    const {
      kind,
      name: its,
      namespace,
    } = ownerOfPod({ kind: "Pod", namespace: "shop", name, address: "", terminating: false, labels });
    t.equal(`${kind}/${its}`, owner, name);
    t.equal(namespace, "shop");
  }
});

void t.test("the example of its manual page can be run", async (t) => {
  const readme = readFileSync(join(root, "plugins/ndots/README.md"), "utf8");
  const [, example] = /~~~ corefile\n([^]*?)~~~/.exec(readme) ?? [];
  const report = await checkCorefile({ text: example!, file: "Corefile", env: {}, port: 53 }, registry);
  t.same(report.errors, []);
});
