/**
 * Queries that are not plain: records behind the question, compressed names, promises that the bytes don't keep. What passes
 * and what does not is as recorded of CoreDNS.
 */
import { optionsAreGood } from "./edns.ts";
import { lower } from "./name.ts";
import { PARSED, type Parsed } from "./parse.ts";
import type { Query } from "./query.ts";
import { readRdata } from "./rdata.ts";
import { readName, readU16, type Cursor } from "./wire.ts";
import { TYPE } from "./types.ts";

const HEADER = 12;
/** Records that a query may bring, by section. */
const MOST = { answer: 1, authority: 1, additional: 2 } as const;

/** Reads a query whose header is fit to be served. See `parseQuery`. */
export function parseOddQuery(query: Query): Parsed {
  // The offsets of compressed names count from the message's first byte.
  const message = query.packet.subarray(query.start, query.end);
  const counts = [readU16(message, 6), readU16(message, 8), readU16(message, 10)] as const;
  const [answers, authorities, additionals] = counts;
  if (
    readU16(message, 4) !== 1 ||
    answers > MOST.answer ||
    authorities > MOST.authority ||
    additionals > MOST.additional
  ) {
    return PARSED.BAD_HEADER;
  }
  if (message.length === HEADER) return PARSED.NO_QUESTION;

  const cursor: Cursor = { at: HEADER };
  const name = readName(message, cursor);
  if (name === undefined) return PARSED.BAD_HEADER;
  const left = message.length - cursor.at;
  // The question may end after its name or after its type; half a number is no number.
  if (left === 1 || left === 3) return PARSED.BAD_HEADER;
  query.rawName = name;
  query.name = lower(name);
  query.type = left >= 2 ? readU16(message, cursor.at) : 0;
  query.class = left >= 4 ? readU16(message, cursor.at + 2) : 0;
  cursor.at += Math.min(left, 4);
  if (left >= 4 && cursor.at === HEADER + name.length + 4) query.questionEnd = query.start + cursor.at;

  for (let section = 0; section < counts.length; section++) {
    for (let i = 0; i < counts[section]!; i++) {
      if (cursor.at >= message.length) return PARSED.OK;
      if (!readRecord(query, message, cursor, section === 2)) {
        query.edns = false;
        return PARSED.BAD_RECORDS;
      }
    }
  }
  return PARSED.OK;
}

/** Moves over one record; an OPT record among the additional ones is taken. False where it is broken. */
function readRecord(query: Query, message: Buffer, cursor: Cursor, additional: boolean): boolean {
  if (readName(message, cursor) === undefined) return false;
  const fixed = cursor.at;
  const start = fixed + 10;
  if (start > message.length) return false;
  const type = readU16(message, fixed);
  const length = readU16(message, fixed + 8);
  const end = start + length;
  if (end > message.length) return false;
  cursor.at = end;
  if (type === TYPE.OPT) {
    if (!optionsAreGood(message, start, end)) return false;
    // Of two the last counts.
    if (additional) takeOpt(query, message, fixed, start, end);
    return true;
  }
  return length === 0 || readRdata(type, message, start, length) !== undefined;
}

function takeOpt(query: Query, message: Buffer, fixed: number, start: number, end: number): void {
  query.edns = true;
  query.udpSize = readU16(message, fixed + 2);
  query.ednsVersion = message[fixed + 5]!;
  query.dnssecOk = (message[fixed + 6]! & 0x80) !== 0;
  query.optionsStart = query.start + start;
  query.optionsEnd = query.start + end;
}
