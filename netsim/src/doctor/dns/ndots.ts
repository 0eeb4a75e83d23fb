/** What lookups of outside names cost, and what lower ndots would save: each name is looked up by the resolver's model. */
import type { Context, Group } from "../context.ts";
import { fix, patch, set } from "../fix.ts";
import type { Mention } from "../hosts.ts";
import { openLookups, type Lookup, type Lookups } from "../lookups.ts";
import { asksCluster } from "../policy/dns-scan.ts";
import { count, evidence, listText, placeOf } from "../place.ts";
import { coredns, k8s, POD_DNS, thread } from "../sources.ts";
import type { Change, Check, Draft, Evidence } from "../types.ts";
import { isOutside, serviceNamed, toldNames } from "./names.ts";

interface Cost {
  readonly mention: Mention;
  readonly now: Lookup;
  /** With the lower ndots, or with a final dot. */
  readonly after: Lookup;
}

interface Waste {
  readonly group: Group;
  readonly ndots: number;
  readonly then: number;
  /** Names that lower ndots helps, and those that only a final dot does. */
  readonly names: readonly Cost[];
  readonly short: readonly Cost[];
}

/** What no pod goes below: SERVICE.NAMESPACE has one dot, and musl finds it by the search list alone. */
const LEAST = 2;
/** Different lookups that are played; few names weigh in a cluster of any size. */
const MOST_LOOKUPS = 2000;

const ndotsOf = (resolvConf: string): number => Number(/ndots:(\d+)/.exec(resolvConf)?.[1] ?? 1);
const dotsOf = (host: string): number => host.split(".").length - 1;

/** Names of Services as they are written without the cluster's domain must go on being searched for first. */
function floorOf(context: Context, mentions: readonly Mention[]): number {
  const searched = mentions.filter(
    ({ host }) =>
      serviceNamed(context, host) !== undefined && !`${host}.`.includes(`.${context.kubelet.clusterDomain}.`),
  );
  return Math.max(LEAST, ...searched.map(({ host }) => dotsOf(host) + 1));
}

async function measure(context: Context, lookups: Lookups): Promise<readonly Waste[]> {
  const known = new Map<string, Lookup>();
  const wastes: Waste[] = [];
  for (const { group, mentions } of toldNames(context)) {
    const [pod] = group.pods;
    const from = pod && context.endpointOf(pod);
    const outside = mentions.filter((m) => isOutside(context, m.host));
    if (pod === undefined || from === undefined || outside.length === 0) continue;
    if (!asksCluster(pod, context.kubelet.nameserver)) continue;
    const { dnsPolicy, dnsConfig } = pod.spec;
    const look = async (host: string, options: Readonly<Record<string, string>> = {}) => {
      const key = JSON.stringify([pod.metadata.namespace, dnsPolicy, dnsConfig, host, options]);
      if (!known.has(key) && known.size < MOST_LOOKUPS)
        known.set(key, await lookups.look(from, host, options));
      return known.get(key);
    };
    const then = floorOf(context, mentions);
    const names: Cost[] = [];
    const short: Cost[] = [];
    for (const mention of outside) {
      const now = await look(mention.host);
      if (now === undefined || !now.found || now.needless === 0) continue;
      const lower = await look(mention.host, { ndots: String(then) });
      if (lower !== undefined && lower.needless < now.needless) names.push({ mention, now, after: lower });
      else {
        const dotted = await look(`${mention.host}.`);
        if (dotted !== undefined && dotted.needless < now.needless)
          short.push({ mention, now, after: dotted });
      }
    }
    const [first] = [...names, ...short];
    if (first !== undefined) wastes.push({ group, ndots: ndotsOf(first.now.resolvConf), then, names, short });
  }
  return wastes;
}

export const ndotsWaste: Check = {
  id: "NS/ndots",
  title: "Lookups of outside names walk the search list",
  severity: "warning",
  why: "With ndots:5 a name with fewer dots is first tried under every domain of the search list, for A and for AAAA: most queries are for names that do not exist. They cost latency at each lookup, and load at the DNS servers.",
  sources: [POD_DNS, k8s(33554), coredns(747), thread("gardener/gardener", 6192)],
  run: async (context) => {
    const hosts = toldNames(context).flatMap(({ mentions }) =>
      mentions.map((m) => m.host).filter((h) => isOutside(context, h)),
    );
    if (hosts.length === 0) return [];
    const lookups = await openLookups(context, [...new Set(hosts)]);
    try {
      const wastes = await measure(context, lookups);
      return [...lowered(wastes), ...dotted(wastes)];
    } finally {
      await lookups.close();
    }
  },
};

const sum = (costs: readonly Cost[], of: (cost: Cost) => number): number =>
  costs.reduce((total, cost) => total + of(cost), 0);
const SHOWN = 5;

function draftOf(
  wastes: readonly Waste[],
  pick: (waste: Waste) => readonly Cost[],
  remedy: (waste: Waste) => string,
): Omit<Draft, "fix"> | undefined {
  const own = wastes.filter((w) => pick(w).length > 0);
  const costs = own.flatMap(pick);
  const place = ({ group: { holder } }: Waste) => placeOf(holder.object, holder.path);
  const [worst] = [...own].sort(
    (a, b) => sum(pick(b), (n) => n.now.needless) - sum(pick(a), (n) => n.now.needless),
  );
  if (worst === undefined) return undefined;
  const names = new Set(costs.map((n) => n.mention.host));
  const [now, needless, after] = [
    sum(costs, (n) => n.now.asked.length),
    sum(costs, (n) => n.now.needless),
    sum(costs, (n) => n.after.asked.length),
  ];
  const told = own.flatMap((waste) =>
    pick(waste).map((cost) =>
      evidence(
        `${waste.group.id} looks up ${cost.mention.host} (${cost.mention.where}): ${cost.now.asked.length} queries, ${cost.now.needless} needless, with ndots:${waste.ndots}; ${cost.after.asked.length} with ${remedy(waste)}`,
        placeOf(cost.mention.object, cost.mention.path),
      ),
    ),
  );
  return {
    message: `${count(own.length, "workload")} look${own.length === 1 ? "s" : ""} up ${count(names.size, "outside name")} with ${now} queries, ${needless} of them needless; ${after} would do`,
    at: place(worst),
    subjects: own.map(place),
    evidence: [...told.slice(0, SHOWN), walk(pick(worst)[0] as Cost)],
  };
}

/** The very queries of one lookup. */
function walk({ now }: Cost): Evidence {
  const answers = new Map<string, string[]>();
  for (const { name, type, answer } of now.asked) {
    const result = /^[\d.]+$|:/.test(answer) ? "found" : answer;
    answers.set(`${name} ${result}`, [...(answers.get(`${name} ${result}`) ?? []), type]);
  }
  return evidence([...answers].map(([key, types]) => key.replace(" ", ` ${types.join("+")}: `)).join("; "));
}

function lowered(wastes: readonly Waste[]): readonly Draft[] {
  const draft = draftOf(
    wastes,
    (w) => w.names,
    (w) => `ndots:${w.then}`,
  );
  if (draft === undefined) return [];
  const own = wastes.filter((w) => w.names.length > 0);
  const values = [...new Set(own.map((w) => w.then))].sort();
  const text = `set ndots to ${listText(values.map(String))} in dnsConfig, or write the names with a final dot`;
  return [{ ...draft, fix: fix(text, ...own.map(lower)), cause: "ndots" }];
}

function lower({ group, then }: Waste): Change {
  const { object, path } = group.holder;
  const config = group.pods[0]?.spec.dnsConfig;
  const option = { name: "ndots", value: String(then) };
  const others = (config?.options ?? []).filter((o) => o.name !== "ndots");
  const at = [...path, "dnsConfig"];
  return patch(
    object,
    config === undefined ? set(at, { options: [option] }) : set([...at, "options"], [...others, option]),
  );
}

/** Names like example.com: with ndots:1 musl would no longer find SERVICE.NAMESPACE. */
function dotted(wastes: readonly Waste[]): readonly Draft[] {
  const draft = draftOf(
    wastes,
    (w) => w.short,
    () => "a final dot",
  );
  if (draft === undefined) return [];
  const text = "write these names with a final dot, where the program takes it (in URLs not all do)";
  return [{ ...draft, severity: "note", fix: fix(text), cause: "final dot" }];
}
