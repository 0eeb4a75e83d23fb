/** `node dist/bench/ndots-plugin.js`: what the `ndots` plugin adds to a query, on one thread and without a network. */
import { registry } from "../plugins/index.ts";
import type { Peer } from "../src/dns/query.ts";
import { MAX_MESSAGE } from "../src/dns/reply.ts";
import { SILENT } from "../src/log/output.ts";
import { createRegistry } from "../src/metrics/metrics.ts";
import { readObjects } from "../src/ndots/objects.ts";
import { packageFile } from "../src/ndots/package-files.ts";
import type { Host } from "../src/plugin.ts";
import { encodeQuestion } from "../src/resolver/wire.ts";
import { configure, isConfigurationError } from "../src/server/configuration.ts";
import { createEngine, type Engine } from "../src/server/engine.ts";
import { runAlone, type Extra } from "./lib/alone.ts";

const SLICES = 120;
const QUERIES = 20_000;
/** Part of a query's CPU time that the plugin may take. */
const BOUND = 5;

const corefile = (line: string): string => `.:53 {
  errors
  prometheus localhost:0
  kubernetes cluster.local in-addr.arpa ip6.arpa {
    pods verified
    fallthrough in-addr.arpa ip6.arpa
  }
  cache 30 {
    disable success cluster.local
    disable denial cluster.local
  }
  loadbalance
  ${line}
}
`;

async function bringUp(text: string, objects: readonly object[]): Promise<Engine> {
  const host: Host = {
    http: () => Promise.resolve(() => Promise.resolve()),
    members: () => [],
    reload: () => Promise.resolve({ kind: "unchanged" }),
    configurationHash: () => "",
    fatal: () => undefined,
    stopping: false,
    version: "",
    metricsPage: () => Promise.resolve({ status: 200, body: "" }),
    cluster: objects,
    carrier: undefined,
  };
  const configured = await configure(
    { text, file: "Corefile" },
    {
      registry,
      metrics: createRegistry(),
      output: SILENT,
      host,
      env: {},
      port: 53,
      now: () => Date.now() / 1000,
      random: Math.random,
    },
  );
  if (isConfigurationError(configured)) throw new Error(configured.message);
  const refused = await configured.start();
  if (refused !== undefined) throw new Error(refused.message);
  return createEngine(configured.served[0]!.router, {
    onPanic(error) {
      throw error;
    },
  });
}

/** Walks of pods, and names that are found at once. */
function questions(): Buffer[] {
  const names: string[] = [];
  for (let i = 0; i < 64; i++) {
    const name = `api${i}.example.com`;
    for (const domain of ["shop.svc.cluster.local", "svc.cluster.local", "cluster.local"])
      names.push(`${name}.${domain}.`);
    names.push("web.shop.svc.cluster.local.", "cart.shop.svc.cluster.local.");
  }
  return names.flatMap((name) => [
    encodeQuestion({ name, type: "A" }, 1)!,
    encodeQuestion({ name, type: "AAAA" }, 2)!,
  ]);
}

const peers: readonly Peer[] = Array.from({ length: 100 }, (_, i) => {
  const peer: Peer = {
    protocol: "udp",
    family: 4,
    address: `10.244.7.${i}`,
    port: 40_000,
    localAddress: "10.96.0.10",
    localPort: 53,
    keep: () => peer,
  };
  return peer;
});

const out = Buffer.alloc(MAX_MESSAGE);
const never = (): never => {
  throw new Error("an answer that has to be waited for");
};

/** Microseconds of CPU for a query. */
function slice(engine: Engine, packets: readonly Buffer[]): number {
  const begun = process.cpuUsage();
  for (let i = 0; i < QUERIES; i++) {
    const packet = packets[i % packets.length]!;
    engine.serve(packet, 0, packet.length, peers[i % peers.length]!, out, 0, never);
  }
  const { user, system } = process.cpuUsage(begun);
  return (user + system) / QUERIES;
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;

export async function ndotsPlugin(): Promise<Extra> {
  const { objects } = await readObjects(packageFile("examples/cluster"));
  const packets = questions();
  const engines = [
    await bringUp(corefile(""), objects),
    await bringUp(corefile("ndots localhost:0"), objects),
  ];
  const times: [number[], number[]] = [[], []];
  for (let i = -4; i < SLICES; i++) {
    // In turn, and each of them first as often, so that what else the machine does meets both.
    for (const which of i % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)) {
      const time = slice(engines[which]!, packets);
      if (i >= 0) times[which].push(time);
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const [without, having] = [median(times[0]), median(times[1])];
  // Each slice beside its neighbour: what changes from minute to minute falls out.
  const percent = median(times[0].map((time, i) => (times[1][i]! / time - 1) * 100));
  return {
    lines: [
      "**the ndots plugin**, engine.serve without a network:",
      "",
      `- without: ${without.toFixed(3)} µs a query; with: ${having.toFixed(3)} µs: ${percent.toFixed(1)} % more`,
    ],
    verdicts: [
      {
        title: "ndots plugin: part of a query's CPU time",
        most: BOUND,
        unit: "%",
        value: { median: percent, min: percent, max: percent },
      },
    ],
  };
}

await runAlone(import.meta.url, ndotsPlugin);
