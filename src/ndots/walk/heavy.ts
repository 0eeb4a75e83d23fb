/**
 * The names that weigh most in a stream of any number of them, in bounded memory (Misra and Gries, 1982): none that has more than
 * one part in `most` of all is missed, and no weight is told too high.
 */
export class HeavyNames {
  readonly #most: number;
  readonly #weights = new Map<string, number>();

  constructor(most: number) {
    this.#most = most;
  }

  add(name: string, weight: number): void {
    const known = this.#weights.get(name);
    this.#weights.set(name, (known ?? 0) + weight);
    if (known === undefined && this.#weights.size > 2 * this.#most) this.#prune();
  }

  /** The heaviest first. */
  top(n: number): readonly { readonly name: string; readonly weight: number }[] {
    return [...this.#weights]
      .map(([name, weight]) => ({ name, weight }))
      .sort((a, b) => b.weight - a.weight || (a.name < b.name ? -1 : 1))
      .slice(0, n);
  }

  #prune(): void {
    const sorted = [...this.#weights.values()].sort((a, b) => b - a);
    const least = sorted[this.#most]!;
    for (const [name, weight] of this.#weights) {
      if (weight <= least) this.#weights.delete(name);
      else this.#weights.set(name, weight - least);
    }
  }
}
