import { FIXED, HEADER, type Sections } from "./body.ts";
import { ednsOptions, optionsAreGood } from "./edns.ts";
import type { Opt } from "./message.ts";
import type { Name } from "./name.ts";
import { readRdata } from "./rdata.ts";
import type { RR } from "./rr.ts";
import { TYPE } from "./types.ts";
import { asBuffer, readName, readU16, readU32, type Cursor } from "./wire.ts";

export interface Question {
  readonly name: Name;
  readonly type: number;
  readonly class: number;
}

export interface DecodedMessage extends Sections {
  readonly error?: undefined;
  readonly id: number;
  /** The header's second word as it stands: see `FLAG`. */
  readonly flags: number;
  readonly opcode: number;
  /** With the OPT record's eight bits above the header's four. */
  readonly rcode: number;
  /** The first one: several are not defined (RFC 9619). undefined where the bytes end behind the header. */
  readonly question: Question | undefined;
  /** From the last OPT record of the additional section, which does not hold any more. */
  readonly opt: DecodedOpt | undefined;
  /** Whether all records are there that the header promises. What is missing, cut between two records, is no error. */
  readonly complete: boolean;
}

export interface DecodedOpt extends Opt {
  readonly version: number;
}

export interface DecodeError {
  /** `short`: less than a header. `question`, `record`: it breaks off, or its name is bad. `rdata`: not what its type wants. */
  readonly error: "short" | "question" | "record" | "rdata" | "option";
  /** Where in the message. */
  readonly offset: number;
  /** What was read before the error. */
  readonly question: Question | undefined;
}

/**
 * Reads a message, its names in the letters that it has them in. Never throws, and takes time in proportion to the
 * message's length. A message that ends between two records is taken for what it holds, as CoreDNS does; a question may lack
 * its class or both numbers, which then are 0. Bytes behind the last record are ignored.
 */
export function decodeMessage(message: Uint8Array): DecodedMessage | DecodeError {
  const bytes = asBuffer(message);
  if (bytes.length < HEADER) return { error: "short", offset: bytes.length, question: undefined };
  const flags = readU16(bytes, 2);
  const cursor: Cursor = { at: HEADER };
  let question: Question | undefined;
  for (let left = readU16(bytes, 4); left > 0 && cursor.at < bytes.length; left--) {
    const next = readQuestion(bytes, cursor);
    if (next === undefined) return { error: "question", offset: cursor.at, question };
    question ??= next;
  }
  const found: Found = { opt: undefined, rcode: 0, complete: true };
  const sections: RR[][] = [];
  for (const at of [6, 8, 10]) {
    const section = readSection(bytes, cursor, readU16(bytes, at), at === 10, found);
    if (typeof section === "string") return { error: section, offset: cursor.at, question };
    sections.push(section);
  }
  const [answer, authority, additional] = sections as [RR[], RR[], RR[]];
  return {
    id: readU16(bytes, 0),
    flags,
    opcode: (flags >> 11) & 15,
    rcode: (flags & 15) | (found.rcode << 4),
    question,
    answer,
    authority,
    additional,
    opt: found.opt,
    complete: found.complete,
  };
}

/** What reading the sections brings to light besides their records. */
interface Found {
  opt: DecodedOpt | undefined;
  /** The upper eight bits of the rcode. */
  rcode: number;
  complete: boolean;
}

/** Type and class are 0 where the message ends before them; ending within one is an error. */
function readQuestion(bytes: Buffer, cursor: Cursor): Question | undefined {
  const name = readName(bytes, cursor);
  const left = bytes.length - cursor.at;
  if (name === undefined || left === 1 || left === 3) return undefined;
  const type = left === 0 ? 0 : readU16(bytes, cursor.at);
  const cls = left <= 2 ? 0 : readU16(bytes, cursor.at + 2);
  cursor.at += Math.min(left, 4);
  return { name, type, class: cls };
}

function readSection(
  bytes: Buffer,
  cursor: Cursor,
  count: number,
  isAdditional: boolean,
  found: Found,
): RR[] | DecodeError["error"] {
  const records: RR[] = [];
  for (; count > 0; count--) {
    if (cursor.at >= bytes.length) {
      found.complete = false;
      break;
    }
    const name = readName(bytes, cursor);
    const at = cursor.at;
    if (name === undefined || at + FIXED > bytes.length) return "record";
    const type = readU16(bytes, at);
    const length = readU16(bytes, at + 8);
    const start = at + FIXED;
    const end = start + length;
    if (end > bytes.length) return "record";
    if (type === TYPE.OPT && !optionsAreGood(bytes, start, end)) return "option";
    if (type === TYPE.OPT && isAdditional) {
      found.rcode = bytes[at + 4]!;
      found.opt = {
        udpSize: readU16(bytes, at + 2),
        version: bytes[at + 5]!,
        dnssecOk: (bytes[at + 6]! & 0x80) !== 0,
        options: ednsOptions(bytes, start, end),
      };
    } else {
      const rdata = readRdata(type, bytes, start, length, cursor);
      if (rdata === undefined) return "rdata";
      records.push({ name, type, class: readU16(bytes, at + 2), ttl: readU32(bytes, at + 4), rdata });
    }
    cursor.at = end;
  }
  return records;
}
