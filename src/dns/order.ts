/** The order of records, as `loadbalance` mixes it. The same seed gives the same order in both forms of a message. */
import type { Sections } from "./body.ts";
import type { RR } from "./rr.ts";
import { TYPE } from "./types.ts";

/** A step of xorshift32. `state` is never 0. */
function step(state: number): number {
  state ^= state << 13;
  state ^= state >>> 17;
  return state ^ (state << 5);
}

/** Uniform enough below `n` for a few hundred records. */
const below = (state: number, n: number): number => (state >>> 0) % n;

/** Exchanges `count` records of `stride` bytes each in `out` from `at` on: Fisher and Yates in place. */
export function shuffleRecords(out: Buffer, at: number, stride: number, count: number, seed: number): void {
  let state = seed;
  for (let i = count - 1; i > 0; i--) {
    state = step(state);
    const j = below(state, i + 1);
    if (i !== j) exchange(out, at + i * stride, at + j * stride, stride);
  }
}

function exchange(out: Buffer, a: number, b: number, stride: number): void {
  for (let i = 0; i < stride; i++) {
    const byte = out[a + i]!;
    out[a + i] = out[b + i]!;
    out[b + i] = byte;
  }
}

/** Fills `order` with 0 to `count - 1`, mixed as `shuffleSections` mixes as many records. */
export function mixOrder(order: Uint32Array, count: number, seed: number): void {
  for (let i = 0; i < count; i++) order[i] = i;
  let state = seed;
  for (let i = count - 1; i > 0; i--) {
    state = step(state);
    const j = below(state, i + 1);
    const other = order[j]!;
    order[j] = order[i]!;
    order[i] = other;
  }
}

function shuffled(records: readonly RR[], seed: number): RR[] {
  const out = [...records];
  let state = seed;
  for (let i = out.length - 1; i > 0; i--) {
    state = step(state);
    const j = below(state, i + 1);
    [out[i], out[j]] = [out[j]!, out[i]!];
  }
  return out;
}

/** The order in which the records of a section stand before they are mixed, where there are addresses or MX among them. */
export const RANK = { ALIAS: 0, OTHER: 1, ADDRESS: 2, MX: 3 } as const;

export function rankOf(type: number): number {
  switch (type) {
    case TYPE.CNAME:
      return RANK.ALIAS;
    case TYPE.A:
    case TYPE.AAAA:
      return RANK.ADDRESS;
    case TYPE.MX:
      return RANK.MX;
    default:
      return RANK.OTHER;
  }
}

/** In each section: aliases first, then what has no order, then addresses and MX, these two mixed. */
export function shuffleSections(sections: Sections, seed: number): Sections {
  const mix = (records: readonly RR[]): readonly RR[] => {
    const of = (rank: number): readonly RR[] => records.filter((rr) => rankOf(rr.type) === rank);
    const addresses = of(RANK.ADDRESS);
    const mx = of(RANK.MX);
    if (addresses.length + mx.length === 0) return records;
    return [...of(RANK.ALIAS), ...of(RANK.OTHER), ...shuffled(addresses, seed), ...shuffled(mx, seed)];
  };
  return {
    answer: mix(sections.answer),
    authority: mix(sections.authority),
    additional: mix(sections.additional),
  };
}
