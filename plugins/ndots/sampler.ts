/** Milliseconds of a window. */
const WINDOW = 1000;

/**
 * Picks the first so many queries of each second. They come in a row, so that the steps of a walk stay together; and the work is bounded
 * whatever the load, where one of so many would not be.
 */
export class Sampler {
  /** Counted up by who asks, for every query. */
  seen = 0;
  /** How many more are picked, until this time (ms). */
  left = 0;
  until = -Infinity;
  /** How many queries each one that is picked stands for: by what the last second was like. */
  weight = 1;
  readonly most: number;

  /** `most` a second; 0: all. */
  constructor(most: number) {
    this.most = most === 0 ? Infinity : most;
  }

  /** Whether the query that came at `now` (ms) is picked. Need not be asked while nothing is `left` before `until`. */
  picks(now: number): boolean {
    if (now >= this.until) {
      // After a pause nothing is known of how it will be.
      this.weight = now < this.until + WINDOW ? Math.max(1, this.seen / this.most) : 1;
      this.seen = 0;
      this.left = this.most;
      this.until = now + WINDOW;
    }
    if (this.left <= 0) return false;
    this.left--;
    return true;
  }
}
