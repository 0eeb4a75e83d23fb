/** What sort of reply a message is: what `log` calls a class, and what `cache` decides by. */
import type { Answer, Message } from "./message.ts";
import { RCODE, TYPE } from "./types.ts";

export type ReplyType =
  "NOERROR" | "NODATA" | "NXDOMAIN" | "DELEGATION" | "SERVERERROR" | "OTHERERROR" | "META";

export type ReplyClass = "success" | "denial" | "error";

/** RFC 2308 §2 and §2.2, RFC 2181 §6.1. `type` is the query's. */
export function replyType(message: Message, type: number): ReplyType {
  if (type === TYPE.AXFR || type === TYPE.IXFR) return "META";
  const { rcode, body } = message;
  if (body.answers > 0) {
    if (rcode === RCODE.NOERROR) return "NOERROR";
    if (rcode === RCODE.NXDOMAIN) return "OTHERERROR";
  }
  if (rcode === RCODE.NXDOMAIN) return "NXDOMAIN";
  if (rcode === RCODE.SERVFAIL || rcode === RCODE.NOTIMP) return "SERVERERROR";
  if (rcode !== RCODE.NOERROR) return "OTHERERROR";
  if (body.authorities === 0) return "NOERROR";
  const { authority } = message;
  if (authority.some((rr) => rr.type === TYPE.SOA)) return "NODATA";
  return authority.some((rr) => rr.type === TYPE.NS) ? "DELEGATION" : "NOERROR";
}

const CLASSES: Readonly<Record<ReplyType, ReplyClass>> = {
  NOERROR: "success",
  DELEGATION: "success",
  META: "success",
  NODATA: "denial",
  NXDOMAIN: "denial",
  SERVERERROR: "error",
  OTHERERROR: "error",
};

export const classOf = (type: ReplyType): ReplyClass => CLASSES[type];

/** The type of whatever a chain gave back; what is no message counts as an error. */
export function answerType(answer: Answer, type: number): ReplyType {
  if (answer.kind === "message") return replyType(answer, type);
  if (answer.kind === "stream") return "META";
  return answer.kind === "failure" && (answer.rcode === RCODE.SERVFAIL || answer.rcode === RCODE.NOTIMP)
    ? "SERVERERROR"
    : "OTHERERROR";
}
