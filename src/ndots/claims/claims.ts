/** Claims about ndots:5 and its remedies that go round, tried in chains, beside what the real programs did. */
import { seededRandom, virtualClock } from "../../resolver/clock.ts";
import { parseResolvConf } from "../../resolver/conf.ts";
import { findModel } from "../../resolver/models.ts";
import type { Lab } from "../chain/lab.ts";
import { labStage } from "../chain/lab.ts";
import type { Load } from "../load.ts";
import { lookup } from "../../resolver/lookup.ts";
import { simulatedTransport } from "../../resolver/simulate.ts";
import { REMEDIES, type Played, type Stage } from "../remedies.ts";
import { runBench } from "./bench.ts";
import { racing } from "./race.ts";
import { RECORDED, type RecordedPair } from "./recorded.ts";

export interface Claim {
  /** Stable: what tools look for. */
  readonly id: string;
  readonly claim: string;
  /** What the real programs did; null where that was not recorded. */
  readonly recorded: string | null;
  readonly here: string;
  /** `untested`: by what is known of the parts, without a run of the whole. */
  readonly holds: "yes" | "partly" | "no" | "untested";
  /** Where it holds, and where not. */
  readonly remark: string;
  /** The numbers behind `here`. */
  readonly values: Readonly<Record<string, number>>;
}

const NAME = "api.example.com";
const RESOLVERS: readonly string[] = ["glibc", "musl", "go", "c-ares", "java", "busybox"];

/** Runs everything: some seconds. `seed` repeats what is left to chance. */
export async function tryClaims(lab: Lab, seed: number): Promise<readonly Claim[]> {
  const stage = labStage(lab);
  return [
    await wasted(stage),
    ...(await remedies(stage)),
    ...(await nodelocal(seed)),
    await firstLookup(stage),
    await loss(seed),
    await race(),
  ];
}

const cut = (before: number, after: number): number => Math.round((1 - after / before) * 1000) / 10;
const signed = (percent: number): string => `${percent > 0 ? "-" : "+"}${Math.abs(percent).toFixed(1)} %`;
const ms = (value: number): string => `${value < 10 ? value.toFixed(2) : value.toFixed(1)} ms`;

async function wasted(stage: Stage): Promise<Claim> {
  const models = RESOLVERS.map((name) => findModel(name)!);
  const played = await stage.play({}, [NAME], models);
  const values: Record<string, number> = {};
  const words: string[] = [];
  for (const [i, { first }] of played.entries()) {
    const needed = first.queries.filter(({ name }) => name === `${NAME}.`).length;
    const names = new Set(first.queries.map(({ name }) => name)).size;
    values[RESOLVERS[i]!] = first.queries.length - needed;
    words.push(
      `${RESOLVERS[i]!} ${String(first.queries.length - needed)} of ${String(first.queries.length)} (${String(names - 1)} names)`,
    );
  }
  return {
    id: "wasted-queries",
    claim: "ndots:5 makes 3 needless queries for an external name",
    recorded:
      "6 of 8 by glibc, musl, Go, c-ares and Java: 3 names, A and AAAA of each; none by busybox nslookup",
    here: words.join(", "),
    holds: "partly",
    remark:
      "Three names, but six queries: address families double them. Each search domain of the node adds two more.",
    values,
  };
}

async function remedies(stage: Stage): Promise<Claim[]> {
  const glibc = [findModel("glibc")!];
  const names = [NAME, "example.com"];
  const [before, beforeShort] = await stage.play({}, names, glibc);
  const claims: Claim[] = [];
  const remarks: Readonly<Record<string, string>> = {
    "ndots-2":
      "For names with two dots or more. A name with one dot, such as example.com, costs what it did; SERVICE.NAMESPACE.svc costs more, and musl does not find it any more.",
    "trailing-dot":
      "For every name, but the application must write it; a Service's short name must not have it.",
    autopath:
      "The server walks the list. It knows the pod by its address, so not behind a NodeLocal cache; and it must watch all pods.",
    searchpath: "The server walks the list, by what the question itself says.",
  };
  for (const id of Object.keys(remarks)) {
    const { title, change } = REMEDIES.find((remedy) => remedy.id === id)!;
    const why = stage.whyNot(change);
    const claim = `${title} takes the needless queries away`;
    if (why !== undefined) {
      claims.push({
        id,
        claim,
        recorded: null,
        here: `not tried: ${why}`,
        holds: "no",
        remark: "",
        values: {},
      });
      continue;
    }
    const [after, afterShort] = await stage.play(change, names, glibc);
    const of = ({ first }: Played): number => first.queries.length;
    const values = {
      before: of(before!),
      after: of(after!),
      one_dot_before: of(beforeShort!),
      one_dot_after: of(afterShort!),
    };
    claims.push({
      id,
      claim,
      recorded: null,
      here: `${NAME}: ${String(values.before)} to ${String(values.after)} queries; example.com: ${String(values.one_dot_before)} to ${String(values.one_dot_after)}`,
      holds: values.after === 2 && values.one_dot_after === 2 ? "yes" : values.after === 2 ? "partly" : "no",
      remark: remarks[id]!,
      values,
    });
  }
  return claims;
}

const recordedLoad = ({ direct, nodelocal }: RecordedPair): number => cut(direct.coredns, nodelocal.coredns);

async function nodelocal(seed: number): Promise<Claim[]> {
  const { quiet } = RECORDED;
  const run = (options: object): Promise<Load> => runBench({ nodelocal: true, loss: 0, seed, ...options });
  const direct = await run({ nodelocal: false });
  const cached = await run({});
  // The same pods with a fiftieth of the lookups: entries are gone before they are asked for again.
  const calm = { rate: 0.1, seconds: 450 };
  const calmDirect = await run({ nodelocal: false, ...calm });
  const calmCached = await run(calm);
  const load = cut(direct.hops.cluster, cached.hops.cluster);
  const calmLoad = cut(calmDirect.hops.cluster, calmCached.hops.cluster);
  const latency = cut(direct.lookup_ms.mean, cached.lookup_ms.mean);
  const queryLatency = cut(direct.query_ms.mean, cached.query_ms.mean);
  const calmLatency = cut(calmDirect.lookup_ms.mean, calmCached.lookup_ms.mean);
  return [
    {
      id: "nodelocal-load",
      claim: "NodeLocal takes 70 to 80 % of the load off CoreDNS",
      recorded: `${String(quiet.direct.coredns)} to ${String(quiet.nodelocal.coredns)} queries: ${signed(recordedLoad(quiet))}`,
      here: `${String(direct.hops.cluster)} to ${String(cached.hops.cluster)} queries: ${signed(load)}; with a fiftieth of the lookups ${signed(calmLoad)}`,
      holds: load >= 70 && calmLoad >= 70 ? "yes" : load >= 70 ? "partly" : "no",
      remark:
        "A matter of how often a node asks again within a TTL. Few pods, rare lookups or short TTLs leave less of it; more pods on a node, more.",
      values: {
        direct: direct.hops.cluster,
        nodelocal: cached.hops.cluster,
        cut: load,
        calm_direct: calmDirect.hops.cluster,
        calm_nodelocal: calmCached.hops.cluster,
        calm_cut: calmLoad,
      },
    },
    {
      id: "nodelocal-latency",
      claim: "NodeLocal takes 50 % or more of the latency away",
      recorded: `a lookup takes ${ms(quiet.direct.lookup_mean)}, then ${ms(quiet.nodelocal.lookup_mean)}: ${signed(cut(quiet.direct.lookup_mean, quiet.nodelocal.lookup_mean))}`,
      here: `a lookup takes ${ms(direct.lookup_ms.mean)}, then ${ms(cached.lookup_ms.mean)}: ${signed(latency)}; with a fiftieth of the lookups ${signed(calmLatency)}`,
      holds: latency >= 50 && calmLatency >= 50 ? "yes" : latency >= 50 ? "partly" : "no",
      remark:
        "In the mean and the median, for what is asked again. The slowest lookups stay as slow: the cache must ask, too.",
      values: {
        direct_ms: direct.lookup_ms.mean,
        nodelocal_ms: cached.lookup_ms.mean,
        cut: latency,
        query_cut: queryLatency,
        direct_p99_ms: direct.lookup_ms.p99,
        nodelocal_p99_ms: cached.lookup_ms.p99,
        calm_cut: calmLatency,
      },
    },
  ];
}

async function firstLookup(stage: Stage): Promise<Claim> {
  const glibc = [findModel("glibc")!];
  const [direct] = await stage.play({}, [NAME], glibc);
  const change = { nodelocal: true };
  const claim = "A hit in the NodeLocal cache is answered at once; a miss is not";
  if (stage.whyNot(change) !== undefined)
    return {
      id: "nodelocal-first",
      claim,
      recorded: null,
      here: "not tried: the chain has one",
      holds: "no",
      remark: "",
      values: {},
    };
  const [cached] = await stage.play(change, [NAME], glibc);
  const values = {
    direct_ms: direct!.first.result.ms,
    first_ms: cached!.first.result.ms,
    again_ms: cached!.again.result.ms,
    direct_again_ms: direct!.again.result.ms,
  };
  return {
    id: "nodelocal-first",
    claim,
    recorded: "a question takes 0.15 ms from the cache (median), 2.4 ms else (p90)",
    here: `${NAME}: ${ms(values.first_ms)} at first (${ms(values.direct_ms)} without), ${ms(values.again_ms)} again (${ms(values.direct_again_ms)} without)`,
    holds: values.again_ms < values.direct_again_ms && values.first_ms >= values.direct_ms ? "yes" : "partly",
    remark: "The first lookup takes a little longer than without it.",
    values,
  };
}

async function loss(seed: number): Promise<Claim> {
  const { direct: was, nodelocal: became } = RECORDED.lossy;
  const options = { loss: 0.01, seconds: 30, seed };
  const direct = await runBench({ ...options, nodelocal: false });
  const cached = await runBench({ ...options, nodelocal: true });
  return {
    id: "nodelocal-loss",
    claim: "NodeLocal prevents the loss of DNS packets",
    recorded: `1 % lost: a lookup takes ${ms(was.lookup_mean)}, p99 ${ms(was.lookup_p99)}; then ${ms(became.lookup_mean)}, p99 ${ms(became.lookup_p99)}`,
    here: `1 % lost: a lookup takes ${ms(direct.lookup_ms.mean)}, p99 ${ms(direct.lookup_ms.p99)}; then ${ms(cached.lookup_ms.mean)}, p99 ${ms(cached.lookup_ms.p99)}`,
    holds: cached.lookup_ms.mean < direct.lookup_ms.mean / 10 ? "partly" : "no",
    remark:
      "Packets are lost as before; TCP to the cluster DNS sends them again after 0.2 s where stub resolvers wait 5 s. Names outside still go over UDP, and wait 2 s.",
    values: {
      direct_ms: direct.lookup_ms.mean,
      nodelocal_ms: cached.lookup_ms.mean,
      direct_p99_ms: direct.lookup_ms.p99,
      nodelocal_p99_ms: cached.lookup_ms.p99,
    },
  };
}

async function race(): Promise<Claim> {
  const values: Record<string, number> = {};
  for (const name of ["glibc", "musl", "go", "c-ares"]) {
    const clock = virtualClock();
    const network = simulatedTransport({
      clock,
      rtt: 2,
      answer: async ({ type }) => ({
        rcode: 0,
        truncated: false,
        authoritative: true,
        recursionAvailable: true,
        answers: 1,
        additional: false,
        addresses: [type === "A" ? "203.0.113.1" : "2001:db8::1"],
      }),
    });
    const report = await clock.run(() =>
      lookup(findModel(name)!, `${NAME}.`, {
        conf: parseResolvConf("nameserver 10.96.0.10\n"),
        net: "dual",
        transport: racing(network, clock),
        clock,
        random: seededRandom(1),
      }),
    );
    values[name] = report.result.ms;
  }
  const words = Object.entries(values).map(([name, time]) => `${name} ${ms(time)}`);
  return {
    id: "conntrack-race",
    claim: "NodeLocal ends the races of conntrack",
    recorded:
      "a lost race costs glibc 5 s, musl 2.5 s, c-ares 2 s and the AAAA; Go never has one. The rules of NodeLocal (NOTRACK) were recorded, the race under kube-proxy was not",
    here: `a lost race costs ${words.join(", ")}`,
    holds: "untested",
    remark:
      "The way to the cache is not translated, so there is nothing to race for. single-request avoids it as well, at the price of waiting for A before AAAA.",
    values,
  };
}
