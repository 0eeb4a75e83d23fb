/**
 * `node dist/bench/ndots-audit.js [LOOKUPS]`: `clusterdns ndots audit` on a log of known cost (see ndots-log.ts): 1,000,000 lookups, about
 * 8 million lines, without a number. Making the log takes longer than reading it.
 */
import { fork } from "node:child_process";
import {
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { run, type AuditDocument } from "../src/cli/ndots-audit.ts";
import { isProgram } from "./lib/alone.ts";
import { generateLog, RTT, type Truth } from "./ndots-log.ts";

const MOST_SECONDS = 60;
const MOST_MEGABYTES = 300;
const MOST_ERROR = 0.02;
const LINES_AT_ONCE = 5000;

/** What the process that audits tells of itself. */
interface Usage {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly megabytes: number;
}

async function auditAlone(argv: string[], to: string): Promise<void> {
  const begun = performance.now();
  const fd = openSync(to, "w");
  await run(argv, { write: (text: string | Uint8Array) => writeSync(fd, String(text)) > 0 });
  closeSync(fd);
  const { maxRSS, userCPUTime, systemCPUTime } = process.resourceUsage();
  process.send!({
    seconds: (performance.now() - begun) / 1000,
    cpuSeconds: (userCPUTime + systemCPUTime) / 1e6,
    megabytes: maxRSS / 1024,
  } satisfies Usage);
  process.disconnect();
}

async function main(lookups: number): Promise<number> {
  const directory = mkdtempSync(join(tmpdir(), "ndots-audit-"));
  try {
    const [log, manifests, output] = ["queries.log", "cluster.json", "audit.json"].map((name) =>
      join(directory, name),
    ) as [string, string, string];
    const fd = openSync(log, "w");
    let lines: string[] = [];
    let count = 0;
    const flush = (): void => {
      if (lines.length > 0) writeSync(fd, `${lines.join("\n")}\n`);
      lines = [];
    };
    const { objects, truth } = await generateLog(lookups, 1, (line) => {
      count++;
      if (lines.push(line) >= LINES_AT_ONCE) flush();
    });
    flush();
    closeSync(fd);
    writeFileSync(manifests, JSON.stringify({ apiVersion: "v1", kind: "List", items: objects }));
    console.log(`${lookups} lookups, ${count} lines, ${(statSync(log).size / 1e6).toFixed(0)} MB`);

    const child = fork(fileURLToPath(import.meta.url), [
      "--audit",
      output,
      log,
      "--manifests",
      manifests,
      "--rtt",
      String(RTT),
      "--json",
    ]);
    const usage = await new Promise<Usage>((resolve, reject) => {
      child.once("message", (message) => resolve(message as Usage));
      child.once("exit", (code) => reject(new Error(`the audit ended with ${String(code)}`)));
    });
    const { seconds, cpuSeconds, megabytes } = usage;
    console.log(
      `audit: ${seconds.toFixed(1)} s (${cpuSeconds.toFixed(1)} s of CPU), ${megabytes.toFixed(0)} MB at most`,
    );
    const error = worstError(JSON.parse(readFileSync(output, "utf8")) as AuditDocument, truth);
    console.log(`waste of a workload: ${(100 * error).toFixed(3)} % from the truth at most`);
    return seconds < MOST_SECONDS && megabytes < MOST_MEGABYTES && error < MOST_ERROR ? 0 : 1;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** The greatest relative error of needless queries, and of the time that clients waited for them. */
function worstError({ workloads }: AuditDocument, truth: Readonly<Record<string, Truth>>): number {
  const off = (found: number, known: number): number => Math.abs(found - known) / Math.max(1, known);
  return Math.max(
    ...Object.entries(truth).flatMap(([key, { wasted, waited_ms }]) => {
      const found = workloads.find(({ namespace, kind, name }) => `${namespace}/${kind}/${name}` === key);
      return [off(found?.wasted ?? 0, wasted), off(found?.latency_ms ?? 0, waited_ms)];
    }),
  );
}

if (isProgram(import.meta.url)) {
  const [first, ...rest] = process.argv.slice(2);
  if (first === "--audit") await auditAlone(rest.slice(1), rest[0]!);
  else process.exitCode = await main(Number(first ?? 1_000_000));
}
