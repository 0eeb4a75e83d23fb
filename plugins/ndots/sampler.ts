/** Milliseconds of a window. */
const WINDOW = 1000;

/**
 * Picks the first so many queries of each second. They come in a row, so that the steps of a walk stay together; and the work is bounded
 * whatever the load, where one of so many would not be.
 */
export class Sampler {
  /** How many queries each one that is picked stands for: by what the last second was like. */
  weight = 1;
  readonly #most: number;
  #begun = -Infinity;
  #seen = 0;
  #left = 0;

  /** `most` a second; 0: all. */
  constructor(most: number) {
    this.#most = most === 0 ? Infinity : most;
  }

  /** Whether the query that came at `now` (ms) is to be looked at. */
  picks(now: number): boolean {
    if (now - this.#begun >= WINDOW) this.#turn(now);
    this.#seen++;
    if (this.#left <= 0) return false;
    this.#left--;
    return true;
  }

  #turn(now: number): void {
    const isNext = now - this.#begun < 2 * WINDOW;
    this.weight = isNext ? Math.max(1, this.#seen / this.#most) : 1;
    this.#begun = now;
    this.#seen = 0;
    this.#left = this.#most;
  }
}
