import { replyType } from "../../src/dns/classify.ts";
import { Message, replyFlags, type Answer } from "../../src/dns/message.ts";
import { parseNetwork, type Network } from "../../src/dns/network.ts";
import type { Query } from "../../src/dns/query.ts";
import { CLASS, type Rdata, type RR } from "../../src/dns/rr.ts";
import { FLAG, RCODE, TYPE } from "../../src/dns/types.ts";
import { after, afterMessage, definePlugin, type MaybePromise, type Plugin } from "../../src/plugin.ts";
import { directiveTable } from "./directive.ts";

/** The well-known prefix (RFC 6052 §2.1). */
const WELL_KNOWN = parseNetwork("64:ff9b::/96")!;
/** The TTL of what is made where the answer without data had no SOA (RFC 6147 §5.1.7). */
const NO_SOA_TTL = 600;

/** Answers AAAA queries of IPv6-only clients with addresses that their network translates (RFC 6147). */
export const dns64: Plugin = definePlugin({
  name: "dns64",
  directive: directiveTable,
  setup(lines, { metrics }) {
    const rules = lines.map(({ rule }) => rule);
    const prefix = rules.findLast((rule) => rule.prefix !== undefined)?.prefix ?? WELL_KNOWN;
    const translateAll = rules.some((rule) => rule.translateAll);
    const allowIpv4 = rules.some((rule) => rule.allowIpv4);
    const translated = metrics.counter(
      "requests_translated_total",
      "Counter of DNS requests translated by dns64.",
      ["server"],
    );

    const translate = (message: Message, query: Query): MaybePromise<Answer> => {
      if (replyType(message, TYPE.AAAA) === "NXDOMAIN") return message;
      if (!translateAll && message.answer.some((rr) => rr.type === TYPE.AAAA)) return message;
      return after(query.lookup(query.name, TYPE.A), query, (found) => {
        translated.at(query.scope.server).inc();
        return synthesize(prefix, query, message, found);
      });
    };

    return {
      answer(query, next) {
        const isOurs =
          query.type === TYPE.AAAA && query.class === CLASS.IN && (allowIpv4 || query.peer.family === 6);
        return isOurs ? afterMessage(next(query), query, translate) : next(query);
      },
    };
  },
});

/** The answer to AAAA out of the one to A, which may be none; `message` is the one without data. */
function synthesize(prefix: Network, query: Query, message: Message, found: Answer): Message {
  const flags = replyFlags(query);
  const nothing: readonly RR[] = [];
  if (found.kind !== "message") {
    const sections = { answer: nothing, authority: nothing, additional: nothing };
    return new Message(query.rawName, RCODE.NOERROR, flags, sections);
  }
  const limit = message.authority.findLast((rr) => rr.type === TYPE.SOA)?.ttl ?? NO_SOA_TTL;
  const answer = found.answer.map((rr) =>
    rr.type === TYPE.A
      ? { ...rr, type: TYPE.AAAA, ttl: Math.min(rr.ttl, limit), rdata: embed(prefix, rr.rdata) }
      : rr,
  );
  return new Message(
    query.rawName,
    RCODE.NOERROR,
    flags | (found.flags & FLAG.TC),
    { answer, authority: found.authority, additional: found.additional },
    found.opt,
  );
}

/** RFC 6052 §2.2: the IPv4 address behind the prefix, around the byte of bits 64 to 71, which is zero. */
function embed({ bytes, bits }: Network, address: Rdata): Rdata {
  const length = bits / 8;
  const joined = bytes.slice(0, length) + address;
  const whole = length >= 9 ? joined : joined.slice(0, 8) + "\0" + joined.slice(8);
  return whole.padEnd(16, "\0") as Rdata;
}
