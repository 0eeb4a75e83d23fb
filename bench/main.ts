/** `npm run bench`: what a query costs here, in CoreDNS and in others, side by side. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../test/support/paths.ts";
import { clusterObjects } from "./cluster.ts";
import { coldStart } from "./cold-start.ts";
import { driver } from "./driver.ts";
import { hottest } from "./flame.ts";
import { measured, type Extra, type Measurement } from "./lib/alone.ts";
import { freePorts } from "./lib/ask.ts";
import { whyNoDnsperf } from "./lib/dnsperf.ts";
import { recordsFor } from "./lib/records.ts";
import { openSource } from "./lib/source.ts";
import { startUpstream } from "./lib/upstream.ts";
import { machineText } from "./machine.ts";
import { measure, type Measured } from "./measure.ts";
import { memory } from "./memory.ts";
import { ndotsPlugin } from "./ndots-plugin.ts";
import { pauses } from "./pauses.ts";
import { scale } from "./scale.ts";
import { readOptions, usage, type Options } from "./options.ts";
import { bounds, judge } from "./report/bounds.ts";
import { chart } from "./report/chart.ts";
import { figuresOf } from "./report/figures.ts";
import { writeReadme } from "./report/readme.ts";
import { tables, verdictTable } from "./report/text.ts";
import { kinds } from "./servers/index.ts";
import { profileInto } from "./servers/ours.ts";
import type { Kind } from "./servers/server.ts";
import { workloads } from "./workloads.ts";

const FURTHER: Readonly<Record<string, Measurement>> = {
  "cold-start": coldStart,
  driver,
  memory,
  "ndots-plugin": ndotsPlugin,
  pauses,
  scale,
};

const results = join(root, "bench/results");
const say = (line: string): void => void process.stderr.write(`${line}\n`);

async function main(argv: readonly string[]): Promise<number> {
  let options: Options;
  try {
    options = readOptions(argv);
  } catch (error) {
    say(`bench: ${(error as Error).message}`);
    return 2;
  }
  if (options.help) {
    say(usage);
    return 0;
  }
  const reason = whyNoDnsperf();
  if (reason !== undefined) {
    say(`bench: ${reason}`);
    return 1;
  }
  mkdirSync(results, { recursive: true });
  if (options.flame) profileInto(join(results, "flame"));
  const { servers, versions } = availableServers(options);
  const runs = await measureAll(options, servers);
  const extras: Extra[] = [];
  for (const name of options.also) {
    say(`bench: ${name}`);
    extras.push(await measured(name, FURTHER[name]!, say));
  }
  write(options, servers, versions, runs, extras);
  return 0;
}

function availableServers({ servers: wanted }: Options): { servers: Kind[]; versions: string[] } {
  const servers = kinds.filter((kind) => {
    if (!wanted.includes(kind.name)) return false;
    const missing = kind.missing();
    if (missing !== undefined) say(`bench: ${kind.name} is left out: ${missing}`);
    return missing === undefined;
  });
  return { servers, versions: [...new Set(servers.map((kind) => kind.version()))] };
}

async function measureAll(options: Options, servers: readonly Kind[]): Promise<Measured[]> {
  if (options.workloads.length === 0) return [];
  const directory = join(results, "run");
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  const objects = clusterObjects();
  const [upstreamPort] = await freePorts(1);
  const upstream = await startUpstream(join(directory, "upstream"), upstreamPort!);
  const source = await openSource(directory, objects);
  say(`bench: ${objects.length} objects from ${source.what}`);
  const usable = servers.filter(({ name }) => name !== "coredns" || source.isApiServer);
  if (usable.length < servers.length)
    say("bench: coredns is left out: it needs an API server: npm run setup:apiserver, or KUBEBUILDER_ASSETS");
  const runs: Measured[] = [];
  try {
    for (const workload of workloads.filter(({ name }) => options.workloads.includes(name))) {
      say(`bench: ${workload.name}: ${workload.title}`);
      const wanted = usable.filter(({ name }) => workload.servers.includes(name));
      runs.push(
        ...(await measure(workload, wanted, {
          directory,
          source: source.line,
          upstreamPort: upstreamPort!,
          records: (questions) => recordsFor(objects, questions),
          runs: options.runs,
          seconds: options.seconds,
          // A profile is written at an orderly end, and SIGINT has no lame-duck time.
          stopSignal: options.flame ? "SIGINT" : "SIGKILL",
          say,
        })),
      );
    }
  } finally {
    await Promise.all([upstream.stop(), source.close()]);
    rmSync(directory, { recursive: true, force: true });
  }
  return runs;
}

function write(
  options: Options,
  servers: readonly Kind[],
  versions: readonly string[],
  measured: readonly Measured[],
  extras: readonly Extra[],
): void {
  const figures = measured.flatMap((one) => figuresOf(one) ?? []);
  const asked = new Set(
    bounds.filter(({ workload }) => options.workloads.includes(workload)).map(({ title }) => title),
  );
  const verdicts = [
    ...judge(measured).filter(({ title, value }) => value !== undefined || asked.has(title)),
    ...extras.flatMap((extra) => extra.verdicts),
  ];
  const method = `Medians (smallest–largest) of ${options.runs} interleaved runs of ${options.seconds} s each after one that is thrown away; dnsperf with 100 queries in flight on the same machine; CPU from /proc/PID/stat, all threads.`;
  const table = tables({ figures }, workloads, servers);
  const text = [
    table,
    ...extras.flatMap(({ lines }) => [...lines, ""]),
    verdictTable(verdicts),
    "",
    method,
    "",
    `${machineText()}. ${versions.join("; ")}.`,
    "",
  ].join("\n");
  const svg = chart(figures, workloads, servers);
  const date = new Date().toISOString();
  const facts = {
    date,
    machine: machineText(),
    versions,
    options,
    figures,
    verdicts,
    extras,
    runs: measured,
  };
  writeFileSync(join(results, "results.json"), JSON.stringify(facts, undefined, 1));
  writeFileSync(join(results, "results.md"), text);
  writeFileSync(join(results, "bench.svg"), svg);
  process.stdout.write(`\n${text}\n`);
  if (options.readme) writeReadme(text.trim(), svg);
  if (options.flame) {
    for (const { workload, server } of measured.filter((one) => one.server.startsWith("ours")))
      say(["", ...hottest(join(results, "flame", workload, server))].join("\n"));
  }
  say(`bench: written to bench/results: results.json, results.md, bench.svg`);
}

process.exitCode = await main(process.argv.slice(2));
