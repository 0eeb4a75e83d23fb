/** The canonical order of names (RFC 4034 §6.1), for denials and transfers of whole zones. */
import type { Name } from "../dns/name.ts";

/** Names sorted at once, and steps between two pauses. */
const CHUNK = 512;

interface Keyed {
  readonly key: string;
  readonly name: Name;
}

/** Sorts lower-case names: a merge sort that pauses, so that a large zone holds up no query. */
export function* canonicalOrder(names: Iterable<Name>): Generator<void, readonly Name[]> {
  let runs: Keyed[][] = [];
  let run: Keyed[] = [];
  for (const name of names) {
    run.push({ key: canonicalKey(name), name });
    if (run.length < CHUNK) continue;
    runs.push(run.sort(byKey));
    run = [];
    yield;
  }
  runs.push(run.sort(byKey));
  while (runs.length > 1) {
    const merged: Keyed[][] = [];
    for (let i = 0; i < runs.length; i += 2)
      merged.push(i + 1 < runs.length ? yield* merge(runs[i]!, runs[i + 1]!) : runs[i]!);
    runs = merged;
  }
  return runs[0]!.map(({ name }) => name);
}

const byKey = (a: Keyed, b: Keyed): number => (a.key < b.key ? -1 : 1);

function* merge(a: readonly Keyed[], b: readonly Keyed[]): Generator<void, Keyed[]> {
  const out: Keyed[] = [];
  for (let i = 0, j = 0; i < a.length || j < b.length;) {
    const fromA = j >= b.length || (i < a.length && a[i]!.key < b[j]!.key);
    out.push(fromA ? a[i++]! : b[j++]!);
    if (out.length % CHUNK === 0) yield;
  }
  return out;
}

/**
 * A string that sorts as the name does: its labels from the right, each ended by the least byte, which is escaped within
 * labels. `name` in lower case.
 */
export function canonicalKey(name: Name): string {
  let key = "";
  for (let at = 0; name.charCodeAt(at) !== 0; at += name.charCodeAt(at) + 1) {
    const label = name.slice(at + 1, at + 1 + name.charCodeAt(at));
    key = `${LOW.test(label) ? label.replace(LOW_ALL, escapeLow) : label}\0${key}`;
  }
  return key;
}

const LOW = /[\0\x01]/;
const LOW_ALL = /[\0\x01]/g;
const escapeLow = (char: string): string => (char === "\0" ? "\x01\x01" : "\x01\x02");

/** The greatest of `order` that is `name` or comes before it. */
export function floorOf(order: readonly Name[], name: Name): Name | undefined {
  const key = canonicalKey(name);
  let low = 0;
  let high = order.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (canonicalKey(order[middle]!) <= key) low = middle + 1;
    else high = middle;
  }
  return order[low - 1];
}
