/** Drives a server with dnsperf (https://www.dns-oarc.net/tools/dnsperf; Debian's package `dnsperf`). */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { findProgram } from "./process.ts";
import { quantile } from "./numbers.ts";

export interface Load {
  readonly port: number;
  /** Lines `NAME TYPE`, gone through again and again. */
  readonly queryFile: string;
  readonly seconds: number;
  /** Such as `-m tcp`. */
  readonly args: readonly string[];
  /** Queries per second; undefined: as fast as the server answers 100 at a time. */
  readonly rate?: number;
}

export interface LoadResult {
  readonly completed: number;
  readonly lost: number;
  /** Seconds from the first query to the last answer. */
  readonly seconds: number;
  /** Share of each response code. */
  readonly rcodes: Readonly<Record<string, number>>;
  /** Milliseconds, for a fixed rate. */
  readonly latency?: { readonly p50: number; readonly p99: number; readonly max: number };
}

/** Why there can be no benchmark on this machine; undefined where it can. */
export function whyNoDnsperf(): string | undefined {
  if (process.platform !== "linux") return "the benchmarks read /proc: they run on Linux only";
  if (findProgram("dnsperf") === undefined)
    return "dnsperf is not installed: apt-get install dnsperf (Debian, Ubuntu), dnf install dnsperf (Fedora)";
  return undefined;
}

/** Seconds that an answer is waited for. */
const TIMEOUT = 2;

const children = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of children) child.kill("SIGKILL");
});

export async function runLoad({ port, queryFile, seconds, args, rate }: Load): Promise<LoadResult> {
  const flags = [
    "-s",
    "127.0.0.1",
    "-p",
    String(port),
    "-d",
    queryFile,
    "-l",
    String(seconds),
    "-t",
    String(TIMEOUT),
  ];
  if (rate !== undefined) flags.push("-Q", String(rate), "-q", "2000", "-v");
  // Not a pipe: a reader of its many lines would take the processor from what is measured.
  const file = `${queryFile}.out`;
  const fd = openSync(file, "w");
  const child = spawn(findProgram("dnsperf")!, [...flags, ...args], { stdio: ["ignore", fd, fd] });
  closeSync(fd);
  children.add(child);
  const limit = setTimeout(() => child.kill("SIGKILL"), (seconds + 15) * 1000);
  const [code] = (await once(child, "exit")) as [number | null];
  clearTimeout(limit);
  children.delete(child);
  const lines = readFileSync(file, "utf8").split("\n");
  if (code !== 0) throw new Error(`dnsperf ended with ${code}: ${lines.slice(-4).join(" | ")}`);
  return resultOf(lines);
}

function resultOf(lines: readonly string[]): LoadResult {
  const latencies: number[] = [];
  const facts = new Map<string, string>();
  for (const line of lines) {
    // A line for each answer, with the time that it took: `> NOERROR web.shop.svc.cluster.local A 0.000123`.
    if (line.startsWith("> ")) {
      const took = Number(line.slice(line.lastIndexOf(" ") + 1));
      if (took > 0) latencies.push(took * 1000);
      continue;
    }
    const fact = /^\s+([A-Z][^:]+):\s+(.*)$/.exec(line);
    if (fact !== null) facts.set(fact[1]!, fact[2]!);
  }
  const number = (name: string): number => Number.parseFloat(facts.get(name) ?? "0");
  const completed = number("Queries completed");
  const rcodes: Record<string, number> = {};
  for (const [, rcode, count] of (facts.get("Response codes") ?? "").matchAll(/([A-Z]+) (\d+)/g))
    rcodes[rcode!] = Number(count) / completed;
  const result = { completed, lost: number("Queries lost"), seconds: number("Run time (s)"), rcodes };
  if (latencies.length === 0) return result;
  // What never came took at least as long as was waited for it.
  for (let i = 0; i < result.lost; i++) latencies.push(TIMEOUT * 1000);
  const sorted = Float64Array.from(latencies).sort();
  return {
    ...result,
    latency: { p50: quantile(sorted, 0.5), p99: quantile(sorted, 0.99), max: sorted.at(-1)! },
  };
}
