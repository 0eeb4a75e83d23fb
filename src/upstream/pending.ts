import type { Exchange } from "./exchange.ts";

const SLOTS = 256;

/**
 * Exchanges by id. No Map: one whose entries come and go makes itself anew every few dozen of them, and each of its old
 * selves, once the garbage collector has moved it among the old, keeps alive what it held, and what came of that.
 */
export class Pending {
  readonly #slots: (Exchange | undefined)[] = new Array<undefined>(SLOTS).fill(undefined);
  size = 0;

  get(id: number): Exchange | undefined {
    let found = this.#slots[id % SLOTS];
    while (found !== undefined && found.id !== id) found = found.beside;
    return found;
  }

  add(exchange: Exchange): void {
    const slot = exchange.id % SLOTS;
    exchange.beside = this.#slots[slot];
    this.#slots[slot] = exchange;
    this.size++;
  }

  delete(exchange: Exchange): void {
    const slot = exchange.id % SLOTS;
    let before = this.#slots[slot];
    if (before === exchange) this.#slots[slot] = exchange.beside;
    else {
      while (before !== undefined && before.beside !== exchange) before = before.beside;
      if (before === undefined) return;
      before.beside = exchange.beside;
    }
    exchange.beside = undefined;
    this.size--;
  }

  /** All of them, as they are now. */
  all(): Exchange[] {
    const found: Exchange[] = [];
    for (let one of this.#slots) for (; one !== undefined; one = one.beside) found.push(one);
    return found;
  }
}
