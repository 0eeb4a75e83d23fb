/** Memory: at rest, with a full cache, and for each answer that is kept; ours over manifests, CoreDNS over an API server. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { setTimeout as sleep } from "node:timers/promises";
import { clusterObjects } from "./cluster.ts";
import { runAlone, type Extra } from "./lib/alone.ts";
import { freePorts, untilAnswered } from "./lib/ask.ts";
import { runLoad } from "./lib/dnsperf.ts";
import { openSource, manifestsLine } from "./lib/source.ts";
import { startUpstream } from "./lib/upstream.ts";
import { OUTSIDE } from "./questions.ts";
import type { Verdict } from "./report/bounds.ts";
import { coredns } from "./servers/coredns.ts";
import { ours } from "./servers/ours.ts";
import type { Kind } from "./servers/server.ts";

/** So many that what the runtimes hold back does not show. */
const KEPT = 100_000;

/** Both runtimes give memory back only after a while without work. */
const SETTLE_MS = 10_000;

interface Memory {
  /** MiB, resident. */
  readonly rest: number;
  readonly full: number;
  /** Bytes for each answer, where KEPT of them are kept: on the heap after a full collection, and by what the process grew. */
  readonly live: number;
  readonly grown: number;
}

export async function memory(directory: string, say: (line: string) => void): Promise<Extra> {
  const objects = clusterObjects();
  const upstreamPort = (await freePorts(1))[0]!;
  const upstream = await startUpstream(join(directory, "upstream"), upstreamPort);
  const own = manifestsLine(join(directory, "manifests"), objects);
  const results: { readonly kind: Kind; readonly memory: Memory }[] = [];
  let source: Awaited<ReturnType<typeof openSource>> | undefined;
  try {
    results.push({ kind: ours, memory: await measure(ours, directory, own, upstreamPort) });
    source = coredns.missing() === undefined ? await openSource(join(directory, "api"), objects) : undefined;
    if (source?.isApiServer === true)
      results.push({ kind: coredns, memory: await measure(coredns, directory, source.line, upstreamPort) });
    else say(`bench: memory: coredns is left out: ${coredns.missing() ?? "it needs an API server"}`);
  } finally {
    await Promise.all([upstream.stop(), source?.close()]);
  }
  const [a, b] = results.map((one) => one.memory);
  return {
    lines: [
      `**memory** (resident; ours over manifests, CoreDNS over an API server; bare node: ${bareNode().toFixed(0)} MiB)`,
      "",
      `| | at rest | with a full cache of 10,000 | for each cached answer, live | and by what the process grew, ${KEPT / 1000}k kept |`,
      "| --- | --- | --- | --- | --- |",
      ...results.map(
        ({ kind, memory: { rest, full, live, grown } }) =>
          `| ${kind.title} | ${rest.toFixed(0)} MiB | ${full.toFixed(0)} MiB | ${live.toFixed(0)} bytes | ${grown.toFixed(0)} bytes |`,
      ),
    ],
    verdicts: [
      ratio("memory: at rest, ours by coredns", 1.3, a!.rest, b?.rest),
      ratio("memory: for each cached answer, by growth, ours by coredns", 0.5, a!.grown, b?.grown),
    ],
  };
}

function ratio(title: string, most: number, of: number, to: number | undefined): Verdict {
  if (to === undefined) return { title, most, unit: "", value: undefined };
  return { title, most, unit: "", value: { median: of / to, min: of / to, max: of / to } };
}

async function measure(kind: Kind, base: string, source: string, upstreamPort: number): Promise<Memory> {
  const [small] = await fill(kind, base, {
    source,
    upstreamPort,
    capacity: 10_000,
    names: [[10_000, OUTSIDE]],
  });
  // As many first that the upstream refuses, which nobody keeps: what a process needs to do this work is not counted as cache.
  const names = [
    [KEPT, "refused.example"],
    [KEPT, OUTSIDE],
  ] as const;
  const [none, many] = await fill(kind, base, { source, upstreamPort, capacity: 2 * KEPT, names });
  return {
    rest: small!.before,
    full: small!.after,
    live: (many!.live - none!.live) / KEPT,
    grown: ((many!.after - none!.after) * 2 ** 20) / KEPT,
  };
}

interface Filling {
  readonly source: string;
  readonly upstreamPort: number;
  readonly capacity: number;
  /** How many names are asked for, and below which; one after the other. */
  readonly names: readonly (readonly [count: number, below: string])[];
}

interface Filled {
  /** MiB, resident. */
  readonly before: number;
  readonly after: number;
  /** Bytes on the heap. */
  readonly live: number;
}

async function fill(
  kind: Kind,
  base: string,
  { source, upstreamPort, capacity, names }: Filling,
): Promise<Filled[]> {
  const directory = join(base, `${kind.name}-${capacity}`);
  mkdirSync(directory, { recursive: true });
  const [port, health, ready, metrics, pprof] = await freePorts(5);
  const heapFile = join(directory, "heap");
  const server = kind.start({
    directory,
    port: port!,
    sidePorts: [health!, ready!, metrics!],
    upstreamPort,
    corefile: { cache: "all", capacity, ...(kind === coredns ? { pprof: pprof! } : {}) },
    source,
    records: [],
    questions: [],
    env: { NODE_OPTIONS: `--import ${probe()}`, MEMORY_FILE: heapFile },
  });
  const liveHeap = async (): Promise<number> => {
    if (kind === coredns) return goHeap(pprof!);
    process.kill(server.pid, "SIGUSR2");
    await sleep(2000);
    return Number(readFileSync(heapFile, "utf8"));
  };
  try {
    await untilAnswered(port!, ["api-0.team-0.svc.cluster.local", "A"], () => server.cpu());
    const results: Filled[] = [];
    for (const [count, below] of names) {
      await sleep(SETTLE_MS);
      const before = server.memory().rss;
      const queryFile = join(directory, "queries");
      writeFileSync(queryFile, Array.from({ length: count }, (_, i) => `n${i}.${below} A\n`).join(""));
      await runLoad({ port: port!, queryFile, seconds: 30, args: ["-n", "1"] });
      await sleep(SETTLE_MS);
      const after = server.memory().rss;
      results.push({ before, after, live: await liveHeap() });
    }
    return results;
  } finally {
    await server.stop();
  }
}

function probe(): string {
  const self = fileURLToPath(import.meta.url);
  return join(self, "../memory-probe") + self.slice(self.lastIndexOf("."));
}

/** What Go's heap holds after a collection, by CoreDNS's plugin `pprof`. */
async function goHeap(port: number): Promise<number> {
  const page = await fetch(`http://127.0.0.1:${port}/debug/pprof/heap?gc=1&debug=1`);
  const found = /^# HeapAlloc = (\d+)$/m.exec(await page.text());
  if (found === null) throw new Error("coredns shows no HeapAlloc");
  return Number(found[1]);
}

function bareNode(): number {
  const program = "console.log(process.memoryUsage.rss() / 2 ** 20)";
  return Number(spawnSync(process.execPath, ["-e", program], { encoding: "utf8" }).stdout);
}

await runAlone(import.meta.url, memory);
