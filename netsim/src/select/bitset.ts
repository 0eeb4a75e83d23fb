/** Sets of small integers as bits in a Uint32Array; all sets that meet have the same length. */
export type Bits = Uint32Array;

export const bits = (size: number): Bits => new Uint32Array((size + 31) >>> 5);

export function fullBits(size: number): Bits {
  const out = bits(size).fill(0xffffffff);
  if (size % 32 !== 0 && out.length > 0) out[out.length - 1] = 2 ** (size % 32) - 1;
  return out;
}

export const hasBit = (set: Bits, i: number): boolean => (((set[i >>> 5] as number) >>> (i & 31)) & 1) === 1;

export function setBit(set: Bits, i: number): void {
  set[i >>> 5] = (set[i >>> 5] as number) | (1 << (i & 31));
}

export function isEmpty(set: Bits): boolean {
  for (const word of set) if (word !== 0) return false;
  return true;
}

/** into |= other */
export function union(into: Bits, other: Bits): void {
  for (let i = 0; i < into.length; i++) into[i] = (into[i] as number) | (other[i] as number);
}

/** The set of those `i` below `size` for which `test` holds. */
export function bitsWhere(size: number, test: (i: number) => boolean): Bits {
  const out = bits(size);
  for (let i = 0; i < size; i++) if (test(i)) setBit(out, i);
  return out;
}

export function* eachBit(set: Bits): Generator<number> {
  for (let w = 0; w < set.length; w++) {
    let word = set[w] as number;
    while (word !== 0) {
      const low = 31 - Math.clz32(word & -word);
      yield w * 32 + low;
      word &= word - 1;
    }
  }
}
