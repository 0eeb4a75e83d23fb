/** Memory: at rest, with a full cache, and for each answer that is kept; ours over manifests, CoreDNS over an API server. */
import { mkdirSync, writeFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
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
import type { Kind, Site } from "./servers/server.ts";

/** So many that what the runtimes hold back does not show. */
const KEPT = 100_000;

interface Memory {
  /** MiB. */
  readonly rest: number;
  readonly full: number;
  /** Bytes for each answer, by the growth of a process that keeps KEPT of them. */
  readonly answer: number;
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
      "| | at rest | with a full cache of 10,000 | for each cached answer |",
      "| --- | --- | --- | --- |",
      ...results.map(
        ({ kind, memory: { rest, full, answer } }) =>
          `| ${kind.title} | ${rest.toFixed(0)} MiB | ${full.toFixed(0)} MiB | ${answer.toFixed(0)} bytes |`,
      ),
    ],
    verdicts: [
      ratio("memory: at rest, ours by coredns", 1.3, a!.rest, b?.rest),
      ratio("memory: for each cached answer, ours by coredns", 0.5, a!.answer, b?.answer),
    ],
  };
}

function ratio(title: string, most: number, of: number, to: number | undefined): Verdict {
  if (to === undefined) return { title, most, unit: "", value: undefined };
  return { title, most, unit: "", value: { median: of / to, min: of / to, max: of / to } };
}

async function measure(kind: Kind, base: string, source: string, upstreamPort: number): Promise<Memory> {
  const run = async (capacity: number, names: number): Promise<{ rest: number; full: number }> => {
    const directory = join(base, `${kind.name}-${capacity}`);
    mkdirSync(directory, { recursive: true });
    const [port, health, ready, metrics] = await freePorts(4);
    const site: Site = {
      directory,
      port: port!,
      sidePorts: [health!, ready!, metrics!],
      upstreamPort,
      corefile: { cache: "all", capacity },
      source,
      records: [],
      questions: [],
    };
    const server = kind.start(site);
    try {
      await untilAnswered(port!, ["api-0.team-0.svc.cluster.local", "A"], () => server.cpu());
      await sleep(3000);
      const rest = server.memory().rss;
      const queryFile = join(directory, "queries");
      // The same few names first, so that what a process needs to work at all is not counted as cache.
      const write = (count: number): void =>
        writeFileSync(queryFile, Array.from({ length: count }, (_, i) => `n${i}.${OUTSIDE} A\n`).join(""));
      write(1000);
      await runLoad({ port: port!, queryFile, seconds: 3, args: [] });
      const warm = server.memory().rss;
      write(names);
      await runLoad({ port: port!, queryFile, seconds: 30, args: ["-n", "1"] });
      await sleep(2000);
      const full = server.memory().rss;
      return capacity > 10_000 ? { rest: warm, full } : { rest, full };
    } finally {
      await server.stop();
    }
  };
  const small = await run(10_000, 10_000);
  const large = await run(2 * KEPT, KEPT);
  return { ...small, answer: ((large.full - large.rest) * 2 ** 20) / KEPT };
}

function bareNode(): number {
  const program = "console.log(process.memoryUsage.rss() / 2 ** 20)";
  return Number(spawnSync(process.execPath, ["-e", program], { encoding: "utf8" }).stdout);
}

await runAlone(import.meta.url, memory);
