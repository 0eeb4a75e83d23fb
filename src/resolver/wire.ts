/** Questions and answers between what resolver models know and DNS messages. */
import { decodeMessage, encodeMessage } from "../dns/codec.ts";
import { lower, parseName } from "../dns/name.ts";
import { rdataText } from "../dns/rdata.ts";
import { CLASS, type RR } from "../dns/rr.ts";
import { FLAG, parseType } from "../dns/types.ts";
import type { Question, Reply } from "./types.ts";

/** The query's bytes, RD set; undefined where the name does not fit a message. */
export function encodeQuestion({ name, type, edns, ad }: Question, id: number): Buffer | undefined {
  const qname = parseName(name);
  const qtype = parseType(type);
  if (qname === undefined || qtype === undefined) return undefined;
  return encodeMessage({
    id,
    flags: FLAG.RD | (ad === true ? FLAG.AD : 0),
    question: { name: qname, type: qtype, class: CLASS.IN },
    opt: edns === undefined ? undefined : { udpSize: edns.size, dnssecOk: edns.do, options: [] },
    answer: [],
    authority: [],
    additional: [],
  }).bytes;
}

/** What a resolver sees in an answer to a question of that type: `flags` is the header's second word. */
export function replyFrom(
  type: string,
  rcode: number,
  flags: number,
  answer: readonly RR[],
  additional: readonly RR[],
): Reply {
  const isAddress = type === "A" || type === "AAAA";
  const number = parseType(type);
  return {
    rcode,
    truncated: (flags & FLAG.TC) !== 0,
    authoritative: (flags & FLAG.AA) !== 0,
    recursionAvailable: (flags & FLAG.RA) !== 0,
    answers: answer.length,
    additional: additional.length > 0,
    addresses: answer
      .filter((rr) => isAddress && rr.type === number)
      .map((rr) => rdataText(rr.type, rr.rdata)),
  };
}

/** The answer in `bytes` and its message ID; undefined where it is no answer to `question`, or no message. */
export function decodeReply(bytes: Uint8Array, question: Question): Reply | undefined {
  const message = decodeMessage(bytes);
  if (message.error !== undefined || (message.flags & FLAG.QR) === 0) return undefined;
  const asked = parseName(question.name);
  const got = message.question;
  if (got === undefined || asked === undefined) return undefined;
  if (got.type !== parseType(question.type) || lower(got.name) !== lower(asked)) return undefined;
  return replyFrom(question.type, message.rcode, message.flags, message.answer, message.additional);
}
