/** The remedies against needless queries: each of them tried, and what it breaks tried as well. */
import { findModel, type ResolverModel } from "../resolver/models.ts";
import type { TracedLookup } from "./trace.ts";

/** What is done about the cost of lookups. */
export interface Change {
  /** Options of the resolv.conf; each takes the place of those of its name. */
  readonly options?: readonly string[];
  /** The application writes its names with a final dot. */
  readonly dot?: boolean;
  readonly nodelocal?: boolean;
  /** A plugin in the cluster DNS. */
  readonly plugin?: "autopath" | "searchpath";
}

export interface Remedy {
  /** Stable: what tools look for. */
  readonly id: string;
  readonly title: string;
  readonly change: Change;
}

const ndots2: Remedy = { id: "ndots-2", title: "ndots:2", change: { options: ["ndots:2"] } };
const ndots1: Remedy = { id: "ndots-1", title: "ndots:1", change: { options: ["ndots:1"] } };
const dot: Remedy = { id: "trailing-dot", title: "trailing dot", change: { dot: true } };
const autopath: Remedy = { id: "autopath", title: "autopath", change: { plugin: "autopath" } };
const searchpath: Remedy = { id: "searchpath", title: "searchpath", change: { plugin: "searchpath" } };
const nodelocal: Remedy = { id: "nodelocal", title: "NodeLocal", change: { nodelocal: true } };
const singleRequest: Remedy = {
  id: "single-request",
  title: "single-request",
  change: { options: ["single-request"] },
};

const both = (a: Remedy, b: Remedy): Remedy => ({
  id: `${a.id}+${b.id}`,
  title: `${a.title} + ${b.title}`,
  change: { ...a.change, ...b.change, options: [...(a.change.options ?? []), ...(b.change.options ?? [])] },
});

export const REMEDIES: readonly Remedy[] = [
  { id: "none", title: "as it is", change: {} },
  ndots2,
  ndots1,
  dot,
  autopath,
  searchpath,
  nodelocal,
  singleRequest,
  both(ndots2, nodelocal),
  both(dot, nodelocal),
  both(autopath, nodelocal),
  both(searchpath, nodelocal),
  both(ndots2, singleRequest),
];

/** As the application writes a name after the change. */
export const written = (name: string, { dot }: Change): string =>
  dot === true && !name.endsWith(".") ? `${name}.` : name;

/** A lookup with nothing known of it anywhere, and the same one a second later. */
export interface Played {
  readonly name: string;
  readonly first: TracedLookup;
  readonly again: TracedLookup;
}

/** Where remedies are tried. */
export interface Stage {
  /** Why the change can't be tried here, or undefined where it can. */
  whyNot(change: Change): string | undefined;
  /** Looks each name up as each resolver would, after the change. Rejects with one line where that can't be done. */
  play(
    change: Change,
    names: readonly string[],
    models: readonly ResolverModel[],
  ): Promise<readonly Played[]>;
}

/** A name that was found before, and what becomes of it now. */
export interface Break {
  /** As it is written after the change. */
  readonly name: string;
  readonly resolver: string;
  /** The resolver's words, or the other addresses that it finds. */
  readonly outcome: string;
}

/** A name that is still found, with more questions than before. */
export interface Dearer {
  readonly name: string;
  readonly resolver: string;
  readonly queries: number;
  readonly before: number;
  /** How many more questions reach the world outside. */
  readonly leaked: number;
}

export interface Tried {
  readonly remedy: Remedy;
  /** Why it was not tried; then the rest is empty. */
  readonly why: string | undefined;
  readonly played: readonly Played[];
  readonly breaks: readonly Break[];
  readonly dearer: readonly Dearer[];
}

/** Resolvers with which breaking is tried beside those that are asked for: what most images have. */
const COMMON: readonly ResolverModel[] = ["glibc", "musl", "go"].map((name) => findModel(name)!);

/** Tries every remedy on `names`, and whether it breaks any of `probes`: names as applications write them. */
export async function tryRemedies(
  stage: Stage,
  names: readonly string[],
  models: readonly ResolverModel[],
  probes: readonly string[],
): Promise<readonly Tried[]> {
  const probing = [...new Set([...models, ...COMMON])];
  const before = await stage.play({}, probes, probing);
  const tried: Tried[] = [];
  for (const remedy of REMEDIES) {
    const { change } = remedy;
    const why = stage.whyNot(change);
    if (why !== undefined) {
      tried.push({ remedy, why, played: [], breaks: [], dearer: [] });
      continue;
    }
    const played = await stage.play(change, names, models);
    const after = remedy.id === "none" ? before : await stage.play(change, probes, probing);
    tried.push({ remedy, why, played, ...compare(before, after, change) });
  }
  return tried;
}

const addressesOf = ({ result }: TracedLookup): string => result.addresses.toSorted().join(", ");

function compare(
  before: readonly Played[],
  after: readonly Played[],
  change: Change,
): Pick<Tried, "breaks" | "dearer"> {
  const breaks: Break[] = [];
  const dearer: Dearer[] = [];
  for (const [i, { name, first: old }] of before.entries()) {
    const { first: now } = after[i]!;
    if (!old.result.ok) continue;
    const about = { name: written(name, change), resolver: now.resolver };
    if (!now.result.ok) breaks.push({ ...about, outcome: now.result.error ?? "not found" });
    else if (addressesOf(old) !== addressesOf(now))
      breaks.push({ ...about, outcome: `finds ${addressesOf(now)} instead of ${addressesOf(old)}` });
    else if (now.queries.length > old.queries.length) {
      const leaked = Math.max(0, (now.hops.upstream ?? 0) - (old.hops.upstream ?? 0));
      dearer.push({ ...about, queries: now.queries.length, before: old.queries.length, leaked });
    }
  }
  return { breaks, dearer };
}
