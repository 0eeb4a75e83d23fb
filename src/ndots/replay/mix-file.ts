/** What pods look up, as a person writes it down, or as a log shows it. */
import { load } from "js-yaml";
import { findModel, resolverModels, type ResolverModel } from "../../resolver/models.ts";

/** Pods of one namespace. The rest of their resolv.conf is the same for all of a mix. */
export interface GroupSpec {
  readonly namespace: string;
  readonly pods: number;
  /** Lookups of a pod in a second. */
  readonly rate: number;
  readonly ndots: number;
  /** Names as applications write them, by how often, among the others. */
  readonly names: ReadonlyMap<string, number>;
  readonly resolvers: readonly { readonly model: ResolverModel; readonly weight: number }[];
}

export interface MixSpec {
  readonly seconds: number;
  /** Names among them that are nowhere. */
  readonly missing: readonly string[];
  readonly groups: readonly GroupSpec[];
}

const DEFAULTS = { seconds: 60, pods: 10, rate: 5, namespace: "default", ndots: 5 } as const;
/** More pods make no different result, only a longer one. */
const MOST = { seconds: 86_400, pods: 5000, rate: 10_000, ndots: 15 } as const;

const MOST_NAMES = 100_000;

/**
 * Reads a mix, YAML or JSON: `seconds`, `missing` (names that are nowhere), and `groups`, each with `namespace`, `pods`, `rate`, `ndots`, `names` and `resolvers`; a mix of one
 * group may leave `groups` out. `names` and `resolvers` are mappings from each to its weight, or lists. A string says what is wrong.
 */
export function readMix(text: string): MixSpec | string {
  let document: unknown;
  try {
    document = load(text);
  } catch (error) {
    return (error as Error).message.split("\n")[0]!;
  }
  if (!isMapping(document)) return "not a mix: a mapping with names is expected";
  const { seconds = DEFAULTS.seconds, groups = [document], missing = [] } = document;
  const problem = badNumber("seconds", seconds, MOST.seconds);
  if (problem !== undefined) return problem;
  if (!Array.isArray(groups) || groups.length === 0) return "groups: not a list";
  if (!Array.isArray(missing) || missing.some((name) => typeof name !== "string"))
    return "missing: not a list of names";
  const read: GroupSpec[] = [];
  for (const [i, group] of groups.entries()) {
    const where = groups.length === 1 ? "" : `groups[${String(i)}].`;
    if (!isMapping(group)) return `${where}: not a mapping`;
    const one = readGroup(group);
    if (typeof one === "string") return where + one;
    read.push(one);
  }
  return { seconds: seconds as number, missing: missing as string[], groups: read };
}

const isMapping = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function badNumber(key: string, value: unknown, most: number): string | undefined {
  return typeof value === "number" && value > 0 && value <= most
    ? undefined
    : `${key}: not a number above 0, ${String(most)} at most`;
}

function readGroup(group: Readonly<Record<string, unknown>>): GroupSpec | string {
  const { namespace = DEFAULTS.namespace, pods = DEFAULTS.pods, rate = DEFAULTS.rate } = group;
  const { ndots = DEFAULTS.ndots, names, resolvers = ["glibc"] } = group;
  if (typeof namespace !== "string" || !/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(namespace))
    return "namespace: not a namespace's name";
  const problem = badNumber("pods", pods, MOST.pods) ?? badNumber("rate", rate, MOST.rate);
  if (problem !== undefined) return problem;
  if (!Number.isInteger(ndots) || (ndots as number) < 0 || (ndots as number) > MOST.ndots)
    return `ndots: not a whole number from 0 to ${String(MOST.ndots)}`;
  const weighted = readWeights(names);
  if (typeof weighted === "string") return `names: ${weighted}`;
  const named = expanded(weighted);
  if (typeof named === "string") return `names: ${named}`;
  const models = readWeights(resolvers);
  if (typeof models === "string") return `resolvers: ${models}`;
  const known: { model: ResolverModel; weight: number }[] = [];
  for (const [word, weight] of models) {
    const model = findModel(word);
    if (model === undefined)
      return `resolvers: no resolver "${word}": one of ${resolverModels.map(({ name }) => name).join(", ")}`;
    known.push({ model, weight });
  }
  return {
    namespace,
    pods: Math.ceil(pods as number),
    rate: rate as number,
    ndots: ndots as number,
    names: named,
    resolvers: known,
  };
}

const RANGE = /\{(\d{1,7})\.\.(\d{1,7})\}/;

/** Names in place of those with a range in them, such as `user-{1..500}.cdn.example.com`; they share its weight. */
function expanded(weights: ReadonlyMap<string, number>): ReadonlyMap<string, number> | string {
  const all = new Map<string, number>();
  for (const [name, weight] of weights) {
    if (/\s/.test(name) || name === "") return `not a name: "${name}"`;
    const [range, first, last] = RANGE.exec(name) ?? [];
    if (range === undefined) {
      all.set(name, weight);
      continue;
    }
    const count = Number(last) - Number(first) + 1;
    if (count < 1 || count + all.size > MOST_NAMES)
      return `${name}: not a range of up to ${String(MOST_NAMES)} names`;
    for (let i = 0; i < count; i++) all.set(name.replace(range, String(Number(first) + i)), weight / count);
  }
  return all;
}

/** A mapping from words to weights, or a list of words that weigh the same. */
function readWeights(value: unknown): ReadonlyMap<string, number> | string {
  const entries = Array.isArray(value)
    ? value.map((word: unknown) => [word, 1] as const)
    : isMapping(value)
      ? Object.entries(value)
      : [];
  if (entries.length === 0) return "at least one is wanted, as a mapping to weights or a list";
  const weights = new Map<string, number>();
  for (const [word, weight] of entries) {
    if (typeof word !== "string") return `${JSON.stringify(word)} is not text`;
    if (typeof weight !== "number" || !(weight > 0)) return `${word}: its weight is not a number above 0`;
    weights.set(word, weight);
  }
  return weights;
}
