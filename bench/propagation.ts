/**
 * `node dist/bench/propagation.js [CHANGES]`: how long after the API server's answer a change is in the answers, over UDP, beside CoreDNS: a Service
 * that its cache held as absent until then appears; one that is in the cache disappears. Needs `npm run setup:apiserver`.
 */
import { createSocket } from "node:dgram";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { noApiServer, startApiServer, type ApiServer } from "../test/support/apiserver.ts";
import { apply, load, remove, type Manifest } from "../test/support/apiserver-load.ts";
import { manyServices } from "./cluster.ts";
import { isProgram, runAlone, type Extra } from "./lib/alone.ts";
import { freePorts, questionBytes, untilAnswered } from "./lib/ask.ts";
import { quantile } from "./lib/numbers.ts";
import { SERVICE_RANGES } from "./lib/source.ts";
import type { Verdict } from "./report/bounds.ts";
import { coredns } from "./servers/coredns.ts";
import { ours } from "./servers/ours.ts";
import type { Kind } from "./servers/server.ts";

const CHANGES = 200;
/** Milliseconds that a change is waited for: CoreDNS's cache holds an answer for 30 seconds, so it is measured as it is shipped, without cache for the cluster. */
const PATIENCE = 5000;
const NXDOMAIN = 3;

export async function propagation(directory: string, say: (line: string) => void): Promise<Extra> {
  if (noApiServer !== false) return { lines: [`**propagation**: left out: ${noApiServer}`], verdicts: [] };
  const changes = isProgram(import.meta.url) ? Number(process.argv[2] ?? CHANGES) : CHANGES;
  const kinds = [ours, coredns].filter((kind) => kind.missing() === undefined);
  if (!kinds.includes(coredns)) say(`bench: propagation: coredns is left out: ${coredns.missing()}`);
  const api = await startApiServer({ flags: [SERVICE_RANGES] });
  const lines = [
    "| | Service appears after | most | disappears after | most |",
    "| --- | --- | --- | --- | --- |",
  ];
  const verdicts: Verdict[] = [];
  try {
    await load(api, [...manyServices(100)]);
    for (const kind of kinds) {
      const { come, gone } = await measure(kind, join(directory, kind.name), api, changes);
      const cell = (times: readonly number[]): string =>
        `${quantile(times, 0.5).toFixed(2)} ms | ${quantile(times, 1).toFixed(2)} ms`;
      lines.push(`| ${kind.title} | ${cell(come)} | ${cell(gone)} |`);
      if (kind !== ours) continue;
      for (const [what, times] of [
        ["appears", come],
        ["disappears, cache and all", gone],
      ] as const) {
        const value = { median: quantile(times, 0.5), min: times[0]!, max: times.at(-1)! };
        verdicts.push({ title: `propagation: a Service ${what}`, most: 2, unit: " ms", value });
      }
    }
  } finally {
    await api.close();
  }
  return {
    lines: [`**propagation** of ${changes} changes, API server's answer to a DNS answer:`, "", ...lines],
    verdicts,
  };
}

async function measure(
  kind: Kind,
  directory: string,
  api: ApiServer,
  changes: number,
): Promise<{ come: number[]; gone: number[] }> {
  mkdirSync(directory, { recursive: true });
  const [port, upstreamPort, health, ready, metrics] = await freePorts(5);
  const server = kind.start({
    directory,
    port: port!,
    sidePorts: [health!, ready!, metrics!],
    upstreamPort: upstreamPort!,
    // Ours holds everything in its cache: a change must purge it.
    corefile: { cache: kind === ours ? "all" : "shipped", isLocal: true },
    source: `kubeconfig ${api.kubeconfig} test`,
    records: [],
    questions: [],
  });
  const probe = openProbe(port!);
  const come: number[] = [];
  const gone: number[] = [];
  try {
    await untilAnswered(port!, ["service-0.space-0.svc.cluster.local", "A"], () => server.cpu());
    for (let i = 0; i < changes; i++) {
      const name = `new-${kind.name}-${i}`;
      const service: Manifest = {
        apiVersion: "v1",
        kind: "Service",
        metadata: { name, namespace: "space-0" },
        spec: { ports: [{ name: "http", port: 80 }] },
      };
      const question = `${name}.space-0.svc.cluster.local`;
      await probe.until(question, NXDOMAIN);
      await apply(api, service);
      come.push(await probe.until(question, 0));
      await remove(api, service);
      gone.push(await probe.until(question, NXDOMAIN));
      await sleep(5);
    }
  } finally {
    probe.close();
    await server.stop();
  }
  const sorted = (times: number[]): number[] => times.sort((a, b) => a - b);
  return { come: sorted(come), gone: sorted(gone) };
}

interface Probe {
  /** Asks again and again; the milliseconds until the question that first got this rcode was answered. */
  until(name: string, rcode: number): Promise<number>;
  close(): void;
}

function openProbe(port: number): Probe {
  const socket = createSocket("udp4");
  let heard: (bytes: Buffer) => void = () => undefined;
  socket.on("message", (bytes) => heard(bytes));
  return {
    until: (name, rcode) =>
      new Promise((resolve, reject) => {
        const begin = performance.now();
        const ask = (): void => socket.send(questionBytes([name, "A"], 1), port, "127.0.0.1");
        const again = setInterval(ask, 500);
        heard = (bytes) => {
          const took = performance.now() - begin;
          const done = (bytes[3]! & 15) === rcode;
          if (!done && took < PATIENCE) return void ask();
          clearInterval(again);
          heard = () => undefined;
          if (done) resolve(took);
          else reject(new Error(`${name}: no rcode ${rcode} in ${PATIENCE} ms`));
        };
        ask();
      }),
    close: () => socket.close(),
  };
}

await runAlone(import.meta.url, propagation);
