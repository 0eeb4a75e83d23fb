import { DROP, reply, serverFailure, type Answer } from "../../src/dns/message.ts";
import { nameOf, prepend } from "../../src/dns/name.ts";
import type { Query } from "../../src/dns/query.ts";
import { rdata, record } from "../../src/dns/records.ts";
import type { RR } from "../../src/dns/rr.ts";
import { FLAG, RCODE, TYPE } from "../../src/dns/types.ts";
import { definePlugin, type Plugin } from "../../src/plugin.ts";
import { directiveTable } from "./directive.ts";

const A = rdata.a("192.0.2.53");
const AAAA = rdata.aaaa("2001:db8::53");
const LARGE = 30;
/** It is ready while it has seen so many queries: enough to see `ready` change its mind twice. */
const READY = { from: 3, until: 5 };

/** Answers badly, so that clients can show what they do about it. */
export const erratic: Plugin = definePlugin({
  name: "erratic",
  directive: directiveTable,
  setup({ drop, delay, truncate, large }) {
    let seen = 0;
    // Another fault takes the place of dropping, unless that is asked for, too.
    const dropped = drop?.amount ?? ((delay?.amount ?? 0) > 0 || (truncate?.amount ?? 0) > 0 ? 0 : 2);
    const delayed = delay?.amount ?? 0;
    const truncated = truncate?.amount ?? 0;

    return {
      answer(query) {
        const number = seen++;
        if (dropped > 0 && number % dropped === 0) return DROP;
        // A bit of AMOUNT, not every AMOUNT-th: so it is in CoreDNS.
        const cut = truncated > 0 && (number & truncated) === 0;
        const answer = respond(query, cut, large);
        if (delayed === 0 || number % delayed !== 0) return answer;
        return new Promise<Answer>((resolve) => {
          setTimeout(() => resolve(answer), delay!.duration);
        });
      },
      ready: () => (seen >= READY.from && seen < READY.until ? true : "as erratic as ever"),
    };
  },
});

const FAILED = serverFailure("");

function respond(query: Query, cut: boolean, large: boolean): Answer {
  const { rawName, type } = query;
  if (type === TYPE.AXFR) return transfer(query, cut);
  if (type !== TYPE.A && type !== TYPE.AAAA) return FAILED;
  const rr = record(rawName, type, 0, type === TYPE.A ? A : AAAA);
  const answer = Array.from({ length: large && type === TYPE.A ? LARGE : 1 }, () => rr);
  return reply(query, RCODE.NOERROR, cut ? FLAG.AA | FLAG.TC : FLAG.AA, { answer });
}

/** A small zone; `cut`: without the SOA at its end. */
function transfer(query: Query, cut: boolean): Answer {
  const zone = query.rawName;
  const [a, b] = [prepend("a", zone), prepend("b", zone)];
  const soa = record(
    zone,
    TYPE.SOA,
    0,
    rdata.soa(nameOf("sns.dns.icann.org."), nameOf("noc.dns.icann.org."), 2018050825, {
      refresh: 7200,
      retry: 3600,
      expire: 1209600,
      minimum: 3600,
    }),
  );
  const answer: RR[] = [
    soa,
    record(zone, TYPE.NS, 0, rdata.ns(b)),
    record(zone, TYPE.NS, 0, rdata.ns(a)),
    record(a, TYPE.AAAA, 0, rdata.aaaa("2001:bd8::53")),
    record(b, TYPE.AAAA, 0, rdata.aaaa("2001:500::54")),
    ...(cut ? [] : [soa]),
  ];
  return { kind: "stream", messages: [reply(query, RCODE.NOERROR, FLAG.AA, { answer })] };
}
