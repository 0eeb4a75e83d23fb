/** A mix of lookups driven through a chain, with one thing varied at a time. */
import type { RR } from "../../dns/rr.ts";
import { parseResolvConf } from "../../resolver/conf.ts";
import { podResolvConf } from "../../resolver/pod.ts";
import type { Hop, Legs } from "../chain/chain.ts";
import { clusterDnsAddress } from "../chain/cluster-facts.ts";
import { playable } from "../chain/corefiles.ts";
import { createWorld } from "../chain/world.ts";
import { runLoad, type Load, type Mix } from "../load.ts";
import type { KubeObject } from "../objects.ts";
import type { MixSpec } from "./mix-file.ts";
import { withCaches, withTtl, type Parameter, type Settings, type Sweep } from "./vary.ts";

export interface ReplayOptions {
  readonly mix: MixSpec;
  readonly sweeps: readonly Sweep[];
  readonly corefile: string;
  /** Undefined: pods ask the cluster DNS. */
  readonly nodelocal: string | undefined;
  readonly objects: readonly KubeObject[];
  /** The world outside. */
  readonly records: readonly RR[];
  readonly legs: Legs;
  readonly clusterDomain: string;
  /** Of the nodes. */
  readonly search: readonly string[];
  readonly seed: number;
  /** Told before each run. */
  readonly tell?: (done: number, all: number) => void;
}

/** One run, and what was changed in it. */
export interface Point {
  readonly parameter: Parameter | null;
  readonly value: number | null;
  /** Questions a second that reach each server. */
  readonly per_second: Readonly<Record<Hop, number>>;
  /** Questions that pods send for one lookup. */
  readonly queries_per_lookup: number;
  readonly load: Load;
}

export interface ReplayDocument {
  readonly seconds: number;
  readonly pods: number;
  readonly hops: readonly Hop[];
  readonly as_it_is: Point;
  readonly points: readonly Point[];
}

/** Rejects with one line where a Corefile can't be run. */
export async function replay(options: ReplayOptions): Promise<ReplayDocument> {
  const { mix, sweeps, nodelocal, tell } = options;
  const runs = sweeps.flatMap(({ parameter, values }) =>
    values.map((value) => ({ parameter, value, settings: { [parameter]: value } as Settings })),
  );
  tell?.(0, runs.length + 1);
  const asItIs = await run(options, {});
  const points: Point[] = [];
  for (const [i, { parameter, value, settings }] of runs.entries()) {
    tell?.(i + 1, runs.length + 1);
    points.push({ ...(await run(options, settings)), parameter, value });
  }
  return {
    seconds: mix.seconds,
    pods: mix.groups.reduce((sum, { pods }) => sum + pods, 0),
    hops: nodelocal === undefined ? ["cluster", "upstream"] : ["nodelocal", "cluster", "upstream"],
    as_it_is: asItIs,
    points,
  };
}

async function run(options: ReplayOptions, settings: Settings): Promise<Point> {
  const { mix, corefile, nodelocal, objects, records, legs, seed } = options;
  const { ttl } = settings;
  const cluster = withCaches(withTtl(corefile, settings), settings);
  const load = await runLoad({
    corefiles: {
      cluster: playable(cluster),
      nodelocal: nodelocal === undefined ? undefined : playable(withCaches(nodelocal, settings)),
    },
    clusterDns: clusterDnsAddress(objects),
    objects,
    world: createWorld(ttl === undefined ? records : records.map((rr) => ({ ...rr, ttl })), ttl),
    legs,
    mix: mixOf(options, settings),
    net: "dual",
    seed,
  });
  const perSecond = (hop: Hop): number => Math.round((load.hops[hop] / mix.seconds) * 100) / 100;
  return {
    parameter: null,
    value: null,
    per_second: {
      nodelocal: perSecond("nodelocal"),
      cluster: perSecond("cluster"),
      upstream: perSecond("upstream"),
    },
    queries_per_lookup: Math.round((load.queries / Math.max(1, load.lookups)) * 100) / 100,
    load,
  };
}

function mixOf({ mix, clusterDomain, search, objects }: ReplayOptions, { ndots }: Settings): Mix {
  const nameserver = clusterDnsAddress(objects);
  return {
    seconds: mix.seconds,
    groups: mix.groups.map((group) => ({
      pods: group.pods,
      rate: group.rate,
      resolvers: group.resolvers,
      names: [...group.names].map(([name, weight]) => ({ name, weight, kind: group.namespace })),
      conf: parseResolvConf(
        podResolvConf({
          namespace: group.namespace,
          clusterDomain,
          nameserver,
          ndots: ndots ?? group.ndots,
          nodeSearches: search,
          dnsConfig: {},
        }),
      ),
    })),
  };
}
