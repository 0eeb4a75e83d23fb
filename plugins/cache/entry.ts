import type { AnswerGenerations } from "../../src/capabilities.ts";
import type { Body } from "../../src/dns/body.ts";
import type { Name } from "../../src/dns/name.ts";
import type { Query } from "../../src/dns/query.ts";

/** What an answer was made of, read before it was asked for: the state in which it is true. See `AnswerGenerations`. */
export interface Basis {
  /** Undefined: nothing that is watched. */
  readonly of: AnswerGenerations | undefined;
  readonly slot: number;
  readonly generation: number;
}

export const NO_BASIS: Basis = { of: undefined, slot: 0, generation: 0 };

/** What an answer depends on beside its question, as one small number: type, DO and CD. The class is compared apart. */
export const kindOf = (query: Query): number =>
  (query.type << 2) | (query.dnssecOk ? 2 : 0) | (query.checkingDisabled ? 1 : 0);

/** A kept answer. One class with all its fields from the start, so that the hot path sees one shape. */
export class Entry {
  /** The key: the name in lower case, and what `kindOf` makes of the question. */
  readonly name: Name;
  readonly kind: number;
  readonly class: number;
  /** Whether it stands among the denials. */
  readonly denial: boolean;

  readonly rcode: number;
  /** RA and AD as they came. */
  readonly flags: number;
  /** In the letters of the query that was answered first. */
  readonly question: Name;
  readonly body: Body;
  /** Whole seconds that it is good for, and when that began. */
  readonly ttl: number;
  readonly stored: number;
  /** Whether it has records of the asked type for the name at the end of its aliases. */
  readonly answering: boolean;

  /** What it was made of, and in which state that was. */
  basis: Basis = NO_BASIS;

  /** The name of the wildcard that it was made from; empty: none. */
  wildcard = "";

  /** For answers: there may be a denial of the same key, which then comes first. */
  shadowed = false;
  /** The last one that was `answering`, where this one is not and took its place (prefer_positive). */
  lastGood: Entry | undefined = undefined;

  /** Times asked for without a longer gap, and when last: for prefetch. */
  hits = 0;
  lastHit = 0;
  /** A refresh is on its way; none is begun before `retryAfter`. */
  refreshing = false;
  retryAfter = 0;

  constructor(
    query: Query,
    denial: boolean,
    rcode: number,
    flags: number,
    question: Name,
    body: Body,
    ttl: number,
    stored: number,
    answering: boolean,
  ) {
    this.name = query.name;
    this.kind = kindOf(query);
    this.class = query.class;
    this.denial = denial;
    this.rcode = rcode;
    this.flags = flags;
    this.question = question;
    this.body = body;
    this.ttl = ttl;
    this.stored = stored;
    this.answering = answering;
  }

  /** Seconds that it is still good for; not above 0 once it has expired. */
  left(now: number): number {
    return this.ttl - Math.floor(now - this.stored);
  }

  /** About how many bytes of memory it takes. */
  get bytes(): number {
    const { body, question, name } = this;
    // What does not fit into a small datagram is kept a second time, cut to size.
    const records = body.plainSize > SMALL ? 2 * body.bytes.length : body.bytes.length;
    return OVERHEAD + records + name.length + (question === name ? 0 : question.length);
  }
}

const SMALL = 450;
/** The objects themselves, their strings' headers and their places in the cache: measured with 10,000 entries. */
const OVERHEAD = 340;
