/**
 * Time to ready and memory with many Services: `node dist/bench/scale.js [--api] [COUNT ...]`, by default 10,000 over an API server, and 100,000 over
 * what stands in for one and over manifests: a real one takes half an hour to be filled with those (`--api`).
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { load } from "../test/support/apiserver-load.ts";
import { noApiServer, startApiServer } from "../test/support/apiserver.ts";
import { manyServices } from "./cluster.ts";
import { isProgram, runAlone, type Extra } from "./lib/alone.ts";
import { freePorts, untilAnswered } from "./lib/ask.ts";
import { spreadOf, type Spread } from "./lib/numbers.ts";
import { manifestsLine, SERVICE_RANGES } from "./lib/source.ts";
import { startStillApi } from "./lib/still-api.ts";
import type { Verdict } from "./report/bounds.ts";
import { coredns } from "./servers/coredns.ts";
import { ours } from "./servers/ours.ts";
import type { Kind } from "./servers/server.ts";

const RUNS = 3;
/** Above it, manifests are what is measured where nothing else is said. */
const MOST_BY_API = 20_000;

interface Scale {
  /** Seconds from the process's start to the first answer. */
  readonly ready: Spread;
  /** CPU seconds until then. */
  readonly cpu: Spread;
  /** MiB, three seconds later. */
  readonly rss: Spread;
}

export async function scale(directory: string, say: (line: string) => void): Promise<Extra> {
  const args = isProgram(import.meta.url) ? process.argv.slice(2) : [];
  const counts = args.filter((arg) => /^\d+$/.test(arg)).map(Number);
  const lines = [
    "| Services | source | | ready after | CPU until then | resident |",
    "| --- | --- | --- | --- | --- | --- |",
  ];
  const verdicts: Verdict[] = [];
  for (const count of counts.length > 0 ? counts : [10_000, 100_000]) {
    const withApi = noApiServer === false && (count <= MOST_BY_API || args.includes("--api"));
    const place = join(directory, String(count));
    mkdirSync(place);
    const rows = await (withApi ? overApiServer : overStandIn)(place, count, say);
    const what = withApi ? "API server" : "API server's stand-in";
    if (!withApi) {
      const { ready, cpu, rss } = await measure(
        ours,
        place,
        manifestsLine(join(place, "manifests"), manyServices(count)),
        count,
      );
      lines.push(row(count, "manifests", ours, ready, cpu, rss));
    }
    for (const [kind, { ready, cpu, rss }] of rows) {
      lines.push(row(count, what, kind, ready, cpu, rss));
    }
    const [own, other] = [rows.get(ours), rows.get(coredns)];
    if (own !== undefined && other !== undefined) verdicts.push(...judge(count, own, other));
  }
  return { lines, verdicts };
}

function row(count: number, source: string, kind: Kind, ready: Spread, cpu: Spread, rss: Spread): string {
  const seconds = ({ median, min, max }: Spread): string =>
    `${median.toFixed(2)} s (${min.toFixed(2)}–${max.toFixed(2)})`;
  return `| ${[count, source, kind.title, seconds(ready), seconds(cpu), `${rss.median.toFixed(0)} MiB`].join(" | ")} |`;
}

function judge(count: number, own: Scale, other: Scale): Verdict[] {
  const by = (title: string, most: number, a: Spread, b: Spread): Verdict => {
    const value = { median: a.median / b.median, min: a.min / b.max, max: a.max / b.min };
    return { title: `${count} Services: ${title}, ours by coredns`, most, unit: "", value };
  };
  // 70 MiB of client-node weigh less where there is much to keep.
  const large = count > MOST_BY_API;
  const memory = by("resident", large ? 0.5 : 1, own.rss, other.rss);
  return large ? [memory] : [memory, by("time to ready", 1.5, own.ready, other.ready)];
}

async function overStandIn(
  directory: string,
  count: number,
  say: (line: string) => void,
): Promise<Map<Kind, Scale>> {
  const api = await startStillApi(manyServices(count));
  try {
    return await measureAll(directory, `endpoint ${api.url}`, count, say);
  } finally {
    await api.close();
  }
}

async function overApiServer(
  directory: string,
  count: number,
  say: (line: string) => void,
): Promise<Map<Kind, Scale>> {
  const api = await startApiServer({ flags: [SERVICE_RANGES] });
  try {
    const begin = Date.now();
    await load(api, [...manyServices(count)]);
    say(
      `bench: scale: ${count} Services are in the API server after ${Math.round((Date.now() - begin) / 1000)} s`,
    );
    return await measureAll(directory, `kubeconfig ${api.kubeconfig} test`, count, say);
  } finally {
    await api.close();
  }
}

async function measureAll(
  directory: string,
  source: string,
  count: number,
  say: (line: string) => void,
): Promise<Map<Kind, Scale>> {
  const kinds = [ours, coredns].filter((kind) => kind.missing() === undefined);
  if (!kinds.includes(coredns)) say(`bench: scale: coredns is left out: ${coredns.missing()}`);
  const found = new Map<Kind, Scale>();
  for (const kind of kinds) found.set(kind, await measure(kind, directory, source, count));
  return found;
}

async function measure(kind: Kind, base: string, source: string, count: number): Promise<Scale> {
  const runs: { ready: number; cpu: number; rss: number }[] = [];
  for (let run = 0; run < RUNS; run++) {
    const directory = join(base, kind.name);
    mkdirSync(directory, { recursive: true });
    const [port, upstreamPort, health, ready, metrics] = await freePorts(5);
    writeFileSync(join(directory, "log"), "");
    const begin = performance.now();
    const server = kind.start({
      directory,
      port: port!,
      sidePorts: [health!, ready!, metrics!],
      upstreamPort: upstreamPort!,
      // Without `forward`, which has nothing to ask here.
      corefile: { cache: "all", isLocal: true },
      source,
      records: [],
      questions: [],
    });
    try {
      const last = `service-${count - 1}.space-${(count - 1) % Math.ceil(count / 500)}.svc.cluster.local`;
      await untilAnswered(port!, [last, "A"], () => server.cpu(), 300_000);
      const took = (performance.now() - begin) / 1000;
      const { user, system } = server.cpu();
      await sleep(3000);
      runs.push({ ready: took, cpu: user + system, rss: server.memory().rss });
    } finally {
      await server.stop();
    }
  }
  return {
    ready: spreadOf(runs.map(({ ready }) => ready))!,
    cpu: spreadOf(runs.map(({ cpu }) => cpu))!,
    rss: spreadOf(runs.map(({ rss }) => rss))!,
  };
}

await runAlone(import.meta.url, scale);
