/** From a packet to a query: what the server refuses before any plugin sees it. */
import { lower, MAX_LABEL, MAX_NAME, type Name } from "./name.ts";
import type { Query } from "./query.ts";
import { parseOddQuery } from "./parse-odd.ts";
import { FLAG, OPCODE, TYPE } from "./types.ts";

/** What is to be done with a packet. */
export const PARSED = {
  /** The query is complete. */
  OK: 0,
  /** No reply: too short, or itself a reply. */
  SILENCE: 1,
  /** An opcode that is not served: NOTIMP, header only. */
  NOT_IMPLEMENTED: 2,
  /** FORMERR, header only. */
  BAD_HEADER: 3,
  /** FORMERR with the question. */
  BAD_RECORDS: 4,
  /** No question where one was promised: SERVFAIL, header only. */
  NO_QUESTION: 5,
} as const;
export type Parsed = (typeof PARSED)[keyof typeof PARSED];

const HEADER = 12;
/** Owner, type, class, TTL and RDLENGTH of an OPT record. */
const OPT_FIXED = 11;

/**
 * Reads `packet[start, end)` into `query`, whose earlier content is forgotten. Plain queries (one question without compression, at
 * most an OPT without options behind it) are read here; everything else goes to `parseOddQuery`.
 */
export function parseQuery(query: Query, packet: Buffer, start: number, end: number): Parsed {
  query.reset();
  query.packet = packet;
  query.start = start;
  query.end = end;
  if (end - start < HEADER) return PARSED.SILENCE;
  query.id = (packet[start]! << 8) | packet[start + 1]!;
  const flags = (packet[start + 2]! << 8) | packet[start + 3]!;
  query.flags = flags;
  if ((flags & FLAG.QR) !== 0) return PARSED.SILENCE;
  const opcode = (flags >> 11) & 15;
  if (opcode !== OPCODE.QUERY && opcode !== OPCODE.NOTIFY) return PARSED.NOT_IMPLEMENTED;
  // QDCOUNT 1, ANCOUNT 0, NSCOUNT 0, ARCOUNT 0 or 1.
  const additionals = packet[start + 11]!;
  const plain =
    packet[start + 4] === 0 &&
    packet[start + 5] === 1 &&
    packet[start + 6] === 0 &&
    packet[start + 7] === 0 &&
    packet[start + 8] === 0 &&
    packet[start + 9] === 0 &&
    packet[start + 10] === 0 &&
    additionals <= 1;
  if (!plain) return parseOddQuery(query);

  let at = start + HEADER;
  let upper = false;
  for (;;) {
    if (at >= end) return parseOddQuery(query);
    const length = packet[at]!;
    if (length === 0) break;
    const next = at + length + 1;
    if (length > MAX_LABEL || next >= end) return parseOddQuery(query);
    while (++at < next) {
      const c = packet[at]!;
      if (c <= 90 && c >= 65) upper = true;
    }
  }
  at++;
  if (at - start - HEADER > MAX_NAME || at + 4 > end) return parseOddQuery(query);
  const questionEnd = at + 4;
  if (additionals === 1 && end > questionEnd) {
    if (!readPlainOpt(query, packet, questionEnd, end)) return parseOddQuery(query);
  }
  const name = packet.latin1Slice(start + HEADER, at) as Name;
  query.rawName = name;
  query.name = upper ? lower(name) : name;
  query.type = (packet[at]! << 8) | packet[at + 1]!;
  query.class = (packet[at + 2]! << 8) | packet[at + 3]!;
  query.questionEnd = questionEnd;
  return PARSED.OK;
}

/** Takes an OPT record that carries no options and ends the message or what there is of it; false for anything else. */
function readPlainOpt(query: Query, packet: Buffer, at: number, end: number): boolean {
  if (end - at < OPT_FIXED || packet[at] !== 0 || packet[at + 1] !== 0 || packet[at + 2] !== TYPE.OPT)
    return false;
  if (packet[at + 9] !== 0 || packet[at + 10] !== 0) return false;
  query.edns = true;
  query.udpSize = (packet[at + 3]! << 8) | packet[at + 4]!;
  query.ednsVersion = packet[at + 6]!;
  query.dnssecOk = (packet[at + 7]! & 0x80) !== 0;
  return true;
}
