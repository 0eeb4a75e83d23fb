import type { Arrangement } from "./arrange.ts";
import type { Name } from "./name.ts";
import type { Rdata, RR } from "./rr.ts";
import { TYPE } from "./types.ts";

/** The three sections behind the question (RFC 1035 §4.1), without the OPT record. */
export interface Sections {
  readonly answer: readonly RR[];
  readonly authority: readonly RR[];
  readonly additional: readonly RR[];
}

/** Bytes of a message's header. */
export const HEADER = 12;
/** Type, class, TTL and RDLENGTH. */
export const FIXED = 10;
const POINTER = 0xc000;

/** Records that are in a body's form already; the fields are those of `Body`. */
export interface BodyRecords {
  readonly bytes: string;
  readonly answers: number;
  readonly authorities: number;
  readonly additionals: number;
  readonly plainSize: number;
  readonly stride: number;
  readonly minTtl: number;
}

/**
 * An answer that is ready for the wire: the records as they follow the question, a string of bytes like `Name` (a Buffer
 * would cost 300 bytes more an answer).
 *
 * Owner names point at the question where they are its name or end like it (RFC 1035 §4.1.4) and are written out
 * otherwise; nothing points at another record, and names in rdata are written out. So the bytes are right for every
 * message with this question, and records of one size may change places.
 */
export class Body {
  /** The question's name, in the letters that the pointers stand for. */
  readonly question: Name;
  readonly bytes: string;
  readonly answers: number;
  readonly authorities: number;
  readonly additionals: number;
  /** What the records take without any compression, in bytes: what CoreDNS reports as an answer's size. */
  readonly plainSize: number;
  /** Bytes of one record, where the answer is two or more address records of one owner and nothing else; else 0. */
  readonly stride: number;
  /** The least TTL of all records, in seconds; 0 without records. */
  readonly minTtl: number;
  /** For mixing its records, and for cutting it to a size: made when first needed. */
  loose: Arrangement | undefined = undefined;
  packed: Arrangement | undefined = undefined;

  constructor(question: Name, records: Sections | BodyRecords) {
    const { bytes, answers, authorities, additionals, plainSize, minTtl, stride } =
      "bytes" in records ? records : compile(question, records);
    this.question = question;
    this.bytes = bytes;
    this.answers = answers;
    this.authorities = authorities;
    this.additionals = additionals;
    this.plainSize = plainSize;
    this.minTtl = minTtl;
    this.stride = stride;
  }

  /** The records, read back from the bytes. */
  get sections(): Sections {
    const { bytes, question, answers, authorities } = this;
    const records: RR[] = [];
    for (let at = 0; at < bytes.length;) {
      let name = "";
      for (;;) {
        const n = bytes.charCodeAt(at);
        if (n >= 0xc0) {
          name += question.slice((((n & 0x3f) << 8) | bytes.charCodeAt(at + 1)) - HEADER);
          at += 2;
          break;
        }
        name += bytes.slice(at, at + 1 + n);
        at += 1 + n;
        if (n === 0) break;
      }
      const length = u16(bytes, at + 8);
      records.push({
        name: name as Name,
        type: u16(bytes, at),
        class: u16(bytes, at + 2),
        ttl: u16(bytes, at + 4) * 65536 + u16(bytes, at + 6),
        rdata: bytes.slice(at + FIXED, at + FIXED + length) as Rdata,
      });
      at += FIXED + length;
    }
    return {
      answer: records.slice(0, answers),
      authority: records.slice(answers, answers + authorities),
      additional: records.slice(answers + authorities),
    };
  }
}

const scratch: Buffer = Buffer.allocUnsafe(8192);

function compile(question: Name, { answer, authority, additional }: Sections): BodyRecords {
  let size = 0;
  for (const section of [answer, authority, additional]) {
    for (const rr of section) size += rr.name.length + FIXED + rr.rdata.length;
  }
  const out = size <= scratch.length ? scratch : Buffer.allocUnsafe(size);
  let at = 0;
  let minTtl = Infinity;
  for (const section of [answer, authority, additional]) {
    for (const rr of section) {
      at = writeRecord(out, writeOwner(out, at, rr.name, question), rr);
      if (rr.ttl < minTtl) minTtl = rr.ttl;
    }
  }
  return {
    bytes: out.latin1Slice(0, at),
    answers: answer.length,
    authorities: authority.length,
    additionals: additional.length,
    plainSize: size,
    minTtl: minTtl === Infinity ? 0 : minTtl,
    stride: authority.length + additional.length === 0 ? strideOf(answer, question) : 0,
  };
}

const u16 = (bytes: string, at: number): number => (bytes.charCodeAt(at) << 8) | bytes.charCodeAt(at + 1);

function strideOf(answer: readonly RR[], question: Name): number {
  const first = answer[0];
  if (answer.length < 2 || first === undefined || (first.type !== TYPE.A && first.type !== TYPE.AAAA))
    return 0;
  for (const rr of answer) if (rr.type !== first.type || rr.name !== question) return 0;
  return 2 + FIXED + first.rdata.length;
}

/** Writes `owner`, shortened by a pointer into the question where their ends agree to the letter. Returns where it ends. */
function writeOwner(out: Buffer, at: number, owner: Name, question: Name): number {
  for (let i = 0; owner.charCodeAt(i) !== 0; i += owner.charCodeAt(i) + 1) {
    const into = question.length - (owner.length - i);
    if (into >= 0 && isLabelStart(question, into) && question.endsWith(owner.slice(i))) {
      out.latin1Write(owner.slice(0, i), at);
      return out.writeUInt16BE(POINTER | (HEADER + into), at + i);
    }
  }
  return at + out.latin1Write(owner, at);
}

function isLabelStart(name: Name, at: number): boolean {
  let i = 0;
  while (i < at) i += name.charCodeAt(i) + 1;
  return i === at;
}

/** Writes what follows the owner. Returns where it ends. */
function writeRecord(out: Buffer, at: number, rr: RR): number {
  out.writeUInt16BE(rr.type, at);
  out.writeUInt16BE(rr.class, at + 2);
  out.writeUInt32BE(rr.ttl >>> 0, at + 4);
  out.writeUInt16BE(rr.rdata.length, at + 8);
  return at + FIXED + out.latin1Write(rr.rdata, at + FIXED);
}
