import type { Exchange } from "./exchange.ts";

/**
 * Exchanges that are all given the same time: the first that came in is the first that is due. So a list and one timer do,
 * where a timer for each would cost as much as the exchange. The process goes on as long as there are any.
 */
export class Deadlines {
  readonly #milliseconds: number;
  #first: Exchange | undefined;
  #last: Exchange | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(milliseconds: number) {
    this.#milliseconds = milliseconds;
  }

  add(exchange: Exchange): void {
    exchange.deadline = performance.now() + this.#milliseconds;
    const last = this.#last;
    if (last === undefined) this.#first = exchange;
    else last.behind = exchange;
    exchange.before = last;
    this.#last = exchange;
    if (this.#timer === undefined) this.#wait(this.#milliseconds);
    else if (last === undefined) this.#timer.ref();
  }

  /** Must be one that was added, and may be done once. */
  remove(exchange: Exchange): void {
    const { before, behind } = exchange;
    if (before === undefined) this.#first = behind;
    else before.behind = behind;
    if (behind === undefined) this.#last = before;
    else behind.before = before;
    exchange.before = exchange.behind = undefined;
    if (this.#first === undefined) this.#timer?.unref();
  }

  #wait(milliseconds: number): void {
    this.#timer = setTimeout(() => this.#ring(), Math.max(1, Math.ceil(milliseconds)));
  }

  #ring(): void {
    this.#timer = undefined;
    const now = performance.now();
    for (let due = this.#first; due !== undefined && due.deadline <= now; due = this.#first) {
      // Takes itself out of the list.
      due.owner?.timedOut(due);
      if (this.#first === due) this.remove(due);
    }
    if (this.#first !== undefined) this.#wait(this.#first.deadline - now);
  }
}
