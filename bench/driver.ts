/** How many queries one JavaScript thread answers when nothing comes from a network: engine.serve, packet by packet. */
import { registry } from "../plugins/index.ts";
import type { Peer } from "../src/dns/query.ts";
import { MAX_MESSAGE } from "../src/dns/reply.ts";
import { SILENT } from "../src/log/output.ts";
import { createRegistry } from "../src/metrics/metrics.ts";
import type { Host } from "../src/plugin.ts";
import { configure, isConfigurationError, type Configuration } from "../src/server/configuration.ts";
import { createEngine, type Engine } from "../src/server/engine.ts";
import { COREDNS_VERSION } from "../src/version.ts";
import { clusterObjects } from "./cluster.ts";
import { runAlone, type Extra } from "./lib/alone.ts";
import { questionBytes } from "./lib/ask.ts";
import { spreadOf, type Spread } from "./lib/numbers.ts";
import { corefileText } from "./servers/corefile.ts";
import { workloads } from "./workloads.ts";

const SLICES = 8;
/** Of CPU time, and at most of the clock's. */
const SLICE_MS = 200;
const MOST_MS = 2000;
/** Such as a server for one core that carries 600,000 queries a second has. */
const MOST_MICROSECONDS = 1e6 / 600_000;

export async function driver(): Promise<Extra> {
  const lines = ["**one JavaScript thread**, engine.serve without a network:", ""];
  let hot: Spread | undefined;
  for (const name of ["kubeadm", "shipped", "no-cache", "nxdomain", "churn", "srv"]) {
    const workload = workloads.find((one) => one.name === name)!;
    const figures = await drive(
      workload.corefile,
      workload.questions().map((question, i) => questionBytes(question, i & 0xffff)),
    );
    if (name === "kubeadm") hot = figures;
    lines.push(
      `- ${name}: ${Math.round(1000 / figures.median)}k queries/s, ${figures.median.toFixed(2)} µs each (${figures.min.toFixed(2)}–${figures.max.toFixed(2)})`,
    );
  }
  return {
    lines,
    verdicts: [
      { title: "driver: a hot query on one thread", most: MOST_MICROSECONDS, unit: "µs", value: hot },
    ],
  };
}

/** Microseconds of a query, slice by slice. */
async function drive(
  corefile: (typeof workloads)[number]["corefile"],
  packets: readonly Buffer[],
): Promise<Spread> {
  // Ports on which nobody listens: nothing is forwarded here.
  const text = corefileText({ port: 53, sidePorts: [0, 0, 0], upstreamPort: 9, corefile, source: "" });
  const { engine, configuration } = await bringUp(text);
  const out = Buffer.alloc(MAX_MESSAGE);
  const sink = (): never => {
    throw new Error("an answer that has to be waited for");
  };
  const values: number[] = [];
  try {
    let i = 0;
    for (let slice = -2; slice < SLICES; slice++) {
      // CPU time, not the clock's: others work on this machine.
      const begin = process.cpuUsage();
      let served = 0;
      let used = 0;
      for (const end = performance.now() + MOST_MS; used < SLICE_MS && performance.now() < end;) {
        for (let n = 0; n < 1000; n++) {
          const packet = packets[i++ % packets.length]!;
          engine.serve(packet, 0, packet.length, PEER, out, 0, sink);
        }
        served += 1000;
        const { user, system } = process.cpuUsage(begin);
        used = (user + system) / 1000;
      }
      // The first ones warm up.
      if (slice >= 0) values.push((used * 1000) / served);
      await new Promise((resolve) => setImmediate(resolve));
    }
  } finally {
    await configuration.close();
  }
  return spreadOf(values)!;
}

const PEER: Peer = {
  protocol: "udp",
  family: 4,
  address: "127.0.0.1",
  port: 40_000,
  localAddress: "127.0.0.1",
  localPort: 53,
  keep: () => PEER,
};

async function bringUp(text: string): Promise<{ engine: Engine; configuration: Configuration }> {
  const host: Host = {
    http: () => Promise.resolve(() => Promise.resolve()),
    members: () => configuration.members,
    reload: () => Promise.resolve({ kind: "unchanged" }),
    configurationHash: () => "",
    fatal: (line) => {
      throw new Error(line);
    },
    stopping: false,
    version: COREDNS_VERSION,
    metricsPage: () => Promise.resolve({ status: 200, body: "" }),
    cluster: clusterObjects(),
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
  const configuration = configured;
  const refused = await configuration.start();
  if (refused !== undefined) throw new Error(refused.message);
  const onPanic = (error: unknown): never => {
    throw error;
  };
  return { engine: createEngine(configuration.served[0]!.router, { onPanic }), configuration };
}

await runAlone(import.meta.url, driver);
