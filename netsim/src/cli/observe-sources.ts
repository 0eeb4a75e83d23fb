/** Where `netsim observe` has its flows from: files, growing or not, simulated traffic, a DNS server's log. */
import { createReadStream, existsSync, readFileSync, statSync } from "node:fs";
import { open } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import type { ObserveOptions } from "../flow/arguments.ts";
import { createDnsLog } from "../flow/dns-log.ts";
import { createFlowObserver, IDLE, linesOf } from "../flow/observe.ts";
import type { Printed } from "../flow/printer.ts";
import { parseTime } from "../flow/time.ts";
import { simulate } from "../flow/traffic/simulate.ts";
import { readWorkload } from "../flow/traffic/workload.ts";
import type { FlowsResponse } from "../flow/types.ts";
import { loadInput, reportProblems } from "./input.ts";
import { UsageError } from "./usage.ts";

/** How often a growing file is looked at, in ms. */
const POLL = 200;

/** A file's text in pieces. With `tail` it has no end: an empty piece says that there is no more for now. */
export function readPieces(option: string, file: string, tail: boolean): AsyncIterable<string> {
  if (file === "") throw new UsageError(`${option}: needs the name of a file, or - for standard input`);
  if (file === "-") return process.stdin.setEncoding("utf8");
  if (!existsSync(file)) throw new UsageError(`${option}: there is no file ${file}`);
  if (statSync(file).isDirectory()) throw new UsageError(`${option}: ${file} is a directory`);
  return tail ? grow(file) : createReadStream(file, "utf8");
}

/** A file as it grows; from its beginning again where it was cut short or another took its place. */
async function* grow(file: string): AsyncGenerator<string> {
  for (;;) {
    const handle = await open(file);
    const decoder = new TextDecoder();
    try {
      const { ino } = await handle.stat();
      const buffer = Buffer.alloc(1 << 16);
      for (let position = 0; ;) {
        const { bytesRead } = await handle.read(buffer, 0, buffer.length, position);
        position += bytesRead;
        if (bytesRead > 0) {
          const text = decoder.decode(buffer.subarray(0, bytesRead), { stream: true });
          if (text !== "") yield text;
          continue;
        }
        yield "";
        await sleep(POLL);
        const now = statSync(file, { throwIfNoEntry: false });
        if (now !== undefined && (now.ino !== ino || now.size < position)) break;
      }
    } finally {
      await handle.close();
    }
  }
}

const noManifests = (option: string): never => {
  throw new UsageError(`${option} needs manifests, too: netsim observe k8s/ ${option} FILE`);
};

/** Simulated flows; with `--follow` as fast as the clock goes, and for as long as somebody looks. */
export async function* observeTraffic(options: ObserveOptions, color: boolean): AsyncGenerator<Printed> {
  const file = options.traffic ?? "";
  if (options.files.length === 0) noManifests("--traffic");
  const observer = createFlowObserver(options, color);
  const own = readWorkload(readText(file), file);
  const now = BigInt(Date.now()) * 1_000_000n;
  const workload = {
    ...own,
    ...(options.follow && { start: now, for: Infinity }),
    ...(options.start !== undefined && { start: options.start }),
    ...(options.duration !== undefined && { for: Number(options.duration) }),
    ...(options.seed !== undefined && { seed: options.seed }),
  };
  const cluster = loadInput(options.files);
  reportProblems(cluster.problems);
  const report = (problem: string): void => void process.stderr.write(`${problem}\n`);
  const behind = (): bigint => BigInt(Date.now()) * 1_000_000n - now + workload.start;
  for await (const { responses } of simulate(cluster, workload, { report })) {
    if (!options.follow) yield print(responses, observer);
    else
      for (const response of responses) {
        const ahead = Number((parseTime(response.time ?? "") ?? 0n) - behind()) / 1e6;
        if (ahead > 0) await sleep(ahead);
        yield print([response], observer);
        yield observer.caughtUp();
      }
    if (observer.done) break;
  }
  yield observer.caughtUp();
  yield { out: observer.end(), err: "" };
}

/** What a DNS server logs; with `--follow` as the file grows. Lines without a time have the clock's while it is followed. */
export async function* observeDnsLog(options: ObserveOptions, color: boolean): AsyncGenerator<Printed> {
  const file = options.dnsLog ?? "";
  if (options.files.length === 0) noManifests("--dns-log");
  const observer = createFlowObserver(options, color);
  const cluster = loadInput(options.files);
  reportProblems(cluster.problems);
  const log = createDnsLog(cluster);
  const live = options.follow || options.tail;
  let atEnd = file === "-" && live;
  for await (const lines of linesOf(readPieces("--dns-log", file, live))) {
    if (lines === IDLE) {
      atEnd = true;
      yield observer.caughtUp();
      continue;
    }
    const now = atEnd ? BigInt(Date.now()) * 1_000_000n : undefined;
    yield print(
      lines.flatMap((line) => log.flows(line, now)),
      observer,
    );
    if (observer.done) break;
  }
  yield observer.caughtUp();
  yield { out: observer.end(), err: "" };
}

function print(
  responses: readonly FlowsResponse[],
  observer: ReturnType<typeof createFlowObserver>,
): Printed {
  let [out, err] = ["", ""];
  for (const response of responses) {
    const printed = observer.take(response);
    [out, err] = [out + printed.out, err + printed.err];
    if (observer.done) break;
  }
  return { out, err };
}

function readText(file: string): string {
  try {
    return readFileSync(file === "-" ? 0 : file, "utf8");
  } catch (error) {
    throw new UsageError(`--traffic: ${file} cannot be read: ${(error as NodeJS.ErrnoException).code ?? ""}`);
  }
}
