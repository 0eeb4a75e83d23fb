/** A zone that is served: its current data, and the answers that were made of them. */
import { Body, type Sections } from "../dns/body.ts";
import { Message, REFUSED, replyFlags, type Answer, type Failure } from "../dns/message.ts";
import type { Name } from "../dns/name.ts";
import type { Query } from "../dns/query.ts";
import type { RR } from "../dns/rr.ts";
import { FLAG, RCODE, TYPE } from "../dns/types.ts";
import { joinTarget } from "./alias.ts";
import type { ZoneData } from "./data.ts";
import { lookup } from "./lookup.ts";
import type { Found, Led, Result } from "./outcome.ts";
import { transferOf } from "./transfer.ts";

/** An answer that is ready for every query with the same name, type and DO. */
interface Ready {
  readonly kind: "ready";
  readonly rcode: number;
  readonly flags: number;
  readonly body: Body;
  /** There is no such name, or only names below it: `fallthrough` is for these. */
  readonly isMissing: boolean;
}

type Kept = Ready | Led | Failure;

const SERVFAIL: Failure = { kind: "failure", rcode: RCODE.SERVFAIL };

/** Octets of answers that a zone keeps, and what one costs beside its records. */
const MOST = 16 * 1024 * 1024;
const COST = 250;

/** Whether a name that does not exist is left to others: `fallthrough`. */
export type Passes = (name: Name) => boolean;

export class Zone {
  /** In lower case. */
  readonly origin: Name;
  #data: ZoneData | undefined;
  /** By type and DO, then by name. */
  readonly #kept = new Map<number, Map<Name, Kept>>();
  #size = 0;

  constructor(origin: Name, data?: ZoneData) {
    this.origin = origin;
    this.#data = data;
  }

  /** Undefined: not there yet, or no longer good. Then every query fails. */
  get data(): ZoneData | undefined {
    return this.#data;
  }
  set data(data: ZoneData | undefined) {
    this.#data = data;
    this.#forget();
  }

  /** The answer for a name in the zone; undefined for a name that is not there and `passes`. */
  answer(query: Query): Answer | Promise<Answer>;
  answer(query: Query, passes: Passes): Answer | Promise<Answer> | undefined;
  answer(query: Query, passes?: Passes): Answer | Promise<Answer> | undefined {
    const { name, type, dnssecOk } = query;
    const key = dnssecOk ? 2 * type + 1 : 2 * type;
    const kept = this.#kept.get(key)?.get(name) ?? this.#make(key, name, type, dnssecOk);
    switch (kept.kind) {
      case "ready":
        if (kept.isMissing && passes?.(name) === true) return undefined;
        return new Message(name, kept.rcode, replyFlags(query) | kept.flags, kept.body);
      case "led": {
        const result = query.lookup(kept.target, type);
        return result instanceof Promise
          ? result.then((answer) => this.#join(query, kept, answer))
          : this.#join(query, kept, result);
      }
      default:
        return kept;
    }
  }

  /** The wildcard that the answer to the query is made from. */
  wildcardFor({ name, type, dnssecOk }: Query): Name | undefined {
    return this.#data === undefined ? undefined : lookup(this.#data, name, type, dnssecOk).wildcard;
  }

  /** See `ZoneTransfer` of the capabilities. */
  transfer(serial: number | undefined): Iterable<RR> {
    return this.#data === undefined ? [] : transferOf(this.#data, serial);
  }

  #make(key: number, name: Name, type: number, dnssecOk: boolean): Kept {
    if (type === TYPE.AXFR || type === TYPE.IXFR) return REFUSED;
    if (this.#data === undefined) return SERVFAIL;
    const outcome = lookup(this.#data, name, type, dnssecOk);
    const kept = outcome.kind === "led" ? outcome : ready(name, outcome);
    if (this.#size > MOST) this.#forget();
    let names = this.#kept.get(key);
    if (names === undefined) this.#kept.set(key, (names = new Map()));
    names.set(name, kept);
    this.#size += COST + name.length + (kept.kind === "ready" ? kept.body.bytes.length : 0);
    return kept;
  }

  #join(query: Query, led: Led, answer: Answer): Answer {
    // A reload may have come between: then the zone's part is of the new data, the aliases of the old.
    if (this.#data === undefined) return SERVFAIL;
    const records = answer.kind === "message" ? answer.answer : [];
    const whole = joinTarget(this.#data, led, records, resultOf(answer), query.dnssecOk);
    return new Message(query.rawName, rcodes[whole.result], replyFlags(query) | FLAG.AA, whole);
  }

  #forget(): void {
    this.#kept.clear();
    this.#size = 0;
  }
}

const rcodes: Readonly<Record<Result, number>> = {
  success: RCODE.NOERROR,
  nodata: RCODE.NOERROR,
  empty: RCODE.NOERROR,
  referral: RCODE.NOERROR,
  nxdomain: RCODE.NXDOMAIN,
  failure: RCODE.SERVFAIL,
  "too-long": RCODE.YXDOMAIN,
};

function ready(name: Name, found: Found): Ready | Failure {
  const { result, answer } = found;
  if (result === "failure" && answer.length === 0) return SERVFAIL;
  return {
    kind: "ready",
    rcode: rcodes[result],
    // A referral is not authoritative; an alias that leads to one is (RFC 1034 §6.2.7).
    flags: result === "referral" && answer.length === 0 ? 0 : FLAG.AA,
    body: new Body(name, sectionsOf(found)),
    isMissing: result === "nxdomain" || result === "empty",
  };
}

const sectionsOf = ({ answer, authority, additional }: Found): Sections => ({
  answer,
  authority,
  additional,
});

/** What the answer for an alias's target comes to (RFC 6604 §3). Whoever refuses it says nothing about the alias. */
function resultOf(answer: Answer): Result {
  if (answer.kind !== "message" && answer.kind !== "failure") return "success";
  if (answer.rcode === RCODE.NXDOMAIN) return "nxdomain";
  if (answer.rcode === RCODE.SERVFAIL) return "failure";
  const isEmpty = answer.kind === "message" && answer.answer.length === 0;
  return answer.rcode === RCODE.NOERROR && isEmpty ? "nodata" : "success";
}
