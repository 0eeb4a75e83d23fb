/** One workload on all its servers: runs in turn, so that what disturbs the machine disturbs all. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePorts, outcome, untilAnswered, type Question } from "./lib/ask.ts";
import { runLoad, type LoadResult } from "./lib/dnsperf.ts";
import type { ServerProcess } from "./lib/process.ts";
import type { Kind, Site } from "./servers/server.ts";
import type { Workload } from "./workloads.ts";

/** One run of one server. */
export interface Run {
  readonly round: number;
  /** Microseconds of CPU for a query. */
  readonly user: number;
  readonly system: number;
  /** Answers per second of the wall's clock. */
  readonly rate: number;
  readonly lost: number;
  /** Milliseconds; at a fixed rate only. */
  readonly latency?: { readonly p50: number; readonly p99: number; readonly max: number };
}

export interface Measured {
  readonly workload: string;
  readonly server: string;
  /** As fast as it answers. */
  readonly full: readonly Run[];
  /** At the workload's fixed rate. */
  readonly fixed: readonly Run[];
}

export interface Bench {
  readonly directory: string;
  readonly source: string;
  readonly upstreamPort: number;
  /** What the cluster answers the questions. */
  records(questions: readonly Question[]): Promise<readonly string[]>;
  readonly runs: number;
  readonly seconds: number;
  /** Signal that ends a server: one that it may react to where it writes a profile. */
  readonly stopSignal: NodeJS.Signals;
  say(line: string): void;
}

interface Started {
  readonly kind: Kind;
  readonly port: number;
  readonly process: ServerProcess;
}

/** A server that does not start is left out aloud. */
export async function measure(
  workload: Workload,
  wanted: readonly Kind[],
  bench: Bench,
): Promise<Measured[]> {
  const questions = workload.questions();
  const directory = join(bench.directory, workload.name);
  mkdirSync(directory, { recursive: true });
  const queryFile = join(directory, "queries");
  writeFileSync(queryFile, questions.map((question) => question.join(" ") + "\n").join(""));
  const readsZones = wanted.some(({ name }) => ["knot", "unbound", "dns2"].includes(name));
  const records = readsZones && workload.name !== "forward" ? await bench.records(questions) : [];

  const started: Started[] = [];
  try {
    for (const kind of wanted) {
      const server = await start(kind, workload, bench, { directory, records, questions });
      if (server !== undefined) started.push(server);
    }
    await compare(started, workload, questions, bench);
    const full = await interleave(started, workload, queryFile, bench, undefined);
    const fixed =
      workload.rate === undefined
        ? undefined
        : await interleave(started, workload, queryFile, bench, workload.rate);
    return started.map(({ kind }) => ({
      workload: workload.name,
      server: kind.name,
      full: full.get(kind.name) ?? [],
      fixed: fixed?.get(kind.name) ?? [],
    }));
  } finally {
    await Promise.all(started.map(({ process }) => process.stop(bench.stopSignal)));
  }
}

async function start(
  kind: Kind,
  workload: Workload,
  bench: Bench,
  given: Pick<Site, "directory" | "records" | "questions">,
): Promise<Started | undefined> {
  const directory = join(given.directory, kind.name);
  mkdirSync(directory, { recursive: true });
  const [port, health, ready, metrics] = await freePorts(4);
  const { upstreamPort, source } = bench;
  const { records, questions } = given;
  const { corefile } = workload;
  const sidePorts = [health!, ready!, metrics!] as const;
  const process = kind.start({
    directory,
    port: port!,
    sidePorts,
    upstreamPort,
    corefile,
    source,
    records,
    questions,
  });
  try {
    const isThere: Question =
      workload.name === "forward" ? ["there.bench.example", "A"] : ["api-0.team-0.svc.cluster.local", "A"];
    const probe =
      questions.some(([name]) => name === isThere[0]) || workload.name === "forward"
        ? isThere
        : questions[0]!;
    if (workload.rcodes.includes("NOERROR")) await untilAnswered(port!, probe, () => process.cpu());
    else await untilSame(port!, probe, workload.rcodes[0]!, process);
    return { kind, port: port!, process };
  } catch (error) {
    await process.stop();
    bench.say(`  ${kind.name} is left out: ${(error as Error).message.trim().replaceAll("\n", "\n    ")}`);
    return undefined;
  }
}

async function untilSame(
  port: number,
  question: Question,
  rcode: string,
  process: ServerProcess,
): Promise<void> {
  for (const end = Date.now() + 60_000; Date.now() < end;) {
    process.cpu();
    if ((await outcome(port, question)) === rcode) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`no ${rcode} for ${question.join(" ")} after 60 s`);
}

/** Says where a server answers differently from the first: then it does different work. */
async function compare(
  servers: readonly Started[],
  { name, dnsperf }: Workload,
  questions: readonly Question[],
  { say }: Bench,
): Promise<void> {
  // Whole answers over UDP only: with EDNS they are longer than what is asked here.
  if (dnsperf?.includes("-e") === true) return;
  const step = Math.max(1, Math.floor(questions.length / 25));
  const sample = questions.filter((_, i) => i % step === 0);
  for (const question of sample) {
    const [first, ...others] = await Promise.all(servers.map(({ port }) => outcome(port, question)));
    others.forEach((other, i) => {
      if (other !== first)
        say(
          `  ${name}: ${servers[i + 1]!.kind.name} answers ${question.join(" ")} otherwise: ${flat(other)}, not ${flat(first!)}`,
        );
    });
  }
}

const flat = (text: string): string => JSON.stringify(text.split("\n", 3).join(", ").slice(0, 120));

async function interleave(
  servers: readonly Started[],
  workload: Workload,
  queryFile: string,
  { runs, seconds, say }: Bench,
  rate: number | undefined,
): Promise<Map<string, Run[]>> {
  const results = new Map(servers.map(({ kind }): [string, Run[]] => [kind.name, []]));
  for (let round = 0; round <= runs; round++) {
    for (const { kind, port, process } of servers) {
      const before = process.cpu();
      const load = { port, queryFile, seconds, args: workload.dnsperf ?? [] };
      const result = await runLoad(rate === undefined ? load : { ...load, rate }).catch(
        (error: Error) => error,
      );
      const after = process.cpu();
      // The first run warms up caches and compilers.
      if (round === 0) continue;
      const wrong = result instanceof Error ? result.message : whatIsWrong(result, workload);
      if (result instanceof Error || wrong !== undefined) {
        say(`  ${workload.name}: a run of ${kind.name} does not count: ${wrong}`);
        continue;
      }
      const perQuery = 1e6 / result.completed;
      results.get(kind.name)!.push({
        round,
        user: (after.user - before.user) * perQuery,
        system: (after.system - before.system) * perQuery,
        rate: result.completed / result.seconds,
        lost: result.lost,
        ...(result.latency === undefined ? {} : { latency: result.latency }),
      });
    }
  }
  return results;
}

/** Fewer answers say nothing about what one costs. */
const LEAST = 500;
/** Lost or wrong answers above this share make a run void. */
const TOLERATED = 0.005;

function whatIsWrong(
  { completed, lost, rcodes, latency }: LoadResult,
  workload: Workload,
): string | undefined {
  if (completed < LEAST) return `${completed} answers only`;
  // At a fixed rate they stand among the latencies.
  if (latency === undefined && lost > (completed + lost) * TOLERATED)
    return `${lost} of ${completed + lost} queries lost`;
  for (const [rcode, share] of Object.entries(rcodes)) {
    if (!workload.rcodes.includes(rcode) && share > TOLERATED)
      return `${(share * 100).toFixed(1)} % ${rcode}`;
  }
  return undefined;
}
