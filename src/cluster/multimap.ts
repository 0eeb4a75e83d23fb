/** A key's values in the order of their arrival. One value is kept bare, without an array around it: nearly all have one. */
export class MultiMap<V extends object> {
  readonly #values = new Map<string, V | V[]>();

  get(key: string): readonly V[] {
    const found = this.#values.get(key);
    return found === undefined ? [] : Array.isArray(found) ? found : [found];
  }

  add(key: string, value: V): void {
    const found = this.#values.get(key);
    if (found === undefined) this.#values.set(key, value);
    else if (Array.isArray(found)) found.push(value);
    else this.#values.set(key, [found, value]);
  }

  delete(key: string, value: V): void {
    const found = this.#values.get(key);
    if (found === value) {
      this.#values.delete(key);
    } else if (Array.isArray(found)) {
      const at = found.indexOf(value);
      if (at >= 0) found.splice(at, 1);
      if (found.length === 1) this.#values.set(key, found[0]!);
    }
  }
}
