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

/** Square bit matrix: row i has bit j -> row j has bit i. In blocks of 32 by 32 (Hacker's Delight, 7-3). */
export function transpose(rows: readonly Bits[], size: number): Bits[] {
  const words = (size + 31) >>> 5;
  const all = new Uint32Array(size * words);
  const out = Array.from({ length: size }, (_, i) => all.subarray(i * words, (i + 1) * words));
  const block = new Uint32Array(32);
  for (let r = 0; r < words; r++) {
    const height = Math.min(32, size - r * 32);
    for (let c = 0; c < words; c++) {
      for (let k = 0; k < 32; k++) block[k] = k < height ? ((rows[r * 32 + k] as Bits)[c] as number) : 0;
      transposeBlock(block);
      const width = Math.min(32, size - c * 32);
      for (let k = 0; k < width; k++) (out[c * 32 + k] as Bits)[r] = block[k] as number;
    }
  }
  return out;
}

function transposeBlock(a: Uint32Array): void {
  let mask = 0x0000ffff;
  for (let j = 16; j !== 0; j >>>= 1, mask ^= mask << j) {
    for (let k = 0; k < 32; k = (k + j + 1) & ~j) {
      const t = (((a[k] as number) >>> j) ^ (a[k + j] as number)) & mask;
      a[k + j] = (a[k + j] as number) ^ t;
      a[k] = (a[k] as number) ^ (t << j);
    }
  }
}
