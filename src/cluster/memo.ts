/**
 * What was made from the index, by the name and type that it answers. Bounded in bytes: once the younger half is full, the older
 * one is forgotten; what is still asked for moves into the younger half.
 */
export class Memo<V extends { readonly bytes: number }> {
  #young = new Map<number, Map<string, V>>();
  #old = new Map<number, Map<string, V>>();
  #room: number;
  readonly #half: number;

  /** `bytes`: how much all entries may take, by what each says of itself. */
  constructor(bytes: number) {
    this.#half = bytes / 2;
    this.#room = this.#half;
  }

  get(type: number, name: string): V | undefined {
    const young = this.#young.get(type)?.get(name);
    if (young !== undefined) return young;
    const old = this.#old.get(type)?.get(name);
    if (old !== undefined) this.set(type, name, old);
    return old;
  }

  set(type: number, name: string, value: V): void {
    this.#room -= value.bytes;
    if (this.#room < 0) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#room = this.#half - value.bytes;
    }
    let names = this.#young.get(type);
    if (names === undefined) this.#young.set(type, (names = new Map()));
    names.set(name, value);
  }
}
