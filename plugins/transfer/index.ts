import { NOTIFIER, TRANSFER } from "../../src/capabilities.ts";
import { decodeMessage } from "../../src/dns/decode.ts";
import { REFUSED, reply, type Failure } from "../../src/dns/message.ts";
import { isWithin, nameText, type Name } from "../../src/dns/name.ts";
import type { Query } from "../../src/dns/query.ts";
import type { RR } from "../../src/dns/rr.ts";
import { RCODE, TYPE } from "../../src/dns/types.ts";
import { serialOf } from "../../src/dns/zonefile/fold.ts";
import { definePlugin, type Plugin } from "../../src/plugin.ts";
import { directiveTable, type Receiver } from "./directive.ts";
import { transferMessages } from "./messages.ts";
import { notify } from "./notify.ts";

const SERVFAIL: Failure = { kind: "failure", rcode: RCODE.SERVFAIL };

/** A line of the Corefile. */
interface Rule {
  readonly zones: readonly Name[];
  readonly to: readonly Receiver[];
  readonly source: string | undefined;
}

/** Hands over whole zones of other plugins of the block (RFC 5936; RFC 1995 without increments). */
export const transfer: Plugin = definePlugin({
  name: "transfer",
  directive: directiveTable,
  setup(rules, context) {
    const { log } = context;
    const stop = new AbortController();

    context.provide(NOTIFIER, async (zone) => {
      const rule = ruleFor(rules, zone);
      const receivers = rule?.to.filter((receiver) => receiver !== "*") ?? [];
      const errors = await Promise.all(
        receivers.map((to) => notify(zone, to, rule?.source, context.random, stop.signal)),
      );
      if (rule !== undefined && !stop.signal.aborted)
        log.debug(`Sent notifies for zone ${JSON.stringify(nameText(zone))} to ${receiverTexts(rule)}`);
      const failed = errors.filter((error) => error !== undefined);
      return failed.length === 0 || stop.signal.aborted ? undefined : failed.join("; ");
    });

    return {
      answer(query, next) {
        const { type, name, peer } = query;
        if (type !== TYPE.AXFR && type !== TYPE.IXFR) return next(query);
        if (peer.protocol !== "tcp") return REFUSED;
        const rule = ruleFor(rules, name);
        if (rule === undefined) return next(query);
        if (!mayHave(rule, peer.address)) return reply(query, RCODE.REFUSED, 0);
        const serial = type === TYPE.IXFR ? serialIn(query) : undefined;
        if (type === TYPE.IXFR && serial === undefined) return SERVFAIL;
        for (const source of context.find(TRANSFER)) {
          const records = source.records(name, serial)?.[Symbol.iterator]();
          if (records === undefined) continue;
          const first = records.next();
          if (first.done === true) return SERVFAIL;
          const second = records.next();
          const zone = JSON.stringify(nameText(query.rawName));
          const client = peer.address;
          const at = `${serialOf(first.value)} SOA serial`;
          if (second.done === true) {
            log.info(
              `Outgoing noop, incremental transfer for up to date zone ${zone} to ${client} for ${at}`,
            );
            return reply(query, RCODE.NOERROR, 0, { answer: [first.value] });
          }
          const all = chained([first.value, second.value], records);
          const sent = (count: number): void =>
            log.info(`Outgoing transfer of ${count} records of zone ${zone} to ${client} for ${at}`);
          return { kind: "stream", messages: transferMessages(query, all, sent) };
        }
        return next(query);
      },
      close: () => stop.abort(),
    };
  },
});

/** Of the rules for zones that the name is in that of the longest. */
function ruleFor(rules: readonly Rule[], name: Name): Rule | undefined {
  let found: Rule | undefined;
  let longest = 0;
  for (const rule of rules) {
    for (const zone of rule.zones) {
      if (zone.length <= longest || !isWithin(name, zone)) continue;
      longest = zone.length;
      found = rule;
    }
  }
  return found;
}

const mayHave = ({ to }: Rule, address: string): boolean =>
  to.some((receiver) => receiver === "*" || receiver.address === address);

const receiverTexts = ({ to }: Rule): string =>
  to.map((receiver) => (receiver === "*" ? receiver : receiver.text)).join(" ");

/** The serial that the client of an IXFR has (RFC 1995 §3): that of the one record in the authority section, which must be an SOA. */
function serialIn({ packet, start, end }: Query): number | undefined {
  const message = decodeMessage(packet.subarray(start, end));
  if (message.error !== undefined || message.authority.length !== 1) return undefined;
  const soa = message.authority[0]!;
  return soa.type === TYPE.SOA ? serialOf(soa) : undefined;
}

function* chained(first: readonly RR[], rest: Iterator<RR>): Generator<RR> {
  yield* first;
  for (let next = rest.next(); next.done !== true; next = rest.next()) yield next.value;
}
