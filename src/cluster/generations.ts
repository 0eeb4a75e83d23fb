/**
 * What tells an answer made from the index that it is out of date.
 *
 * An answer keeps the slot of what it was made of and the number that stood there; a change counts that number up. So a
 * change voids every answer that depends on it, found or not found, in the time of one addition, and nobody keeps lists
 * of who depends on what. Two things may share a slot: then an answer is made again without need.
 */
const SLOTS = 32768;

/** The slot that every change counts up: for answers that are made of more than one thing. */
export const ANYTHING = 0;

export class Generations {
  readonly numbers: Uint32Array = new Uint32Array(SLOTS);

  /** The slot of a pair of words, such as a namespace and a service; never `ANYTHING`. */
  slotOf(a: string, b: string): number {
    // FNV-1a.
    let hash = 0x811c9dc5;
    for (let i = 0; i < a.length; i++) hash = Math.imul(hash ^ a.charCodeAt(i), 0x01000193);
    hash = Math.imul(hash ^ 0x2f, 0x01000193);
    for (let i = 0; i < b.length; i++) hash = Math.imul(hash ^ b.charCodeAt(i), 0x01000193);
    return 1 + ((hash >>> 0) % (SLOTS - 1));
  }

  bump(slot: number): void {
    this.numbers[slot]!++;
    this.numbers[ANYTHING]!++;
  }

  bumpAll(): void {
    for (let slot = 0; slot < SLOTS; slot++) this.numbers[slot]!++;
  }
}
