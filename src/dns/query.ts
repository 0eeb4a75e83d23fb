import { lower, type Name } from "./name.ts";
import { ednsOptions, type EdnsOption } from "./edns.ts";
import { REFUSED, type Answer } from "./message.ts";
import { FLAG } from "./types.ts";

export type Protocol = "udp" | "tcp";

/** Who asked, and on which of our addresses. Text is made when it is asked for. */
export interface Peer {
  readonly protocol: Protocol;
  readonly family: 4 | 6;
  /** Text without brackets or zone, as `inet_ntop` writes it. */
  readonly address: string;
  readonly port: number;
  readonly localAddress: string;
  readonly localPort: number;
  /** A copy that outlives the packet, where the fields are read from a buffer that is used again. */
  keep(): Peer;
}

/** What the server knows of the place that a query was routed to: filled in before the chain sees the query. */
export interface Scope {
  /** The zone of the server block that matched, in lower case. */
  readonly zone: Name;
  /** `dns://:53`, as the metrics label says it. */
  readonly server: string;
  /** The block's view name; empty without one. */
  readonly view: string;
  /** The text of a metadata label such as `kubernetes/client-namespace`; empty where nobody knows it. */
  meta(query: Query, label: string): string;
  /** The whole server again with another question; see `Query.lookup`. */
  lookup(query: Query): Answer | Promise<Answer>;
}

/** What may differ in a query made from another one. */
export interface QueryChange {
  readonly name?: Name;
  readonly type?: number;
  readonly class?: number;
  readonly recursionDesired?: boolean;
  readonly checkingDisabled?: boolean;
  readonly authenticData?: boolean;
  /** false: no OPT at all. */
  readonly edns?: boolean;
  /** The OPT's UDP size. */
  readonly size?: number;
  readonly dnssecOk?: boolean;
  readonly options?: readonly EdnsOption[];
}

const NO_OPTIONS: readonly EdnsOption[] = [];
const CHANGEABLE = FLAG.RD | FLAG.CD | FLAG.AD;

/**
 * One question and all that came with it.
 *
 * A query is a value: nothing changes it once the chain has it; `with` makes another. Its packet lies in a buffer that
 * the socket uses again, so whoever keeps a query past the current turn needs `keep` to have been called, which the server
 * does before it lets go of an answer that is still a promise.
 */
export class Query {
  /** The message: `packet[start]` to `packet[end - 1]`. */
  packet: Buffer = EMPTY;
  start = 0;
  end = 0;
  /** Where the question ends in `packet`; 0 where the question's bytes can't be copied as they stand. */
  questionEnd = 0;

  id = 0;
  /** The header's second word as sent. */
  flags = 0;
  /** The name in lower case: what everyone looks up and compares. */
  name: Name = "" as Name;
  /** The name in the client's letters. The same string as `name` where it has no upper case. */
  rawName: Name = "" as Name;
  type = 0;
  class = 1;

  /** Whether an OPT record came along (RFC 6891), and what it said. */
  edns = false;
  /** As the client wrote it, even below 512. */
  udpSize = 0;
  dnssecOk = false;
  ednsVersion = 0;
  optionsStart = 0;
  optionsEnd = 0;

  #peer: Peer | undefined = NOBODY;
  scope: Scope = NOWHERE;
  /** `performance.now()` when the server took it up. */
  received = 0;
  /** How many internal lookups led here; see `lookup` of the contract. */
  depth = 0;
  /** The query that came in over the wire. */
  origin: Query = this;
  #options: readonly EdnsOption[] | undefined;

  /** Who asked. */
  get peer(): Peer {
    return this.#peer ?? this.origin.#peer ?? NOBODY;
  }
  set peer(peer: Peer) {
    this.#peer = peer;
  }
  get opcode(): number {
    return (this.flags >> 11) & 15;
  }
  get recursionDesired(): boolean {
    return (this.flags & FLAG.RD) !== 0;
  }
  get checkingDisabled(): boolean {
    return (this.flags & FLAG.CD) !== 0;
  }
  get authenticData(): boolean {
    return (this.flags & FLAG.AD) !== 0;
  }

  /** Bytes of the message as received. */
  get length(): number {
    return this.end - this.start;
  }

  /** The largest reply that the client takes, in bytes: RFC 6891 §6.2.3, RFC 1035 §4.2. */
  get limit(): number {
    if (this.peer.protocol === "tcp") return 65535;
    return this.udpSize > 512 ? this.udpSize : 512;
  }

  /** The options of the OPT record, in the order sent. */
  get options(): readonly EdnsOption[] {
    if (this.#options !== undefined) return this.#options;
    if (this.optionsEnd === this.optionsStart) return NO_OPTIONS;
    return (this.#options = ednsOptions(this.packet, this.optionsStart, this.optionsEnd));
  }

  meta(label: string): string {
    return this.scope.meta(this, label);
  }

  /**
   * Asks the whole server this question: routing, views, all plugins of the block that takes it (targets of aliases, dns64's A).
   * EDNS and client are those of this query. Too deep a recursion is SERVFAIL.
   */
  lookup(name: Name, type: number): Answer | Promise<Answer> {
    const query = this.with({ name, type });
    query.depth = this.depth + 1;
    return this.scope.lookup(query);
  }

  /** The same question with something changed. The client, its scope and the time of receipt stay. */
  with(change: QueryChange): Query {
    const q = new Query();
    q.packet = this.packet;
    q.start = this.start;
    q.end = this.end;
    q.id = this.id;
    q.flags = this.flags;
    q.name = this.name;
    q.rawName = this.rawName;
    q.type = change.type ?? this.type;
    q.class = change.class ?? this.class;
    q.edns = change.edns ?? this.edns;
    q.udpSize = this.udpSize;
    q.dnssecOk = this.dnssecOk;
    q.ednsVersion = this.ednsVersion;
    q.optionsStart = this.optionsStart;
    q.optionsEnd = this.optionsEnd;
    // The origin's, unless a plugin said otherwise: that one is moved to where it lasts when an answer has to be waited for.
    q.#peer = this.origin === this ? undefined : this.#peer;
    q.scope = this.scope;
    q.received = this.received;
    q.depth = this.depth;
    q.origin = this.origin;
    // The options are read now: the packet may be gone when the other query is asked for them.
    q.#options = this.options;
    if (change.name !== undefined) {
      q.rawName = change.name;
      q.name = lower(change.name);
    } else if (change.type === undefined && change.class === undefined) {
      q.questionEnd = this.questionEnd;
    }
    if (change.recursionDesired !== undefined) q.setFlag(FLAG.RD, change.recursionDesired);
    if (change.checkingDisabled !== undefined) q.setFlag(FLAG.CD, change.checkingDisabled);
    if (change.authenticData !== undefined) q.setFlag(FLAG.AD, change.authenticData);
    if (change.size !== undefined) q.udpSize = change.size;
    if (change.dnssecOk !== undefined) q.dnssecOk = change.dnssecOk;
    if (change.options !== undefined) q.#options = change.options;
    if (!q.edns) {
      q.udpSize = 0;
      q.dnssecOk = false;
      q.#options = NO_OPTIONS;
    }
    return q;
  }

  // Of all that a plugin may change in a query, these two concern the server's own last step, so they are no matter of `with`.

  /** Lowers the size that the client says it takes, in bytes, for the reply as well. */
  limitSize(size: number): void {
    if (this.udpSize > size) this.udpSize = size;
  }

  /** Sets or clears RD, for the reply as well. */
  setRecursionDesired(on: boolean): void {
    this.setFlag(FLAG.RD, on);
  }

  /** Makes the query outlive its packet's buffer. */
  keep(): void {
    if (this.origin !== this) return;
    this.packet = Buffer.from(this.packet.subarray(this.start, this.end));
    if (this.questionEnd !== 0) this.questionEnd -= this.start;
    this.optionsStart -= this.start;
    this.optionsEnd -= this.start;
    this.end -= this.start;
    this.start = 0;
    this.peer = this.peer.keep();
  }

  /** For the parser: forgets what an earlier packet left in this object. */
  reset(): void {
    this.origin = this;
    this.depth = 0;
    this.questionEnd = 0;
    this.edns = false;
    this.udpSize = 0;
    this.dnssecOk = false;
    this.ednsVersion = 0;
    this.optionsStart = 0;
    this.optionsEnd = 0;
    this.#options = undefined;
    this.scope = NOWHERE;
  }

  private setFlag(bit: number, on: boolean): void {
    this.flags = on ? this.flags | (bit & CHANGEABLE) : this.flags & ~bit;
  }
}

const EMPTY: Buffer = Buffer.alloc(0);

const NOBODY: Peer = {
  protocol: "udp",
  family: 4,
  address: "",
  port: 0,
  localAddress: "",
  localPort: 0,
  keep: () => NOBODY,
};

const NOWHERE: Scope = { zone: "\0" as Name, server: "", view: "", meta: () => "", lookup: () => REFUSED };
