import type { Answer } from "../../src/dns/message.ts";
import type { Name } from "../../src/dns/name.ts";
import type { EdnsOption } from "../../src/dns/edns.ts";
import type { Query } from "../../src/dns/query.ts";
import { FLAG, OPCODE, TYPE } from "../../src/dns/types.ts";
import type { MaybePromise } from "../../src/plugin.ts";

/** What of the header's second word goes to an upstream. */
const ASKED = FLAG.RD | FLAG.AD | FLAG.CD;

/** One question under way, and all who wait for its answer. */
export class Flight {
  readonly answer: Promise<Answer>;
  /** When it began, as `performance.now()` has it. */
  readonly begun: number = performance.now();
  readonly #resolve: (answer: MaybePromise<Answer>) => void;
  readonly #name: Name;
  readonly #options: readonly EdnsOption[];
  /** The rest of what makes two questions one, as two small numbers. */
  readonly #kind: number;
  readonly #size: number;
  readonly #isShared: boolean;
  readonly slot: number;
  /** Others of the same slot. */
  behind: Flight | undefined = undefined;

  constructor(query: Query, slot: number) {
    let resolve: (answer: MaybePromise<Answer>) => void;
    this.answer = new Promise((done) => {
      resolve = done;
    });
    this.#resolve = resolve!;
    this.#name = query.name;
    this.#options = query.options;
    this.#kind = kindOf(query);
    this.#size = sizeOf(query);
    this.#isShared = isShared(query);
    this.slot = slot;
  }

  isFor(query: Query): boolean {
    return (
      this.#isShared &&
      this.#kind === kindOf(query) &&
      this.#size === sizeOf(query) &&
      this.#name === query.name &&
      isSame(this.#options, query.options)
    );
  }

  land(answer: MaybePromise<Answer>): void {
    this.#resolve(answer);
  }
}

const SLOTS = 1024;

/**
 * The questions under way: who asks one of these waits along. What counts is all that an upstream sees of a query, the letters
 * of its name aside, and the size that the client takes.
 *
 * It is no Map: one whose entries come and go makes itself anew every few dozen of them, and each of its old selves, once the
 * garbage collector has moved it among the old, keeps alive what it held, and what came of that.
 */
export class Flights {
  readonly #slots: (Flight | undefined)[] = new Array<undefined>(SLOTS).fill(undefined);
  count = 0;

  /** The latest flight of the same question; undefined where there is none, or where it must go by itself. */
  find(query: Query): Flight | undefined {
    if (!isShared(query)) return undefined;
    let flight = this.#slots[slotOf(query)];
    while (flight !== undefined && !flight.isFor(query)) flight = flight.behind;
    return flight;
  }

  begin(query: Query): Flight {
    const slot = slotOf(query);
    const flight = new Flight(query, slot);
    flight.behind = this.#slots[slot];
    this.#slots[slot] = flight;
    this.count++;
    return flight;
  }

  end(flight: Flight, answer: MaybePromise<Answer>): void {
    const { slot, behind } = flight;
    let before = this.#slots[slot];
    if (before === flight) this.#slots[slot] = behind;
    else {
      while (before!.behind !== flight) before = before!.behind;
      before!.behind = behind;
    }
    flight.behind = undefined;
    this.count--;
    flight.land(answer);
  }
}

/** `loop` finds loops by its HINFO query coming back: it must go round. */
const isShared = (query: Query): boolean => query.opcode === OPCODE.QUERY && query.type !== TYPE.HINFO;

function slotOf({ name, type }: Query): number {
  // FNV-1a.
  let hash = Math.imul(0x811c9dc5 ^ type, 0x01000193);
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return (hash ^ (hash >>> 16)) & (SLOTS - 1);
}

const kindOf = ({ type, flags, edns, dnssecOk, peer }: Query): number =>
  (type << 12) | (flags & ASKED) | (edns ? 1 : 0) | (dnssecOk ? 2 : 0) | (peer.protocol === "tcp" ? 4 : 0);

const sizeOf = (query: Query): number => (query.class << 16) | query.udpSize;

const isSame = (a: readonly EdnsOption[], b: readonly EdnsOption[]): boolean =>
  a.length === b.length && a.every(({ code, data }, i) => code === b[i]!.code && data === b[i]!.data);
