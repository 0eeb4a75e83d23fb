/** What a ledger comes to. This is also what the `ndots` plugin's endpoint says. */
import type { Account, Ledger } from "./ledger.ts";

/** What needless questions cost. */
export interface Waste {
  readonly queries: number;
  readonly wasted: number;
  /** Of the server: needless questions times what one costs. */
  readonly cpu_ms: number;
  /** That clients waited for answers to them; A and AAAA at a time count once. */
  readonly latency_ms: number;
}

export interface NamespaceWaste extends Waste {
  /** Empty where no question told it. */
  readonly namespace: string;
}

export interface WorkloadWaste extends NamespaceWaste {
  /** Empty for an address that belongs to no pod that is known; `name` is the address then. */
  readonly kind: string;
  readonly name: string;
  readonly clients: number;
  /** Names that were looked up for the needless questions, those with most of them first. */
  readonly names: readonly NameWaste[];
  /** By the number of dots in the name that was looked up: needless questions, and answers that its search list found. */
  readonly wasted_by_dots: readonly number[];
  readonly found_by_dots: readonly number[];
  /** A name of so many dots that its search list found; null where there was none. */
  readonly found_examples: readonly (string | null)[];
}

export interface NameWaste {
  readonly name: string;
  readonly wasted: number;
}

export interface Summary extends Waste {
  /** Those with most needless questions first. */
  readonly namespaces: readonly NamespaceWaste[];
  readonly workloads: readonly WorkloadWaste[];
  /** Names outside of the cluster, by the needless questions on the way to them. */
  readonly outside: readonly NameWaste[];
  /** Search domains of nodes: given, or learned from the questions. */
  readonly node_domains: readonly string[];
}

export interface Costs {
  /** CPU time of one question at the server, in microseconds. */
  readonly cpuMicroseconds: number;
  /** Round-trip time of one question, in ms, beyond what the server took. */
  readonly rtt: number;
}

/** `most`: rows of each list. */
export function summarize(ledger: Ledger, costs: Costs, most: number): Summary {
  const namespaces = new Map<string, Sum>();
  const workloads: WorkloadWaste[] = [];
  const total = emptySum();
  for (const account of ledger.accounts()) {
    const { owner, address, clients, names, wastedByDots, foundByDots, foundExamples } = account;
    const sum = sumOf(account, costs);
    add(total, sum, 1);
    const shares = owner === undefined ? sharesOf(account) : new Map([[owner.namespace, 1]]);
    for (const [namespace, share] of shares) add(sumAt(namespaces, namespace), sum, share);
    const [likeliest = ""] = [...shares].sort((a, b) => b[1] - a[1])[0] ?? [];
    workloads.push({
      namespace: owner?.namespace ?? likeliest,
      kind: owner?.kind ?? "",
      name: owner?.name ?? address,
      clients,
      ...rounded(sum),
      names: names.top(5).map(({ name, weight }) => ({ name, wasted: Math.round(weight) })),
      wasted_by_dots: filled(wastedByDots),
      found_by_dots: filled(foundByDots),
      found_examples: Array.from(foundByDots, (_, dots) => foundExamples[dots] ?? null),
    });
  }
  return {
    ...rounded(total),
    namespaces: [...namespaces]
      .map(([namespace, sum]) => ({ namespace, ...rounded(sum) }))
      .sort(byWaste)
      .slice(0, most),
    workloads: workloads.sort(byWaste).slice(0, most),
    outside: ledger.outside.top(most).map(({ name, weight }) => ({ name, wasted: Math.round(weight) })),
    node_domains: ledger.nodeDomains,
  };
}

const byWaste = (a: Waste, b: Waste): number => b.wasted - a.wasted || b.queries - a.queries;

interface Sum {
  queries: number;
  wasted: number;
  cpu: number;
  latency: number;
}

const emptySum = (): Sum => ({ queries: 0, wasted: 0, cpu: 0, latency: 0 });

function sumAt(sums: Map<string, Sum>, key: string): Sum {
  const sum = sums.get(key) ?? emptySum();
  sums.set(key, sum);
  return sum;
}

function add(to: Sum, from: Sum, share: number): void {
  to.queries += from.queries * share;
  to.wasted += from.wasted * share;
  to.cpu += from.cpu * share;
  to.latency += from.latency * share;
}

function sumOf({ queries, wasted, wastedMs }: Account, { cpuMicroseconds, rtt }: Costs): Sum {
  const [a, aaaa, other] = wasted;
  const count = a + aaaa + other;
  const steps = Math.max(a, aaaa) + other;
  const waited = Math.max(wastedMs[0], wastedMs[1]) + wastedMs[2] + steps * rtt;
  return { queries, wasted: count, cpu: (count * cpuMicroseconds) / 1000, latency: waited };
}

/** In which namespaces a client is, by what it asked; one without a name where that says nothing. Behind a cache on a node there are several. */
function sharesOf({ namespaces }: Account): Map<string, number> {
  const all = [...namespaces.values()].reduce((sum, count) => sum + count, 0);
  if (all === 0) return new Map([["", 1]]);
  return new Map([...namespaces].map(([namespace, count]) => [namespace, count / all]));
}

const rounded = ({ queries, wasted, cpu, latency }: Sum): Waste => ({
  queries: Math.round(queries),
  wasted: Math.round(wasted),
  cpu_ms: Math.round(cpu * 10) / 10,
  latency_ms: Math.round(latency * 10) / 10,
});

const filled = (list: readonly (number | undefined)[]): number[] =>
  Array.from(list, (count) => Math.round(count ?? 0));
