import { Body, type Sections } from "./body.ts";
import type { EdnsOption } from "./edns.ts";
import type { Name } from "./name.ts";
import type { Query } from "./query.ts";
import type { RR } from "./rr.ts";
import { FLAG, RCODE } from "./types.ts";

/** What a chain gives back: a message, or word that there is none. `kind` tells them apart. */
export type Answer = Message | Failure | Drop | Stream;

/** The OPT record of an answer, where a plugin or an upstream made one. The server sets the size to the client's. */
export interface Opt {
  readonly udpSize: number;
  readonly dnssecOk: boolean;
  readonly options: readonly EdnsOption[];
}

export const EMPTY_SECTIONS: Sections = { answer: [], authority: [], additional: [] };

/**
 * An answer. Its records are there in one of two forms, and in the other when asked for: `body`, ready for the wire, or
 * `sections`. Treat it as a value: what changes one makes a copy with `with`.
 */
export class Message {
  readonly kind = "message";
  /** Including the extended bits (RFC 6891 §6.1.3). */
  readonly rcode: number;
  /** AA, RA, AD, and RD and CD as the client will see them; TC where an upstream set it. */
  readonly flags: number;
  /** If not negative, the TTL in seconds of every record, whatever the records say. */
  readonly ttl: number;
  /** If not 0, address records and MX of each section change places by this random number (see `order.ts`). */
  readonly shuffle: number;
  readonly opt: Opt | undefined;
  /** The question that the records belong to, in the letters that their owners have. */
  readonly question: Name;
  #body: Body | undefined;
  #sections: Sections | undefined;

  constructor(
    question: Name,
    rcode: number,
    flags: number,
    records: Body | Sections,
    opt: Opt | undefined = undefined,
    ttl = -1,
    shuffle = 0,
  ) {
    this.question = question;
    this.rcode = rcode;
    this.flags = flags;
    this.ttl = ttl;
    this.shuffle = shuffle;
    this.opt = opt;
    if (records instanceof Body) this.#body = records;
    else this.#sections = records;
  }

  /** The records ready for the wire, TTLs and order not yet applied. Compiled once. */
  get body(): Body {
    return (this.#body ??= new Body(this.question, this.#sections!));
  }

  /** Whether `body` costs nothing now. */
  get isCompiled(): boolean {
    return this.#body !== undefined;
  }

  /** The records, with the TTLs that the client will see. */
  get sections(): Sections {
    const own = (this.#sections ??= this.#body!.sections);
    if (this.ttl < 0) return own;
    const { ttl } = this;
    const aged = (rrs: readonly RR[]): RR[] => rrs.map((rr) => ({ ...rr, ttl }));
    return { answer: aged(own.answer), authority: aged(own.authority), additional: aged(own.additional) };
  }
  get answer(): readonly RR[] {
    return this.sections.answer;
  }
  get authority(): readonly RR[] {
    return this.sections.authority;
  }
  get additional(): readonly RR[] {
    return this.sections.additional;
  }

  /** Bytes without compression and without OPT for a question of this name: what logs and metrics report. */
  get plainSize(): number {
    return 12 + this.question.length + 4 + this.recordBytes();
  }

  private recordBytes(): number {
    if (this.#body !== undefined) return this.#body.plainSize;
    let n = 0;
    const { answer, authority, additional } = this.#sections!;
    for (const rr of answer) n += rr.name.length + 10 + rr.rdata.length;
    for (const rr of authority) n += rr.name.length + 10 + rr.rdata.length;
    for (const rr of additional) n += rr.name.length + 10 + rr.rdata.length;
    return n;
  }

  /** A copy with something changed. New records take the place of all three sections. */
  with(change: {
    readonly rcode?: number;
    readonly flags?: number;
    readonly ttl?: number;
    readonly shuffle?: number;
    readonly opt?: Opt;
    readonly question?: Name;
    readonly sections?: Sections;
  }): Message {
    return new Message(
      change.question ?? this.question,
      change.rcode ?? this.rcode,
      change.flags ?? this.flags,
      change.sections ?? (change.question === undefined ? (this.#body ?? this.#sections!) : this.sections),
      change.opt ?? this.opt,
      change.ttl ?? (change.sections === undefined && change.question === undefined ? this.ttl : -1),
      change.shuffle ?? this.shuffle,
    );
  }
}

/**
 * No answer could be made. The server turns it into an empty reply with this rcode at the end; plugins that transform records
 * pass it on untouched, and `cache` does not keep it (so it is in CoreDNS, where the handler returned a code and wrote nothing).
 */
export interface Failure {
  readonly kind: "failure";
  /** SERVFAIL, REFUSED, FORMERR or NOTIMP. */
  readonly rcode: number;
  /** What the `errors` plugin writes; without it nothing is written. */
  readonly error?: string;
  /** Extended DNS Error (RFC 8914): info code and text. */
  readonly ede?: { readonly code: number; readonly text: string };
  /** In place of what the client's own OPT record would bring into the reply. */
  readonly opt?: Opt;
}

/** No reply at all. */
export interface Drop {
  readonly kind: "drop";
}

/** A zone transfer (RFC 5936): messages that are made as the connection takes them. Over TCP only. */
export interface Stream {
  readonly kind: "stream";
  readonly messages: Iterable<Message> | AsyncIterable<Message>;
}

export const DROP: Drop = { kind: "drop" };
export const REFUSED: Failure = { kind: "failure", rcode: RCODE.REFUSED };

/** A Failure with SERVFAIL and a text for the log. */
export function serverFailure(error: string, ede?: { code: number; text: string }): Failure {
  return ede === undefined
    ? { kind: "failure", rcode: RCODE.SERVFAIL, error }
    : { kind: "failure", rcode: RCODE.SERVFAIL, error, ede };
}

/** The flags of a plain reply to `query`: RD and CD as asked. For an authoritative one add `FLAG.AA`. */
export function replyFlags(query: Query): number {
  // A NOTIFY's bits are not repeated (RFC 1996 §3.3 leaves them unused; CoreDNS clears them).
  return query.opcode === 0 ? query.flags & (FLAG.RD | FLAG.CD) : 0;
}

/** A reply to `query` with these records; `flags` are those beyond RD and CD, such as `FLAG.AA`. */
export function reply(
  query: Query,
  rcode: number,
  flags: number,
  records: Body | Partial<Sections> = EMPTY_SECTIONS,
): Message {
  const sections = records instanceof Body ? records : { ...EMPTY_SECTIONS, ...records };
  return new Message(query.rawName, rcode, replyFlags(query) | flags, sections);
}

export const isMessage = (answer: Answer): answer is Message => answer.kind === "message";
