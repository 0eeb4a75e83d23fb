/** Pods that look names up as a stub resolver does: the search list, A and AAAA at once on one socket, 5 seconds, two attempts. */
import { createSocket } from "node:dgram";
import { setTimeout as sleep } from "node:timers/promises";
import packet from "dns-packet";

const SEARCH = ["nlcbench.svc.cluster.local", "svc.cluster.local", "cluster.local"];
const NDOTS = 5;
const PATIENCE = 5000;
const ATTEMPTS = 2;

export const services: readonly string[] = Array.from(
  { length: 20 },
  (_, i) => `svc${String(i + 1).padStart(2, "0")}`,
);
export const outside: readonly string[] = Array.from({ length: 12 }, (_, i) => `www.site${i + 1}.example`);

export interface Load {
  readonly server: string;
  readonly pods: number;
  /** Lookups a second of each pod. */
  readonly rate: number;
  readonly seconds: number;
}

export interface Latencies {
  /** Milliseconds, of each question and of each lookup. */
  readonly queries: number[];
  readonly lookups: number[];
  failed: number;
}

/** The same seed asks the same names at the same times. */
export async function askAll({ server, pods, rate, seconds }: Load, seed: number): Promise<Latencies> {
  const result: Latencies = { queries: [], lookups: [], failed: 0 };
  await Promise.all(
    Array.from({ length: pods }, async (_, pod) => {
      const random = mulberry32(seed * 1000 + pod);
      const begin = performance.now();
      for (let at = 0; ;) {
        at += (-Math.log(1 - random()) / rate) * 1000;
        if (at > seconds * 1000) return;
        const name = pick(random);
        const wait = begin + at - performance.now();
        if (wait > 0) await sleep(wait);
        await lookUp(name, server, `10.244.0.${pod + 2}`, result);
      }
    }),
  );
  return result;
}

/** The mix of the recorded claims. */
function pick(random: () => number): string {
  const kind = random();
  const service = services[zipf(random, services.length)]!;
  if (kind < 0.3) return service;
  if (kind < 0.5) return `${service}.nlcbench`;
  if (kind < 0.6) return `${service}.nlcbench.svc.cluster.local`;
  if (kind < 0.95) return outside[zipf(random, outside.length)]!;
  return `nowhere${Math.floor(random() * 20)}.missing.example`;
}

async function lookUp(name: string, server: string, from: string, result: Latencies): Promise<void> {
  const begin = performance.now();
  const dots = name.split(".").length - 1;
  const candidates = [...SEARCH.map((domain) => `${name}.${domain}`), name];
  let isAnswered = true;
  for (const candidate of dots >= NDOTS ? [name] : candidates) {
    const found = await exchange(candidate, server, from, result);
    isAnswered &&= found !== undefined;
    if (found === true) break;
  }
  if (!isAnswered) result.failed++;
  result.lookups.push(performance.now() - begin);
}

/** Whether there is an address; undefined where nobody answered. */
async function exchange(
  name: string,
  server: string,
  from: string,
  result: Latencies,
): Promise<boolean | undefined> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const found = await once(name, server, from, result);
    if (found !== undefined) return found;
  }
  return undefined;
}

function once(name: string, server: string, from: string, result: Latencies): Promise<boolean | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket("udp4");
    const left = new Set([1, 2]);
    let found = false;
    const begin = performance.now();
    const timer = setTimeout(() => done(undefined), PATIENCE);
    const done = (value: boolean | undefined): void => {
      clearTimeout(timer);
      socket.close();
      resolve(value);
    };
    socket.on("error", () => done(undefined));
    socket.on("message", (bytes) => {
      result.queries.push(performance.now() - begin);
      const { id, answers } = packet.decode(bytes);
      left.delete(id);
      found ||= answers.length > 0;
      if (left.size === 0) done(found);
    });
    socket.bind({ address: from }, () => {
      for (const [id, type] of [
        [1, "A"],
        [2, "AAAA"],
      ] as const)
        // prettier-ignore
        socket.send(packet.encode({ type: "query", id, flags: 0x100, questions: [{ name, type }] }), 53, server);
    });
  });
}

function zipf(random: () => number, count: number): number {
  const weights = Array.from({ length: count }, (_, i) => 1 / (i + 1));
  let at = random() * weights.reduce((sum, weight) => sum + weight, 0);
  return Math.max(
    0,
    weights.findIndex((weight) => (at -= weight) < 0),
  );
}

function mulberry32(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
