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

const isAddress = (rr: RR): boolean => rr.type === TYPE.A || rr.type === TYPE.AAAA;

/** In each section: aliases first, then what has no order, then addresses and MX, these two mixed. */
export function shuffleSections(sections: Sections, seed: number): Sections {
  const mix = (records: readonly RR[]): readonly RR[] => {
    const addresses = records.filter(isAddress);
    const mx = records.filter((rr) => rr.type === TYPE.MX);
    if (addresses.length + mx.length === 0) return records;
    if (addresses.length === records.length) return shuffled(addresses, seed);
    const aliases = records.filter((rr) => rr.type === TYPE.CNAME);
    const rest = records.filter((rr) => rr.type !== TYPE.CNAME && rr.type !== TYPE.MX && !isAddress(rr));
    return [...aliases, ...rest, ...shuffled(addresses, seed), ...shuffled(mx, seed)];
  };
  return {
    answer: mix(sections.answer),
    authority: mix(sections.authority),
    additional: mix(sections.additional),
  };
}
