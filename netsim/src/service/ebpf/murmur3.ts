const MASK = 0xffff_ffff_ffff_ffffn;
const C1 = 0x87c3_7b91_1142_53d5n;
const C2 = 0x4cf5_ad43_2745_937fn;

/** MurmurHash3 x64 128 (Appleby, public domain) of `text`'s UTF-8 bytes: both halves, each an unsigned 64-bit integer. */
export function murmur3(text: string, seed: number): readonly [h1: bigint, h2: bigint] {
  const bytes = new TextEncoder().encode(text);
  const view = new DataView(bytes.buffer);
  const tail = bytes.length & ~15;
  let h1 = BigInt(seed);
  let h2 = BigInt(seed);
  for (let at = 0; at < tail; at += 16) {
    h1 ^= mixLow(view.getBigUint64(at, true));
    h1 = (rotl(h1, 27n) + h2) & MASK;
    h1 = (h1 * 5n + 0x52dc_e729n) & MASK;
    h2 ^= mixHigh(view.getBigUint64(at + 8, true));
    h2 = (rotl(h2, 31n) + h1) & MASK;
    h2 = (h2 * 5n + 0x3849_5ab5n) & MASK;
  }
  h1 ^= mixLow(little(bytes.subarray(tail, tail + 8)));
  h2 ^= mixHigh(little(bytes.subarray(tail + 8)));
  const length = BigInt(bytes.length);
  h1 ^= length;
  h2 ^= length;
  h1 = (h1 + h2) & MASK;
  h2 = (h2 + h1) & MASK;
  h1 = finish(h1);
  h2 = finish(h2);
  h1 = (h1 + h2) & MASK;
  h2 = (h2 + h1) & MASK;
  return [h1, h2];
}

function mixLow(k: bigint): bigint {
  return (rotl((k * C1) & MASK, 31n) * C2) & MASK;
}

function mixHigh(k: bigint): bigint {
  return (rotl((k * C2) & MASK, 33n) * C1) & MASK;
}

function rotl(x: bigint, by: bigint): bigint {
  return ((x << by) | (x >> (64n - by))) & MASK;
}

function finish(k: bigint): bigint {
  k ^= k >> 33n;
  k = (k * 0xff51_afd7_ed55_8ccdn) & MASK;
  k ^= k >> 33n;
  k = (k * 0xc4ce_b9fe_1a85_ec53n) & MASK;
  return k ^ (k >> 33n);
}

function little(bytes: Uint8Array): bigint {
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i] as number);
  return value;
}
