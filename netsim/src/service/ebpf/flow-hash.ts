/** Jenkins' lookup3 hash (public domain) of a flow, as Cilium's datapath finds the slot of a Maglev table (bpf/lib/hash.h). */
import type { Address } from "../address.ts";

export interface Flow {
  readonly source: Address;
  /** 0 for a service with session affinity: then only the client's address counts. */
  readonly sourcePort: number;
  readonly port: number;
  /** IP protocol number. */
  readonly protocol: number;
}

/** An unsigned 32-bit hash. The destination address is left out: all addresses of a service find the same backend. */
export function flowHash(
  { source, sourcePort, port, protocol }: Flow,
  seeds: { jhash4: number; jhash6: number },
): number {
  const ports = ((swap16(port) << 16) | swap16(sourcePort)) >>> 0;
  const words = sourceWords(source);
  if (source.family === "IPv4") {
    const start = (0xdead_beef + (3 << 2) + seeds.jhash4) >>> 0;
    return lookup3Final([(words[0] ?? 0) + start, ports + start, protocol + start]);
  }
  const [a, b, c] = lookup3Mix([words[0] ?? 0, words[1] ?? 0, words[2] ?? 0]);
  const [d, e, f] = lookup3Mix([a + (words[3] ?? 0), b + ports, c + protocol]);
  return lookup3Final([d + seeds.jhash6, e, f]);
}

export type Triple = readonly [a: number, b: number, c: number];

export function lookup3Mix([a, b, c]: Triple): Triple {
  for (const [first, second, third] of [
    [4, 6, 8],
    [16, 19, 4],
  ] as const) {
    a = ((a - c) ^ rotate(c, first)) | 0;
    c = (c + b) | 0;
    b = ((b - a) ^ rotate(a, second)) | 0;
    a = (a + c) | 0;
    c = ((c - b) ^ rotate(b, third)) | 0;
    b = (b + a) | 0;
  }
  return [a, b, c];
}

export function lookup3Final([a, b, c]: Triple): number {
  c = ((c ^ b) - rotate(b, 14)) | 0;
  a = ((a ^ c) - rotate(c, 11)) | 0;
  b = ((b ^ a) - rotate(a, 25)) | 0;
  c = ((c ^ b) - rotate(b, 16)) | 0;
  a = ((a ^ c) - rotate(c, 4)) | 0;
  b = ((b ^ a) - rotate(a, 14)) | 0;
  c = ((c ^ b) - rotate(b, 24)) | 0;
  return c >>> 0;
}

function rotate(x: number, by: number): number {
  return (x << by) | (x >>> (32 - by));
}

/** Network order, read by a little-endian machine. */
function swap16(x: number): number {
  return ((x & 0xff) << 8) | (x >>> 8);
}

function sourceWords({ value, family }: Address): number[] {
  const shifts = family === "IPv4" ? [0n] : [96n, 64n, 32n, 0n];
  return shifts.map((shift) => {
    const word = Number((value >> shift) & 0xffff_ffffn);
    return ((word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24)) >>> 0;
  });
}
