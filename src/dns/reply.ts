/** From an answer to the bytes that the client gets: the server's last step, the same for every transport. */
import { loose, packed, writeArranged, written } from "./arrange.ts";
import { HEADER } from "./body.ts";
import { extendedError, type EdnsOption } from "./edns.ts";
import type { Answer, Failure, Message, Opt } from "./message.ts";
import { replyFlags } from "./message.ts";
import type { Query } from "./query.ts";
import { shuffleRecords, shuffleSections } from "./order.ts";
import { FLAG, OPTION, RCODE, TYPE } from "./types.ts";

/** Bytes of an OPT record without options. */
const OPT_SIZE = 11;
/** Uncompressed replies above this are compressed though they fit: what passes an Ethernet link unfragmented, as CoreDNS reckons. */
const UNCOMPRESSED_UDP4 = 1480;
const UNCOMPRESSED_UDP6 = 1220;

/** Options of the query that are repeated in the reply as they are. */
const ECHOED: ReadonlySet<number> = new Set([
  OPTION.NSID,
  OPTION.EXPIRE,
  OPTION.COOKIE,
  OPTION.KEEPALIVE,
  OPTION.PADDING,
]);
const NO_OPTIONS: readonly EdnsOption[] = [];

/** Room that a reply buffer must have: the largest DNS message. */
export const MAX_MESSAGE = 65535;

/**
 * Writes the reply to `query` into `out` from `at` on and returns its length in bytes; 0 for silence. `out` has room for
 * `query.limit` bytes. `echo` names further options that are repeated (rewrite's local ones).
 */
export function writeReply(
  query: Query,
  answer: Answer,
  out: Buffer,
  at: number,
  echo?: ReadonlySet<number>,
): number {
  switch (answer.kind) {
    case "message":
      return writeMessage(query, answer, out, at, echo);
    case "failure":
      return writeFailure(query, answer, out, at, echo);
    default:
      return 0;
  }
}

function writeFailure(
  query: Query,
  { rcode, ede, opt }: Failure,
  out: Buffer,
  at: number,
  echo: ReadonlySet<number> | undefined,
): number {
  const end = writeQuestion(query, out, writeHeader(query, out, at, rcode, replyFlags(query), 0, 0, 0));
  if (!query.edns && opt === undefined) return end - at;
  const own = opt?.options ?? echoed(query.options, echo);
  const options = ede === undefined ? own : [...own, extendedError(ede.code, ede.text)];
  const size = query.edns ? query.udpSize : opt!.udpSize;
  return writeOpt(query, out, at, end, size, query.dnssecOk, rcode, options) - at;
}

function writeMessage(
  query: Query,
  message: Message,
  out: Buffer,
  at: number,
  echo: ReadonlySet<number> | undefined,
): number {
  // The records may belong to other letters than the client's (a cache filled by another one): then their names are written anew.
  if (message.question !== query.rawName) message = message.with({ question: query.rawName });
  let { body } = message;
  const { opt } = message;
  const withOpt = query.edns || opt !== undefined;
  const options = opt !== undefined ? opt.options : query.edns ? echoed(query.options, echo) : NO_OPTIONS;
  const room = withOpt ? OPT_SIZE + optionBytes(options) : 0;
  const plain = HEADER + query.rawName.length + 4 + body.plainSize + room;
  const limit = query.limit;
  const isPlain =
    plain <= limit &&
    !(
      query.peer.protocol === "udp" &&
      plain > (query.peer.family === 4 ? UNCOMPRESSED_UDP4 : UNCOMPRESSED_UDP6)
    );
  const from = writeQuestion(query, out, at + HEADER);
  let { answers, authorities, additionals } = body;
  let flags = message.flags;
  let end: number;
  if (isPlain && (message.shuffle === 0 || body.stride !== 0)) {
    end = writeBytes(out, from, body.bytes);
    if (message.shuffle !== 0) shuffleRecords(out, from, body.stride, body.answers, message.shuffle);
  } else {
    let arrangement = isPlain ? (body.loose ??= loose(body)) : (body.packed ??= packed(body));
    if (message.shuffle !== 0 && arrangement.groups === undefined) {
      message = message.with({ sections: shuffleSections(message.sections, message.shuffle), shuffle: 0 });
      ({ body } = message);
      arrangement = isPlain ? loose(body) : packed(body);
    }
    end = writeArranged(out, from, at + limit - room, arrangement, message.shuffle);
    if (written < answers + authorities + additionals) {
      flags |= FLAG.TC;
      answers = Math.min(answers, written);
      authorities = Math.min(authorities, written - answers);
      additionals = written - answers - authorities;
    }
  }
  if (message.ttl >= 0) setTtls(out, from, end, message.ttl);
  writeHeader(query, out, at, message.rcode, flags, answers, authorities, additionals);
  if (withOpt) {
    const size = query.edns ? query.udpSize : opt!.udpSize;
    end = writeOpt(
      query,
      out,
      at,
      end,
      size,
      query.dnssecOk || (opt?.dnssecOk ?? false),
      message.rcode,
      options,
    );
  }
  return end - at;
}

function writeHeader(
  query: Query,
  out: Buffer,
  at: number,
  rcode: number,
  flags: number,
  answers: number,
  authorities: number,
  additionals: number,
): number {
  const word = FLAG.QR | (query.flags & 0x7800) | flags | (rcode & 15);
  out[at] = query.origin.id >> 8;
  out[at + 1] = query.origin.id;
  out[at + 2] = word >> 8;
  out[at + 3] = word;
  out[at + 4] = 0;
  out[at + 5] = 1;
  out[at + 6] = answers >> 8;
  out[at + 7] = answers;
  out[at + 8] = authorities >> 8;
  out[at + 9] = authorities;
  out[at + 10] = additionals >> 8;
  out[at + 11] = additionals;
  return at + HEADER;
}

/** The question in the client's letters. Returns where it ends. */
function writeQuestion(query: Query, out: Buffer, at: number): number {
  const { packet, start, questionEnd } = query;
  if (questionEnd !== 0) {
    for (let from = start + HEADER; from < questionEnd; from++) out[at++] = packet[from]!;
    return at;
  }
  at += out.latin1Write(query.rawName, at);
  at = out.writeUInt16BE(query.type, at);
  return out.writeUInt16BE(query.class, at);
}

/** Below this many bytes a loop beats the call into the runtime. */
const SHORT = 96;

function writeBytes(out: Buffer, at: number, bytes: string): number {
  const { length } = bytes;
  if (length > SHORT) return at + out.latin1Write(bytes, at);
  for (let i = 0; i < length; i++) out[at++] = bytes.charCodeAt(i);
  return at;
}

/** Sets the TTL of every record in `out[at, end)`. */
function setTtls(out: Buffer, at: number, end: number, ttl: number): void {
  while (at < end) {
    for (let length = out[at]!; length !== 0; length = out[at]!) {
      if (length >= 0xc0) {
        at++;
        break;
      }
      at += length + 1;
    }
    at++;
    out[at + 4] = ttl >>> 24;
    out[at + 5] = ttl >>> 16;
    out[at + 6] = ttl >>> 8;
    out[at + 7] = ttl;
    at += 10 + ((out[at + 8]! << 8) | out[at + 9]!);
  }
}

function writeOpt(
  query: Query,
  out: Buffer,
  start: number,
  at: number,
  size: number,
  dnssecOk: boolean,
  rcode: number,
  options: readonly EdnsOption[],
): number {
  out[at] = 0;
  out[at + 1] = 0;
  out[at + 2] = TYPE.OPT;
  out[at + 3] = size >> 8;
  out[at + 4] = size;
  out[at + 5] = rcode >> 4;
  out[at + 6] = 0;
  out[at + 7] = dnssecOk ? 0x80 : 0;
  out[at + 8] = 0;
  const length = optionBytes(options);
  out[at + 9] = length >> 8;
  out[at + 10] = length;
  at += OPT_SIZE;
  for (const { code, data } of options) {
    at = out.writeUInt16BE(code, at);
    at = out.writeUInt16BE(data.length, at);
    at += out.latin1Write(data, at);
  }
  const count = ((out[start + 10]! << 8) | out[start + 11]!) + 1;
  out[start + 10] = count >> 8;
  out[start + 11] = count;
  return at;
}

function optionBytes(options: readonly EdnsOption[]): number {
  let n = 0;
  for (const { data } of options) n += 4 + data.length;
  return n;
}

/** Those of a query's options that are repeated in the reply; `echo`: codes of further ones. */
export function echoed(
  options: readonly EdnsOption[],
  echo: ReadonlySet<number> | undefined,
): readonly EdnsOption[] {
  if (options.length === 0) return options;
  return options.filter(({ code }) => ECHOED.has(code) || echo?.has(code) === true);
}

/** A reply of 12 bytes: what a header that can't be served gets. RD is kept. */
export function writeHeaderOnly(query: Query, rcode: number, out: Buffer, at: number): number {
  writeHeader(query, out, at, rcode, query.flags & FLAG.RD, 0, 0, 0);
  out[at + 5] = 0;
  return HEADER;
}

/** FORMERR that repeats the question, without OPT. */
export function writeFormatError(query: Query, out: Buffer, at: number): number {
  return (
    writeQuestion(query, out, writeHeader(query, out, at, RCODE.FORMERR, replyFlags(query), 0, 0, 0)) - at
  );
}

/** BADVERS (RFC 6891 §6.1.3): size 0, no DO, no options. */
export function writeBadVersion(query: Query, out: Buffer, at: number): number {
  const end = writeQuestion(
    query,
    out,
    writeHeader(query, out, at, RCODE.BADVERS, replyFlags(query), 0, 0, 0),
  );
  return writeOpt(query, out, at, end, 0, false, RCODE.BADVERS, NO_OPTIONS) - at;
}

/** The OPT that a plugin puts into a message when the client may have had none: CoreDNS's own, 4096 bytes with DO. */
export const defaultOpt = (options: readonly EdnsOption[]): Opt => ({
  udpSize: 4096,
  dnssecOk: true,
  options,
});
