import { Body, FIXED, HEADER, type BodyRecords } from "../dns/body.ts";
import { ednsOptions, optionsAreGood } from "../dns/edns.ts";
import { EMPTY_SECTIONS, Message, type Opt } from "../dns/message.ts";
import { lower, type Name } from "../dns/name.ts";
import type { Query } from "../dns/query.ts";
import { readRdata } from "../dns/rdata.ts";
import { FLAG, TYPE } from "../dns/types.ts";
import { readName, readU16, readU32, type Cursor } from "../dns/wire.ts";

/** Why a reply is no answer: it is to another question, or it can't be read. */
export type BadReply = "mismatch" | "malformed";

/** What goes on of the header's second word. */
const PASSED = FLAG.AA | FLAG.TC | FLAG.RD | FLAG.RA | FLAG.AD | FLAG.CD;
/** Above this many bytes with all names written out, a message is refused: none of 64 KiB comes near it but by intent. */
const MOST = 512 * 1024;
const POINTER = 0xc0;

/**
 * The answer in a reply to `query`, as it came: rcode, flags, TTLs, EDNS. Its records go into a body as they are, but for names that
 * point elsewhere than into the question. A message that ends between two records is taken for what it holds, as CoreDNS does.
 */
export function readReply(reply: Buffer, query: Query): Message | BadReply {
  const question = questionOf(reply, query);
  if (question === undefined) return "mismatch";
  const opt: FoundOpt = { opt: undefined, rcode: 0 };
  const records = readRecords(reply, HEADER + question.length + 4, question, opt);
  if (records === undefined) return "malformed";
  const flags = readU16(reply, 2);
  return new Message(
    question,
    (flags & 15) | (opt.rcode << 4),
    flags & PASSED,
    new Body(question, records),
    opt.opt,
  );
}

/** What is left of a reply that did not fit: no records, and TC, so that the client asks again over TCP. */
export function truncatedReply(reply: Buffer, query: Query): Message {
  const flags = readU16(reply, 2);
  return new Message(query.rawName, flags & 15, (flags & PASSED) | FLAG.TC, EMPTY_SECTIONS);
}

/** Whether the reply says that it was cut. */
export const isTruncated = (reply: Buffer): boolean => (reply[2]! & (FLAG.TC >> 8)) !== 0;

/** The reply's question in its own letters; undefined where it is not the query's. */
function questionOf(reply: Buffer, query: Query): Name | undefined {
  const { rawName } = query;
  const end = HEADER + rawName.length;
  if (reply.length < end + 4 || readU16(reply, 4) !== 1) return undefined;
  if (readU16(reply, end) !== query.type || readU16(reply, end + 2) !== query.class) return undefined;
  for (let i = 0; i < rawName.length; i++) {
    if (reply[HEADER + i] === rawName.charCodeAt(i)) continue;
    const name = reply.latin1Slice(HEADER, end) as Name;
    return lower(name) === query.name ? name : undefined;
  }
  return rawName;
}

interface FoundOpt {
  opt: Opt | undefined;
  /** The upper eight bits of the rcode. */
  rcode: number;
}

let out: Buffer = Buffer.allocUnsafe(16 * 1024);

function readRecords(reply: Buffer, at: number, question: Name, found: FoundOpt): BodyRecords | undefined {
  const counts: [number, number, number] = [0, 0, 0];
  const { length } = reply;
  // Of this message alone: it remembers where its pointers led.
  const cursor: Cursor = { at };
  let to = 0;
  let plainSize = 0;
  let minTtl = Infinity;
  /** Bytes of each record so far, where all are addresses of the question's name; else 0. */
  let stride = -1;
  for (let section = 0; section < 3; section++) {
    for (let left = readU16(reply, 6 + 2 * section); left > 0 && at < length; left--) {
      const owner = to;
      const pointed = pointerInto(question, reply, at);
      let ownerSize: number;
      if (pointed > 0) {
        out[to] = reply[at]!;
        out[to + 1] = reply[at + 1]!;
        to += 2;
        at += 2;
        ownerSize = pointed;
      } else {
        cursor.at = at;
        const name = readName(reply, cursor);
        if (name === undefined) return undefined;
        at = cursor.at;
        to += out.latin1Write(name, to);
        ownerSize = name.length;
      }
      if (at + FIXED > length) return undefined;
      const type = readU16(reply, at);
      const size = readU16(reply, at + 8);
      const start = at + FIXED;
      const end = start + size;
      if (end > length) return undefined;
      if (type === TYPE.OPT) {
        if (!optionsAreGood(reply, start, end)) return undefined;
        if (section === 2) {
          found.rcode = reply[at + 4]!;
          found.opt = {
            udpSize: readU16(reply, at + 2),
            dnssecOk: (reply[at + 6]! & 0x80) !== 0,
            options: ednsOptions(reply, start, end),
          };
          to = owner;
          at = end;
          continue;
        }
      }
      const ttl = readU32(reply, at + 4);
      if (ttl < minTtl) minTtl = ttl;
      let rdataSize = size;
      if (size === (type === TYPE.A ? 4 : type === TYPE.AAAA ? 16 : -1)) {
        reply.copy(out, to, at, end);
      } else {
        const rdata = readRdata(type, reply, start, size, cursor);
        if (rdata === undefined) return undefined;
        rdataSize = rdata.length;
        reply.copy(out, to, at, start);
        if (to + FIXED + rdataSize > out.length && !grow(to + FIXED + rdataSize)) return undefined;
        out[to + 8] = rdataSize >> 8;
        out[to + 9] = rdataSize;
        out.latin1Write(rdata, to + FIXED);
        stride = 0;
      }
      to += FIXED + rdataSize;
      // Another owner or type may have the same size, but not the same meaning to who exchanges records.
      const isPlain = section === 0 && pointed === question.length;
      stride = isPlain && (stride < 0 || stride === to - owner) ? to - owner : 0;
      plainSize += ownerSize + FIXED + rdataSize;
      counts[section]!++;
      at = end;
      if (to + 300 > out.length && !grow(to + 300)) return undefined;
    }
  }
  return {
    bytes: out.latin1Slice(0, to),
    answers: counts[0],
    authorities: counts[1],
    additionals: counts[2],
    plainSize,
    minTtl: minTtl === Infinity ? 0 : minTtl,
    stride: counts[0] > 1 && counts[1] + counts[2] === 0 ? Math.max(stride, 0) : 0,
  };
}

/** How long the name is that a pointer at `at` stands for, if it leads to a label of the question; else 0. */
function pointerInto(question: Name, reply: Buffer, at: number): number {
  if (reply[at]! < POINTER) return 0;
  const offset = (((reply[at]! & 0x3f) << 8) | reply[at + 1]!) - HEADER;
  if (offset === 0) return question.length;
  let label = 0;
  while (label < offset) {
    const size = question.charCodeAt(label);
    // Also ends at the NaN behind the name.
    if (!(size > 0)) return 0;
    label += size + 1;
  }
  return label === offset ? question.length - offset : 0;
}

/** Makes room for `size` bytes; false where that would be too many. */
function grow(size: number): boolean {
  if (size > MOST) return false;
  const larger = Buffer.allocUnsafe(Math.min(2 * size, MOST + 1024));
  out.copy(larger);
  out = larger;
  return true;
}
