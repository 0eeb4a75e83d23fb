/** What sort of answer a message is: RFC 2308's, as far as a cache has to tell them apart. */
import { FIXED, type Body } from "../../src/dns/body.ts";
import type { Message } from "../../src/dns/message.ts";
import { lower, type Name } from "../../src/dns/name.ts";
import type { Query } from "../../src/dns/query.ts";
import { CLASS, type RR } from "../../src/dns/rr.ts";
import { FLAG, OPCODE, RCODE, TYPE } from "../../src/dns/types.ts";

export const SORT = {
  /** NOERROR that answers the question, or that has no records and no SOA. */
  ANSWER: 0,
  /** NOERROR with name servers only. */
  REFERRAL: 1,
  /** NOERROR whose aliases lead to nothing, without an SOA that would say for how long. */
  DANGLING: 2,
  /** RFC 2308 §2.2, with an SOA. */
  NODATA: 3,
  /** RFC 2308 §2.1, with an SOA. */
  NXDOMAIN: 4,
  /** NXDOMAIN without an SOA. */
  BARE_NXDOMAIN: 5,
  /** SERVFAIL and NOTIMP. */
  SERVER_ERROR: 6,
  /** Everything else: other errors, transfers, NOTIFY, NXDOMAIN behind an alias, expired signatures. */
  OTHER: 7,
} as const;
export type Sort = (typeof SORT)[keyof typeof SORT];

/** Bits of what `survey` sees. */
const ANSWERED = 1;
const ALIAS = 2;
const SOA = 4;
const NS = 8;

/** `now`: seconds since 1970. */
export function sortOf(message: Message, query: Query, now: number): Sort {
  const { rcode, body } = message;
  if (query.opcode === OPCODE.NOTIFY || query.type === TYPE.AXFR || query.type === TYPE.IXFR)
    return SORT.OTHER;
  if (message.opt?.dnssecOk === true && hasExpiredSignature(message, now)) return SORT.OTHER;
  switch (rcode) {
    case RCODE.NOERROR: {
      const seen = survey(body, query.type, query.class);
      if (body.answers > 0) {
        if (isAnswered(message, query, seen)) return SORT.ANSWER;
        return (seen & SOA) !== 0 ? SORT.NODATA : SORT.DANGLING;
      }
      return (seen & SOA) !== 0 ? SORT.NODATA : (seen & NS) !== 0 ? SORT.REFERRAL : SORT.ANSWER;
    }
    case RCODE.NXDOMAIN:
      if (body.answers > 0) return SORT.OTHER;
      return (survey(body, query.type, query.class) & SOA) !== 0 ? SORT.NXDOMAIN : SORT.BARE_NXDOMAIN;
    case RCODE.SERVFAIL:
    case RCODE.NOTIMP:
      return SORT.SERVER_ERROR;
    default:
      return SORT.OTHER;
  }
}

export const isKept = (sort: Sort, message: Message): boolean =>
  (message.flags & FLAG.TC) === 0 &&
  sort !== SORT.OTHER &&
  sort !== SORT.BARE_NXDOMAIN &&
  sort !== SORT.DANGLING;

export const isDenial = (sort: Sort): boolean =>
  sort === SORT.NODATA || sort === SORT.NXDOMAIN || sort === SORT.BARE_NXDOMAIN;

/** Whether a NOERROR message has records of the asked type at the end of its aliases; none at all are no answer. */
export const isAnswering = (message: Message, query: Query): boolean =>
  message.rcode === RCODE.NOERROR &&
  message.body.answers > 0 &&
  isAnswered(message, query, survey(message.body, query.type, query.class));

function isAnswered(message: Message, query: Query, seen: number): boolean {
  // Most answers have no alias, and then one record of the question's own name settles it.
  if ((seen & (ANSWERED | ALIAS)) === ANSWERED) return true;
  return answers(message.answer, query.name, query.type, query.class);
}

/** One pass over the records' types. */
function survey(body: Body, type: number, class_: number): number {
  const { bytes, answers, authorities } = body;
  const most = answers + authorities;
  let seen = 0;
  let at = 0;
  for (let i = 0; i < most; i++) {
    const isQuestion = bytes.charCodeAt(at) === 0xc0 && bytes.charCodeAt(at + 1) === 0x0c;
    at = endOfName(bytes, at);
    const found = word(bytes, at);
    if (i < answers) {
      if (found === TYPE.CNAME) seen |= ALIAS;
      if (isQuestion && found === type && isOfClass(word(bytes, at + 2), class_)) seen |= ANSWERED;
    } else if (found === TYPE.SOA) seen |= SOA;
    else if (found === TYPE.NS) seen |= NS;
    at += FIXED + word(bytes, at + 8);
  }
  return seen;
}

function endOfName(bytes: string, at: number): number {
  for (let length = bytes.charCodeAt(at); length !== 0; length = bytes.charCodeAt(at)) {
    if (length >= 0xc0) return at + 2;
    at += length + 1;
  }
  return at + 1;
}

const word = (bytes: string, at: number): number => (bytes.charCodeAt(at) << 8) | bytes.charCodeAt(at + 1);

const isOfClass = (of: number, asked: number): boolean => asked === CLASS.ANY || of === asked;

/**
 * Follows the aliases from `name` (in lower case) and looks for the type at their end. An owner with two different targets
 * (RFC 2181 §10.1) and a circle have no end, and so no answer.
 */
function answers(records: readonly RR[], name: Name, type: number, class_: number): boolean {
  const own = records.filter((rr) => isOfClass(rr.class, class_));
  if (type === TYPE.ANY) return own.some((rr) => lower(rr.name) === name);
  if (type === TYPE.CNAME) {
    const target = aliasOf(own, name);
    return target !== undefined && target !== "";
  }
  const visited = new Set<string>();
  for (let at: string = name; !visited.has(at);) {
    visited.add(at);
    const target = aliasOf(own, at);
    if (target === undefined) return false;
    if (target === "") return own.some((rr) => rr.type === type && lower(rr.name) === at);
    at = target;
  }
  return false;
}

/** Empty: no alias. Undefined: more than one. */
function aliasOf(records: readonly RR[], owner: string): string | undefined {
  let target = "";
  for (const rr of records) {
    if (rr.type !== TYPE.CNAME || lower(rr.name) !== owner) continue;
    const next = lower(rr.rdata as string as Name);
    if (target !== "" && target !== next) return undefined;
    target = next;
  }
  return target;
}

/** RFC 4034 §3.1.5; times are compared as serial numbers are (RFC 1982). */
function hasExpiredSignature({ sections }: Message, now: number): boolean {
  const isExpired = ({ type, rdata }: RR): boolean => {
    if (type !== TYPE.RRSIG || rdata.length < 16) return false;
    const time = Math.floor(now) >>> 0;
    return ((time - long(rdata, 12)) | 0) < 0 || ((long(rdata, 8) - time) | 0) < 0;
  };
  return [sections.answer, sections.authority, sections.additional].some((records) =>
    records.some(isExpired),
  );
}

const long = (bytes: string, at: number): number => word(bytes, at) * 65536 + word(bytes, at + 2);
