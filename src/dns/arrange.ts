/** The records of a message as they change places and are cut to a size, without being encoded anew. */
import { FIXED, HEADER, type Body } from "./body.ts";
import { encodeMessage } from "./codec.ts";
import { mixOrder, RANK, rankOf } from "./order.ts";
import { TYPE } from "./types.ts";

/** Records on the wire, in their order. */
export interface Arrangement {
  /** All that follows the question. */
  readonly bytes: string;
  /** Where each record ends. Fewer than the body has where not even the largest message holds them. */
  readonly ends: Uint32Array;
  /** Pairs of numbers: from which record to which (not included) they change places. Undefined: it takes more than exchanging slices. */
  readonly groups: readonly number[] | undefined;
}

interface Record {
  readonly start: number;
  readonly end: number;
  readonly type: number;
}

/** The body's own bytes: no record there depends on its place. */
export const loose = (body: Body): Arrangement => arrange(body, body.bytes, () => true);

/** Names compressed as far as can be: what is sent where the plain records are too many. */
export function packed(body: Body): Arrangement {
  const { question, sections } = body;
  const { bytes } = encodeMessage(
    { id: 0, flags: 0, question: { name: question, type: 0, class: 0 }, ...sections },
    { compress: "always" },
  );
  const records = bytes.latin1Slice(HEADER + question.length + 4, bytes.length);
  // No name begins in such a record that another could point at.
  return arrange(body, records, ({ start, type }) => records.charCodeAt(start) >= 0xc0 && type !== TYPE.MX);
}

function arrange(body: Body, bytes: string, isMovable: (record: Record) => boolean): Arrangement {
  const records = recordsIn(bytes);
  const groups: number[] = [];
  let isPossible = true;
  let from = 0;
  for (const count of [body.answers, body.authorities, body.additionals]) {
    const section = records.slice(from, from + count);
    const ranks = section.map(({ type }) => rankOf(type));
    // Where there is something to mix, what it begins with is an order (see order.ts).
    if (ranks.some((rank) => rank >= RANK.ADDRESS) && ranks.some((rank, i) => i > 0 && rank < ranks[i - 1]!))
      isPossible = false;
    for (const rank of [RANK.ADDRESS, RANK.MX]) {
      const first = ranks.indexOf(rank);
      const end = ranks.lastIndexOf(rank) + 1;
      if (end - first < 2) continue;
      groups.push(from + first, from + end);
      if (!section.slice(first, end).every(isMovable)) isPossible = false;
    }
    from += count;
  }
  return {
    bytes,
    ends: Uint32Array.from(records, ({ end }) => end),
    groups: isPossible ? groups : undefined,
  };
}

function recordsIn(bytes: string): Record[] {
  const records: Record[] = [];
  for (let start = 0; start < bytes.length;) {
    let at = start;
    while (bytes.charCodeAt(at) !== 0 && bytes.charCodeAt(at) < 0xc0) at += bytes.charCodeAt(at) + 1;
    at += bytes.charCodeAt(at) === 0 ? 1 : 2;
    const end = at + FIXED + word(bytes, at + 8);
    records.push({ start, end, type: word(bytes, at) });
    start = end;
  }
  return records;
}

const word = (bytes: string, at: number): number => (bytes.charCodeAt(at) << 8) | bytes.charCodeAt(at + 1);

/** How many records the last call of `writeArranged` wrote. */
export let written = 0;

let order = new Uint32Array(256);

/**
 * Writes records into `out` from `at` on, as many as end before `limit`, mixed by `seed` where it is not 0 and the arrangement has groups.
 * Returns where they end; `written` says how many they are.
 */
export function writeArranged(
  out: Buffer,
  at: number,
  limit: number,
  { bytes, ends, groups = [] }: Arrangement,
  seed: number,
): number {
  const most = ends.length;
  const mixed = seed === 0 ? 0 : groups.length;
  let done = 0;
  for (let g = 0; g <= mixed && done < most; g += 2) {
    // What keeps its place, as far as there is room.
    const from = done === 0 ? 0 : ends[done - 1]!;
    const next = g < mixed ? groups[g]! : most;
    const stop = lastEnding(ends, done, next, limit - at + from);
    const to = stop === 0 ? 0 : ends[stop - 1]!;
    if (to > from) at += out.latin1Write(bytes.slice(from, to), at);
    done = stop;
    if (done < next || g >= mixed) break;
    const end = groups[g + 1]!;
    if (order.length < end - next) order = new Uint32Array(2 * (end - next));
    mixOrder(order, end - next, seed);
    for (let i = 0; i < end - next; i++) {
      const record = next + order[i]!;
      const start = record === 0 ? 0 : ends[record - 1]!;
      if (at + ends[record]! - start > limit) {
        written = done;
        return at;
      }
      for (let k = start; k < ends[record]!; k++) out[at++] = bytes.charCodeAt(k);
      done++;
    }
  }
  written = done;
  return at;
}

/** The first record from `from` on, up to `to`, that ends behind `limit`. */
function lastEnding(ends: Uint32Array, from: number, to: number, limit: number): number {
  if (to === 0 || ends[to - 1]! <= limit) return to;
  let at = from;
  while (at < to && ends[at]! <= limit) at++;
  return at;
}
