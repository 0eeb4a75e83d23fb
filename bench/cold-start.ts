/** CPU time of a start, until the first answer: corefiles/development over examples/cluster. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { root } from "../test/support/paths.ts";
import { runAlone, type Extra } from "./lib/alone.ts";
import { ask, freePorts } from "./lib/ask.ts";
import { spreadOf } from "./lib/numbers.ts";
import { startProcess } from "./lib/process.ts";

const RUNS = 7;
/** Milliseconds of user and system time. */
const MOST = 400;

export async function coldStart(directory: string): Promise<Extra> {
  const own: number[] = [];
  const bare: number[] = [];
  // The first run reads the files from the disk.
  for (let run = 0; run <= RUNS; run++) {
    const [cpu, empty] = [await startOnce(directory), bareNode()];
    if (run === 0) continue;
    own.push(cpu);
    bare.push(empty);
  }
  const value = spreadOf(own)!;
  const text = (spread: typeof value): string =>
    `${spread.median.toFixed(0)} ms (${spread.min.toFixed(0)}–${spread.max.toFixed(0)})`;
  return {
    lines: [
      `**cold start**, user and system CPU until the first answer, corefiles/development over examples/cluster: ${text(value)}; bare node: ${text(spreadOf(bare)!)} (node ${process.version}, ${RUNS} runs)`,
    ],
    verdicts: [{ title: "cold start: CPU until the first answer", most: MOST, unit: "ms", value }],
  };
}

async function startOnce(directory: string): Promise<number> {
  const [port] = await freePorts(1);
  const server = startProcess({
    command: process.execPath,
    args: [join(root, "bin/clusterdns"), "-conf", "corefiles/development", "-dns.port", String(port)],
    cwd: root,
    logFile: join(directory, "log"),
  });
  try {
    for (const end = Date.now() + 20_000; Date.now() < end;) {
      server.cpu();
      const answer = await ask(port!, ["web.shop.svc.cluster.local", "A"], 15);
      if (answer?.rcode !== 0 || answer.answer.length === 0) continue;
      const { user, system } = server.cpu();
      return (user + system) * 1000;
    }
    throw new Error(`no answer after 20 s: ${server.log()}`);
  } finally {
    await server.stop();
  }
}

function bareNode(): number {
  const program = "const { user, system } = process.cpuUsage(); console.log((user + system) / 1000)";
  return Number(spawnSync(process.execPath, ["-e", program], { encoding: "utf8" }).stdout);
}

await runAlone(import.meta.url, coldStart);
