/** Many lookups of many pods, in virtual time, and what they come to at each server. */
import { seededRandom, until, virtualClock } from "../resolver/clock.ts";
import type { ResolvConf } from "../resolver/conf.ts";
import { lookup } from "../resolver/lookup.ts";
import type { ResolverModel } from "../resolver/models.ts";
import type { Net, Random, Transport } from "../resolver/types.ts";
import { openChain, type ChainOptions, type Hop } from "./chain/chain.ts";
import { podTransport } from "./chain/pod.ts";
import { quantiles, type Quantiles } from "./quantiles.ts";

/** What pods do, for so many seconds of virtual time. */
export interface Mix {
  readonly seconds: number;
  readonly groups: readonly PodGroup[];
}

/** Pods that are alike. */
export interface PodGroup {
  readonly pods: number;
  /** Lookups of one pod in a second, at random times (a Poisson process); a pod waits for one before it begins the next. */
  readonly rate: number;
  readonly conf: ResolvConf;
  readonly names: readonly MixName[];
  /** Of each pod, dealt out by their weights. */
  readonly resolvers: readonly { readonly model: ResolverModel; readonly weight: number }[];
}

export interface MixName {
  readonly name: string;
  readonly weight: number;
  /** What sort of name it is, for the report. */
  readonly kind: string;
}

export interface LoadOptions extends Omit<ChainOptions, "clock" | "random" | "count" | "log"> {
  readonly mix: Mix;
  readonly net: Net;
  readonly seed: number;
}

export interface Load {
  readonly lookups: number;
  /** Lookups that found nothing. */
  readonly failed: number;
  /** Questions that pods sent. */
  readonly queries: number;
  /** Questions that reached each server. */
  readonly hops: Readonly<Record<Hop, number>>;
  readonly query_ms: Quantiles;
  readonly lookup_ms: Quantiles;
  readonly kinds: Readonly<
    Record<string, { readonly lookups: number; readonly queries: number; readonly lookup_ms: Quantiles }>
  >;
  /** Of each server's cache: the part of the questions that it answered; null without one. */
  readonly hit_ratio: { readonly nodelocal: number | null; readonly cluster: number | null };
}

/** Runs the mix. Rejects with one line where a Corefile can't be run. */
export async function runLoad(options: LoadOptions): Promise<Load> {
  const { mix, net, seed } = options;
  const clock = virtualClock();
  const hops: Record<Hop, number> = { nodelocal: 0, cluster: 0, upstream: 0 };
  const chain = await openChain({
    ...options,
    clock,
    random: seededRandom(seed),
    count: (hop) => hops[hop]++,
  });
  const queryTimes: number[] = [];
  const lookupTimes: number[] = [];
  const kinds = new Map<string, { queries: number; times: number[] }>();
  let queries = 0;
  let failed = 0;

  const timed = (transport: Transport): Transport => ({
    ...transport,
    async send(question) {
      const sent = clock.now();
      const fate = await transport.send(question);
      queryTimes.push(clock.now() - sent);
      return fate;
    },
  });

  const pod = async ({ rate, conf, names, resolvers }: PodGroup, number: number): Promise<void> => {
    // Chance of its own: what is looked up when does not depend on how the chain is made.
    const random = seededRandom(seed ^ Math.imul(number + 1, 0x9e3779b1));
    const pick = picker(names, random);
    const { model } = picker(resolvers, random)();
    const resolverRandom = seededRandom(seed + number);
    const transport = timed(podTransport(chain, podAddress(number), clock));
    const end = mix.seconds * 1000;
    for (let at = wait(random, rate); at < end; at += wait(random, rate)) {
      if (at > clock.now()) await until(clock, at);
      const { name, kind } = pick();
      const begun = clock.now();
      const report = await lookup(model, name, {
        conf,
        net,
        transport,
        clock,
        random: resolverRandom,
      });
      const took = clock.now() - begun;
      const of = kinds.get(kind) ?? { queries: 0, times: [] };
      kinds.set(kind, of);
      of.queries += report.queries.length;
      of.times.push(took);
      lookupTimes.push(took);
      queries += report.queries.length;
      if (!report.result.ok) failed++;
    }
  };

  try {
    const pods = mix.groups.flatMap((group) => Array<PodGroup>(group.pods).fill(group));
    await clock.run(() => Promise.all(pods.map(pod)));
    return {
      lookups: lookupTimes.length,
      failed,
      queries,
      hops,
      query_ms: quantiles(queryTimes),
      lookup_ms: quantiles(lookupTimes),
      kinds: Object.fromEntries(
        [...kinds]
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .map(([kind, of]) => [
            kind,
            { lookups: of.times.length, queries: of.queries, lookup_ms: quantiles(of.times) },
          ]),
      ),
      hit_ratio: {
        nodelocal: hitRatio(await chain.metrics("nodelocal")),
        cluster: hitRatio(await chain.metrics("cluster")),
      },
    };
  } finally {
    await chain.close();
  }
}

/** Milliseconds until the next event of so many a second. */
const wait = (random: Random, rate: number): number => (-Math.log(1 - random()) / rate) * 1000;

/** One of many pods: 10.244.N.N. */
export const podAddress = (number: number): string =>
  `10.244.${String((number >> 8) & 255)}.${String(number & 255)}`;

/** Draws one of the list, each as often as its weight says. */
export function picker<T extends { readonly weight: number }>(list: readonly T[], random: Random): () => T {
  const sums: number[] = [];
  let sum = 0;
  for (const { weight } of list) sums.push((sum += weight));
  return () => {
    const drawn = random() * sum;
    let low = 0;
    let high = list.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (sums[middle]! > drawn) high = middle;
      else low = middle + 1;
    }
    return list[low]!;
  };
}

/** From a metrics page; null where there is no cache, or nobody asked it. */
function hitRatio(page: string): number | null {
  const sum = (name: string): number => {
    let total = 0;
    for (const [, value] of page.matchAll(
      new RegExp(`^coredns_cache_${name}_total\\{[^}]*\\} (\\S+)$`, "gm"),
    ))
      total += Number(value);
    return total;
  };
  const requests = sum("requests");
  return requests === 0 ? null : sum("hits") / requests;
}
