/**
 * Maglev's lookup table as Cilium 1.20 fills it (Eisenbud et al., "Maglev: A Fast and Reliable Software Network Load
 * Balancer", NSDI 2016, section 3.4). Each backend has its own permutation of the table's slots, computed from nothing but
 * itself, and the backends take turns at claiming their next free slot: when one goes, most of the others keep theirs.
 */
import type { Protocol } from "../../model/types.ts";
import { murmur3 } from "./murmur3.ts";

/** Table sizes that Cilium accepts (`--bpf-lb-maglev-table-size`): primes, so that every skip visits every slot. */
export const MAGLEV_SIZES: readonly number[] = [
  251, 509, 1021, 2039, 4093, 8191, 16381, 32749, 65521, 131071,
];

/** Cilium's default `--bpf-lb-maglev-hash-seed`: base64 of 12 bytes. */
export const MAGLEV_SEED = "JLfvgnHc2kaSUFaI";

export interface MaglevBackend {
  readonly id: number;
  readonly address: string;
  readonly port: number;
  readonly protocol: Protocol;
  readonly weight?: number;
}

/** The three numbers that the 12 bytes of a seed hold: murmur3's, and jhash's for IPv4 and for IPv6. */
export function maglevSeeds(seed: string = MAGLEV_SEED): { murmur: number; jhash4: number; jhash6: number } {
  const bytes = Uint8Array.from(decoded(seed), (c) => c.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  const word = (at: number) => (at + 4 <= bytes.length ? view.getUint32(at) : 0);
  return { murmur: word(0), jhash4: word(4), jhash6: word(8) };
}

function decoded(base64: string): string {
  try {
    return atob(base64);
  } catch {
    return "";
  }
}

/** What is hashed of a backend. Its identity does not depend on its id or on the order of the list. */
export function backendKey(backend: MaglevBackend): string {
  const host = backend.address.includes(":") ? `[${backend.address}]` : backend.address;
  return `[${host}:${backend.port}/${backend.protocol},State:active]`;
}

/** Where a backend's permutation of `size` slots starts, and by how much it goes on. */
export function permutation(
  backend: MaglevBackend,
  size: number,
  seed: number = maglevSeeds().murmur,
): { offset: number; skip: number } {
  const [h1, h2] = murmur3(backendKey(backend), seed);
  return { offset: Number(h1 % BigInt(size)), skip: Number(h2 % BigInt(size - 1)) + 1 };
}

/**
 * The table: the backend's id in each of `size` slots (all 0 without backends). `size` must be a prime larger than the number
 * of backends, best one of `MAGLEV_SIZES`. Weights count only where their mean is at least 2, as in Cilium.
 */
export function maglevTable(
  backends: readonly MaglevBackend[],
  size: number,
  seed: number = maglevSeeds().murmur,
): Uint32Array {
  const table = new Uint32Array(size);
  const turns = backends
    .map((backend) => ({ backend, key: backendKey(backend), weight: backend.weight ?? 1 }))
    .filter(({ weight }) => weight > 0)
    .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
    .map((turn) => ({ ...turn, ...permutation(turn.backend, size, seed), counter: 0 }));
  const count = turns.length;
  if (count === 0) return table;
  const total = turns.reduce((sum, { weight }) => sum + weight, 0);
  const weighted = Math.floor(total / count) > 1;
  for (const turn of turns) turn.counter = turn.weight / count;
  const at = (index: number) => turns[index] as (typeof turns)[number];
  const taken = new Uint8Array(size);
  for (let filled = 0; filled < size; filled++) {
    let visit = filled % count;
    if (weighted) {
      // Whoever had more than its share so far is passed over; every turn begins at its own backend again.
      while ((filled + 1) * at(visit).weight < Math.floor(at(visit).counter)) visit = (visit + 1) % count;
      at(visit).counter += total;
    }
    const turn = at(visit);
    let slot = turn.offset;
    while (taken[slot] === 1) slot = (slot + turn.skip) % size;
    taken[slot] = 1;
    table[slot] = turn.backend.id;
    turn.offset = (slot + turn.skip) % size;
  }
  return table;
}
