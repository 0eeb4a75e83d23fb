import { LRUCache } from "lru-cache";
import type { Query } from "../../src/dns/query.ts";
import type { Counters } from "./counters.ts";
import { kindOf, type Entry } from "./entry.ts";

export interface StoreOptions {
  /** Entries of either kind. */
  readonly answers: number;
  readonly denials: number;
  /** Bytes of either kind; undefined: 2 KiB for each entry. */
  readonly maxBytes: number | undefined;
}

/** CoreDNS's: a capacity is rounded down to a multiple of so many, and is at least four times that. */
const SHARDS = 256;
export const capacityOf = (asked: number): number => Math.max(Math.floor(asked / SHARDS), 4) * SHARDS;

const BYTES_PER_ENTRY = 2048;

/**
 * Answers and denials, each bounded in entries and in bytes; the one that was not used for longest goes first.
 *
 * Keys are 32-bit hashes: no string is built for a look-up, and none is kept but the entry's name, which is compared. Where
 * two questions share a hash, the one that was asked later takes the place.
 */
export class Store {
  readonly answers: LRUCache<number, Entry>;
  readonly denials: LRUCache<number, Entry>;
  /** So that nobody outside can tell which names share a hash. */
  readonly #seed: number = (Math.random() * 2 ** 32) | 0;
  /** Of the server whose query is being put in. */
  #counters: Counters | undefined;

  constructor({ answers, denials, maxBytes }: StoreOptions) {
    const make = (asked: number): LRUCache<number, Entry> => {
      const max = capacityOf(asked);
      return new LRUCache({
        max,
        maxSize: Math.max(maxBytes ?? max * BYTES_PER_ENTRY, 1),
        sizeCalculation: (entry) => entry.bytes,
        dispose: (entry, _key, reason) => {
          if (reason !== "evict" || this.#counters === undefined) return;
          if (entry.denial) this.#counters.denialEvictions++;
          else this.#counters.answerEvictions++;
        },
      });
    };
    this.answers = make(answers);
    this.denials = make(denials);
  }

  keyOf(query: Query): number {
    const { name } = query;
    // FNV-1a.
    let hash = Math.imul(this.#seed ^ kindOf(query) ^ (query.class << 20), 0x01000193);
    for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
    return hash | 0;
  }

  answer(key: number, query: Query): Entry | undefined {
    const entry = this.answers.get(key);
    return entry !== undefined && isFor(entry, query) ? entry : undefined;
  }

  denial(key: number, query: Query): Entry | undefined {
    const entry = this.denials.get(key);
    return entry !== undefined && isFor(entry, query) ? entry : undefined;
  }

  /** Puts an entry in its place, whatever stood there. What has to go for it is counted. */
  put(key: number, entry: Entry, counters: Counters): void {
    this.#counters = counters;
    if (entry.denial) {
      this.denials.set(key, entry);
      const answer = this.answers.peek(key);
      if (answer !== undefined) answer.shadowed = true;
    } else {
      entry.shadowed = this.denials.has(key);
      this.answers.set(key, entry);
    }
  }

  dropDenial(key: number): void {
    this.denials.delete(key);
  }

  /** What would be given for this key, expired or not. */
  peek(key: number): Entry | undefined {
    return this.denials.peek(key) ?? this.answers.peek(key);
  }
}

function isFor(entry: Entry, query: Query): boolean {
  return entry.kind === kindOf(query) && entry.class === query.class && entry.name === query.name;
}
