/** What is shown and chosen, and what follows from it: who stands out, and between whom lines run. */
import type { Reach } from "../../src/map/reach.ts";
import type { MapView } from "../../src/map/view.ts";
import type { Box, Grouping, Item } from "./layout.ts";
import { MARK, type Line, type Marks } from "./scene.ts";

export interface State {
  grouping: Grouping;
  readonly hiddenSpaces: Set<number>;
  query: string;
  selected: Item | undefined;
  /** Whether the trace's beginning stays when something else is selected. */
  pinned: boolean;
  /** Whether a trace is shown: the next click begins anew. */
  traced: boolean;
  /** Its ends, where both are pods. */
  way: { readonly from: Item; readonly to: Item } | undefined;
  reach: { readonly pod: number; readonly direction: keyof Reach; readonly reached: Uint8Array } | undefined;
}

export const newState = (): State => ({
  grouping: "node",
  hiddenSpaces: new Set(),
  query: "",
  selected: undefined,
  pinned: false,
  traced: false,
  way: undefined,
  reach: undefined,
});

export const same = (a: Item | undefined, b: Item | undefined): boolean =>
  a?.kind === b?.kind && a?.at === b?.at;

/** The texts that a search looks into, in small letters. */
export interface Haystacks {
  readonly pod: readonly string[];
  readonly service: readonly string[];
  readonly policy: readonly string[];
}

export function haystacks(view: MapView): Haystacks {
  const small = (...texts: readonly string[]): string => texts.join(" ").toLowerCase();
  return {
    pod: view.pods.map((p) => small(p.id, p.labels, p.address, p.workload, view.nodes[p.node]?.name ?? "")),
    service: view.services.map((s) => small(s.id, s.address, s.selector, s.type)),
    policy: view.policies.map((p) => small(p.id)),
  };
}

/** Whether every word of the query is in the text. */
export const matches = (text: string, query: string): boolean =>
  query
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));

/** The objects that an item has to do with: pods of a Service or policy, Services and policies of a pod. */
export function related(view: MapView, { kind, at }: Item): Item[] {
  if (kind === "pod") {
    const having = (
      list: readonly { readonly pods: readonly number[] }[],
      as: "service" | "policy",
    ): Item[] => list.flatMap(({ pods }, i) => (pods.includes(at) ? [{ kind: as, at: i }] : []));
    return [...having(view.services, "service"), ...having(view.policies, "policy")];
  }
  const of = kind === "service" ? view.services[at] : view.policies[at];
  return (of?.pods ?? []).map((pod) => ({ kind: "pod", at: pod }));
}

/** By the value of `Reached`. */
const REACHED = [MARK.faded, MARK.closed, MARK.some, MARK.all] as const;

export function marksOf(view: MapView, state: State, texts: Haystacks): Marks {
  const { selected, reach, query } = state;
  const kinds = { pod: view.pods, service: view.services, policy: view.policies };
  const marks = {
    pod: new Uint8Array(kinds.pod.length),
    service: new Uint8Array(kinds.service.length),
    policy: new Uint8Array(kinds.policy.length),
  };
  if (query !== "")
    for (const kind of ["pod", "service", "policy"] as const)
      for (const [i, text] of texts[kind].entries()) if (!matches(text, query)) marks[kind][i] = MARK.faded;
  if (reach !== undefined) {
    for (let i = 0; i < marks.pod.length; i++) marks.pod[i] = REACHED[reach.reached[i]!]!;
    marks.service.fill(MARK.faded);
    marks.policy.fill(MARK.faded);
    marks.pod[reach.pod] = MARK.none;
  } else if (selected !== undefined) {
    if (selected.kind === "pod") {
      marks.service.fill(MARK.faded);
      marks.policy.fill(MARK.faded);
    } else for (const list of Object.values(marks)) list.fill(MARK.faded);
    for (const { kind, at } of [...related(view, selected), selected]) marks[kind][at] = MARK.related;
  }
  return marks;
}

/** More would be a web in which nothing is seen; colours say the same. */
const MOST_LINES = 400;

export function linesOf(view: MapView, state: State, boxOf: (item: Item) => Box | undefined): Line[] {
  const { selected, reach, way } = state;
  const lines: Line[] = [];
  const add = (from: Item, to: Item, tone: Line["tone"]): void => {
    const [a, b] = [boxOf(from), boxOf(to)];
    if (a !== undefined && b !== undefined && lines.length < MOST_LINES) lines.push({ from: a, to: b, tone });
  };
  if (way !== undefined) add(way.from, way.to, "way");
  if (reach !== undefined) {
    const own: Item = { kind: "pod", at: reach.pod };
    for (const [at, value] of reach.reached.entries()) {
      if (value < 2) continue;
      const other: Item = { kind: "pod", at };
      const [from, to] = reach.direction === "to" ? [own, other] : [other, own];
      add(from, to, value === 3 ? "all" : "some");
    }
  } else if (selected !== undefined && way === undefined)
    for (const other of related(view, selected)) add(selected, other, "related");
  return lines;
}
