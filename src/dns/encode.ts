import { FIXED, HEADER, type Sections } from "./body.ts";
import { Compressor } from "./compress.ts";
import type { Question } from "./decode.ts";
import type { Opt } from "./message.ts";
import type { RR } from "./rr.ts";
import { FLAG, RCODE, TYPE } from "./types.ts";

/** A message to write. A `DecodedMessage` is one. */
export interface OutgoingMessage extends Sections {
  readonly id: number;
  /** The header's second word. Its four low bits give way to `rcode` where that is there. */
  readonly flags: number;
  readonly question?: Question | undefined;
  /** Above 15 it needs `opt`; without one it becomes SERVFAIL. */
  readonly rcode?: number;
  readonly opt?: Opt | undefined;
}

export interface EncodeOptions {
  /** The most bytes that the message may have; 65535 at most, which is the default. */
  readonly limit?: number;
  /** `needed` (the default): only where the message is over the limit without. */
  readonly compress?: "always" | "needed" | "never";
  /** A buffer to write into, from `at` on (0), if the message has room there. */
  readonly into?: Buffer;
  readonly at?: number;
}

export interface Encoded {
  /** The message: part of `into`, or a buffer of its own. */
  readonly bytes: Buffer;
  /** How many records of each section it has, OPT not counted. */
  readonly answers: number;
  readonly authorities: number;
  readonly additionals: number;
  /** Whether records are missing. TC is set then, and where `flags` has it. */
  readonly truncated: boolean;
}

/** Options above this many bytes are left out: with them no message could hold a question and an OPT record. */
const MOST_OPTIONS = 0xffff - HEADER - 255 - 4;

/** Room for the largest message and one record more, so that a record is written first and measured then. */
const scratch: Buffer = Buffer.allocUnsafe(2 * 65536 + 512);
const names: Compressor = new Compressor();

/**
 * Writes a message. Where it is over the limit even compressed, TC is set and records are left out from the end:
 * additional, authority, answer. The OPT record always stays and comes last, but for a TSIG record, which must
 * (RFC 8945 §5.1) and whose message is not cut, as its signature covers it all.
 */
export function encodeMessage(message: OutgoingMessage, options: EncodeOptions = {}): Encoded {
  const { answer, authority, additional } = message;
  const opt =
    message.opt === undefined || optSize(message.opt) < MOST_OPTIONS
      ? message.opt
      : { ...message.opt, options: [] };
  const tsig = additional.at(-1)?.type === TYPE.TSIG ? additional.at(-1) : undefined;
  const most = Math.min(options.limit ?? 0xffff, 0xffff);
  const tail = (opt === undefined ? 0 : optSize(opt)) + (tsig === undefined ? 0 : plainSize(tsig));
  const compress = options.compress ?? "needed";
  names.reset(compress === "always" || (compress === "needed" && sizeOf(message) + tail > most));

  let at = HEADER;
  if (message.question !== undefined) {
    at = names.write(scratch, at, message.question.name, true);
    at = scratch.writeUInt16BE(message.question.type, at);
    at = scratch.writeUInt16BE(message.question.class, at);
  }
  const limit = (tsig === undefined ? most : 0xffff) - tail;
  const counts = [0, 0, 0];
  const more = tsig === undefined ? additional.length : additional.length - 1;
  let truncated = false;
  for (const [i, section] of [answer, authority, additional].entries()) {
    const length = i === 2 ? more : section.length;
    for (let n = 0; n < length && !truncated; n++) {
      const end = plainSize(section[n]!) > 0xffff ? Infinity : writeRecord(at, section[n]!);
      if (end > limit) truncated = true;
      else {
        at = end;
        counts[i]!++;
      }
    }
  }
  const [answers, authorities, additionals] = counts as [number, number, number];
  const arcount = additionals + (opt === undefined ? 0 : 1) + (tsig === undefined ? 0 : 1);
  const rcode = message.rcode ?? message.flags & 15;
  writeHeader(
    message,
    truncated,
    opt === undefined && rcode > 15 ? RCODE.SERVFAIL : rcode,
    answers,
    authorities,
    arcount,
  );
  if (opt !== undefined) at = writeOpt(at, opt, rcode);
  if (tsig !== undefined) at = writeRecord(at, tsig);
  return {
    bytes: placed(at, options),
    answers,
    authorities,
    additionals: arcount - (opt === undefined ? 0 : 1),
    truncated,
  };
}

const plainSize = (rr: RR): number => rr.name.length + FIXED + rr.rdata.length;

function sizeOf(message: OutgoingMessage): number {
  let n = HEADER + (message.question === undefined ? 0 : message.question.name.length + 4);
  for (const rr of message.answer) n += plainSize(rr);
  for (const rr of message.authority) n += plainSize(rr);
  for (const rr of message.additional) n += plainSize(rr);
  return n;
}

function optSize(opt: Opt): number {
  let n = 1 + FIXED;
  for (const { data } of opt.options) n += 4 + data.length;
  return n;
}

function writeRecord(at: number, rr: RR): number {
  at = names.write(scratch, at, rr.name, true);
  scratch.writeUInt16BE(rr.type, at);
  scratch.writeUInt16BE(rr.class, at + 2);
  scratch.writeUInt32BE(rr.ttl >>> 0, at + 4);
  const end = names.writeRdata(scratch, at + FIXED, rr.type, rr.rdata);
  scratch.writeUInt16BE(end - at - FIXED, at + 8);
  return end;
}

function writeHeader(
  message: OutgoingMessage,
  truncated: boolean,
  rcode: number,
  answers: number,
  authorities: number,
  additionals: number,
): void {
  scratch.writeUInt16BE(message.id, 0);
  scratch.writeUInt16BE((message.flags & 0xfff0) | (truncated ? FLAG.TC : 0) | (rcode & 15), 2);
  scratch.writeUInt16BE(message.question === undefined ? 0 : 1, 4);
  scratch.writeUInt16BE(answers, 6);
  scratch.writeUInt16BE(authorities, 8);
  scratch.writeUInt16BE(additionals, 10);
}

function writeOpt(at: number, opt: Opt, rcode: number): number {
  scratch[at] = 0;
  scratch.writeUInt16BE(TYPE.OPT, at + 1);
  scratch.writeUInt16BE(opt.udpSize, at + 3);
  scratch[at + 5] = rcode >> 4;
  scratch[at + 6] = 0;
  scratch.writeUInt16BE(opt.dnssecOk ? 0x8000 : 0, at + 7);
  let end = at + 1 + FIXED;
  for (const { code, data } of opt.options) {
    end = scratch.writeUInt16BE(code, end);
    end = scratch.writeUInt16BE(data.length, end);
    end += scratch.latin1Write(data, end);
  }
  scratch.writeUInt16BE(end - at - 1 - FIXED, at + 9);
  return end;
}

function placed(length: number, { into, at = 0 }: EncodeOptions): Buffer {
  const out =
    into !== undefined && at + length <= into.length
      ? into.subarray(at, at + length)
      : Buffer.allocUnsafe(length);
  scratch.copy(out, 0, 0, length);
  return out;
}
