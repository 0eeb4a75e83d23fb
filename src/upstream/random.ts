import { randomFillSync } from "node:crypto";

const pool = new Uint16Array(2048);
let next = pool.length;

/** A number from 0 to 65535 that nobody can foretell: ids and the choice of ports (RFC 5452 §9.2). */
export function random16(): number {
  if (next === pool.length) {
    randomFillSync(pool);
    next = 0;
  }
  return pool[next++]!;
}

/** The same, below `n` (at most 65536); as even as that is with so few bits. */
export const randomBelow = (n: number): number => (random16() * n) >>> 16;
