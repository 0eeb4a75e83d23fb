/** A workload over a cluster, in virtual time: flows in the order in which they would be seen. */
import type { Cluster } from "../../model/types.ts";
import type { Endpoint as Party } from "../../policy/endpoint.ts";
import { createParties } from "../../policy/parties.ts";
import type { Mode } from "../../service/index.ts";
import { configText } from "../../trace/settings.ts";
import { createSite } from "../../trace/site.ts";
import { complete } from "../../trace/world.ts";
import { parseTime } from "../time.ts";
import type { FlowsResponse } from "../types.ts";
import { tellAttempt } from "./attempt.ts";
import { createIdentities } from "./identities.ts";
import { planOf, type Plan } from "./plan.ts";
import { createRandom, type Random } from "./random.ts";
import type { Scene } from "./scene.ts";
import { WorkloadError, type Talk, type Workload } from "./workload.ts";

export interface SimulationOptions {
  readonly mode?: Mode;
  readonly resolver?: string;
  /** Told once of each line of traffic that cannot be, `file:line: what`. */
  readonly report?: (problem: string) => void;
}

/** Flows that were seen before `until` (nanoseconds since 1970), in their order. */
export interface Batch {
  readonly until: bigint;
  readonly responses: readonly FlowsResponse[];
}

interface Line {
  readonly talk: Talk;
  readonly sources: readonly Party[];
  readonly random: Random;
  readonly end: number;
  /** Connections so far, and still to come. */
  number: number;
  count: number;
  /** Nanoseconds after the workload's start. */
  next: number;
}

/**
 * Runs the workload. The same cluster, workload and seed give the same flows. Rejects with WorkloadError when a line names
 * senders that there are not.
 */
export async function* simulate(
  given: Cluster,
  workload: Workload,
  options: SimulationOptions = {},
): AsyncGenerator<Batch> {
  const { cluster } = complete(given);
  const site = createSite(cluster, options.mode);
  const { engine, mode } = site;
  const identities = createIdentities(cluster, engine.endpoints);
  const audit = configText(cluster, "cilium-config", "policy-audit-mode") === "true";
  const scene: Scene = {
    cluster,
    engine,
    identities,
    mode,
    visibility: workload.visibility,
    everything: workload.aggregation === "none",
    audit,
  };
  const parties = createParties(engine);
  const lines = workload.talks.map((talk, i) => lineOf(talk, i, workload, (text) => parties.source(text)));
  const plans = new Map<string, Promise<Plan>>();
  const told = new Set<Talk>();
  const { mode: _mode, report, ...rest } = options;

  const plan = (talk: Talk, from: Party): Promise<Plan> => {
    const key = JSON.stringify([from.id, talk.to, talk.method, talk.headers]);
    const known = plans.get(key) ?? planOf(cluster, from, talk, { ...rest, site });
    plans.set(key, known);
    return known;
  };

  let pending: FlowsResponse[] = [];
  for (;;) {
    const line = lines
      .filter((l) => l.count > 0 && l.next < l.end)
      .reduce<Line | undefined>(
        (first, l) => (first === undefined || l.next < first.next ? l : first),
        undefined,
      );
    const until = line === undefined ? undefined : workload.start + BigInt(Math.round(line.next));
    const [due, later] = cut(pending, until);
    pending = later;
    if (due.length > 0 || until !== undefined) yield { until: until ?? timeOf(due.at(-1)), responses: due };
    if (line === undefined || until === undefined) return;
    const { talk, sources, random } = line;
    const from = sources[step(line, workload) % sources.length]!;
    const planned = await plan(talk, from);
    if (planned.unusable !== undefined) {
      if (!told.has(talk)) report?.(`${talk.file}:${talk.line}: to: ${planned.unusable}`);
      told.add(talk);
      line.count = 0;
      continue;
    }
    pending.push(...tellAttempt(scene, planned, talk, until, random));
  }
}

/** Goes on to the next connection; the number of this one. */
function step(line: Line, { jitter }: Workload): number {
  const { talk, random } = line;
  const number = line.number;
  line.number++;
  line.count--;
  const shift = jitter === 0 ? 0 : (random() - 0.5) * jitter * talk.every;
  line.next = Math.max(line.next, talk.after + line.number * talk.every + shift);
  return number;
}

function lineOf(
  talk: Talk,
  index: number,
  workload: Workload,
  find: (text: string) => readonly Party[],
): Line {
  const sources = talk.from.flatMap((text) => {
    const found = [...find(text)].sort((a, b) => (a.id < b.id ? -1 : 1));
    if (found.length === 0)
      throw new WorkloadError(
        `${talk.file}:${talk.line}: from: there is no pod, workload, node or address ${JSON.stringify(text)}`,
      );
    return found;
  });
  const random = createRandom(workload.seed, `line ${index}`);
  const end = talk.for === undefined ? workload.for : Math.min(workload.for, talk.after + talk.for);
  return { talk, sources, random, end, count: talk.count, next: talk.after, number: 0 };
}

const timeOf = (response: FlowsResponse | undefined): bigint => parseTime(response?.time ?? "") ?? 0n;

/** Those before `until` (all without it) in their order, and the rest. */
function cut(
  pending: readonly FlowsResponse[],
  until: bigint | undefined,
): [FlowsResponse[], FlowsResponse[]] {
  const sorted = pending
    .map((response) => ({ response, at: timeOf(response) }))
    .sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
  const isDue = (at: bigint): boolean => until === undefined || at < until;
  return [
    sorted.filter(({ at }) => isDue(at)).map(({ response }) => response),
    sorted.filter(({ at }) => !isDue(at)).map(({ response }) => response),
  ];
}
