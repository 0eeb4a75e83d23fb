/** Pauses of the event loop under 20,000 queries a second for a minute, beside a process that only sleeps. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { root } from "../test/support/paths.ts";
import { clusterObjects } from "./cluster.ts";
import { runAlone, type Extra } from "./lib/alone.ts";
import { freePorts, untilAnswered } from "./lib/ask.ts";
import { runLoad } from "./lib/dnsperf.ts";
import { startProcess, type ServerProcess } from "./lib/process.ts";
import { manifestsLine } from "./lib/source.ts";
import { startUpstream } from "./lib/upstream.ts";
import type { Pauses } from "./pauses-probe.ts";
import { trace } from "./questions.ts";
import { corefileText } from "./servers/corefile.ts";

const SECONDS = Number(process.env["BENCH_PAUSE_SECONDS"] ?? 60);
const RATE = 20_000;
/** Milliseconds. */
const MOST = 20;

export async function pauses(directory: string): Promise<Extra> {
  const [port, upstreamPort, ...side] = await freePorts(5);
  const upstream = await startUpstream(join(directory, "upstream"), upstreamPort!);
  const started: ServerProcess[] = [upstream];
  try {
    const file = join(directory, "Corefile");
    const source = manifestsLine(join(directory, "manifests"), clusterObjects());
    const sidePorts = [side[0]!, side[1]!, side[2]!] as const;
    writeFileSync(
      file,
      corefileText({
        port: port!,
        sidePorts,
        upstreamPort: upstreamPort!,
        corefile: { cache: "shipped" },
        source,
      }),
    );
    const server = watched(directory, "server", [join(root, "bin/clusterdns"), "-conf", file]);
    started.push(server);
    started.push(watched(directory, "control", ["-e", "setInterval(() => undefined, 1e6)"]));
    await untilAnswered(port!, ["api-0.team-0.svc.cluster.local", "A"], () => server.cpu());
    const queryFile = join(directory, "queries");
    writeFileSync(
      queryFile,
      trace()
        .map((question) => `${question.join(" ")}\n`)
        .join(""),
    );
    // The watch begins five seconds after the start, and shows what it has every second.
    await runLoad({ port: port!, queryFile, seconds: 5, args: ["-Q", String(RATE)] });
    const load = await runLoad({ port: port!, queryFile, seconds: SECONDS + 1, args: ["-Q", String(RATE)] });
    const [own, control] = [read(directory, "server"), read(directory, "control")];
    if (own === undefined || control === undefined) throw new Error(`nothing was noted: ${server.log()}`);
    return {
      lines: [
        `**pauses** of the event loop in ${SECONDS} s of a cluster's mix at ${Math.round(load.completed / load.seconds)} queries/s, by how much a timer of 1 ms came late:`,
        "",
        `| | ${own.bounds.map((bound) => `≤ ${bound} ms`).join(" | ")} | longer | longest | longest garbage collection |`,
        `|${" --- |".repeat(own.bounds.length + 4)}`,
        row("clusterdns", own),
        row("a process that sleeps", control),
      ],
      // What the machine does to a process that sleeps it does to all, in the middle of a collection as well.
      verdicts: [
        verdict("pauses: longest, or what the sleeping process had", Math.max(MOST, control.max), own.max),
        verdict("pauses: longest garbage collection, likewise", Math.max(MOST, control.max), own.gcMax),
      ],
    };
  } finally {
    await Promise.all(started.map((one) => one.stop()));
  }
}

const verdict = (title: string, most: number, value: number) => ({
  title,
  most,
  unit: "ms",
  value: { median: value, min: value, max: value },
});

function watched(directory: string, name: string, args: readonly string[]): ServerProcess {
  const self = fileURLToPath(import.meta.url);
  const probe = join(self, "../pauses-probe") + self.slice(self.lastIndexOf("."));
  return startProcess({
    command: process.execPath,
    args: ["--import", probe, ...args],
    cwd: directory,
    env: { PAUSES_FILE: join(directory, `${name}.json`) },
    logFile: join(directory, `${name}.log`),
  });
}

function read(directory: string, name: string): Pauses | undefined {
  const file = join(directory, `${name}.json`);
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as Pauses) : undefined;
}

const row = (title: string, { counts, max, gcMax, gcCount }: Pauses): string =>
  `| ${[title, ...counts, `${max.toFixed(1)} ms`, `${gcMax.toFixed(1)} ms of ${gcCount}`].join(" | ")} |`;

await runAlone(import.meta.url, pauses);
