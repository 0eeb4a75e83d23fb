import { Body } from "../../src/dns/body.ts";
import { replyType } from "../../src/dns/classify.ts";
import { Message, serverFailure, type Answer } from "../../src/dns/message.ts";
import { nameText } from "../../src/dns/name.ts";
import type { Query } from "../../src/dns/query.ts";
import { after, definePlugin, type Plugin } from "../../src/plugin.ts";
import { directiveTable } from "./directive.ts";

/** Empties the authority and additional sections of answers that have what was asked for (RFC 4472 §4.2's "minimal responses"). */
export const minimal: Plugin = definePlugin({
  name: "minimal",
  directive: directiveTable,
  setup() {
    return { answer: (query, next) => after(next(query), query, reduce) };
  },
});

/** Bodies that were cut, by the whole ones: whoever keeps an answer gives the same body again. */
const reduced = new WeakMap<Body, Body>();

/** What CoreDNS makes of any code that a plugin gives without a message or an error. */
const FAILED = serverFailure("");

function reduce(answer: Answer, query: Query): Answer {
  if (answer.kind === "stream")
    return serverFailure(`plugin/minimal: ${nameText(query.name)} can't be transferred through minimal`);
  if (answer.kind === "failure") return answer.error === undefined ? FAILED : answer;
  if (answer.kind !== "message") return answer;
  const { body, opt } = answer;
  if (body.authorities + body.additionals === 0 && opt === undefined) return answer;
  if (replyType(answer, query.type) !== "NOERROR") return answer;
  // The server makes an OPT of its own.
  return new Message(
    answer.question,
    answer.rcode,
    answer.flags,
    answersOf(body),
    undefined,
    answer.ttl,
    answer.shuffle,
  );
}

function answersOf(body: Body): Body {
  if (body.authorities + body.additionals === 0) return body;
  let made = reduced.get(body);
  if (made === undefined) {
    const { answer } = body.sections;
    made = new Body(body.question, { answer, authority: [], additional: [] });
    reduced.set(body, made);
  }
  return made;
}
