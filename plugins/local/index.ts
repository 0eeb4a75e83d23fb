import { ipv4Bytes, ipv6Bytes } from "../../src/dns/address.ts";
import { reply, type Message } from "../../src/dns/message.ts";
import { isWithin, nameOf, nameText, type Name } from "../../src/dns/name.ts";
import type { Query } from "../../src/dns/query.ts";
import { rdata, record } from "../../src/dns/records.ts";
import type { Rdata, RR } from "../../src/dns/rr.ts";
import { RCODE, TYPE, typeText } from "../../src/dns/types.ts";
import { definePlugin, type Plugin } from "../../src/plugin.ts";
import { directiveTable } from "./directive.ts";

const LOCALHOST = nameOf("localhost.");
/** The first label of `localhost.example.org`. */
const PREFIX = LOCALHOST.slice(0, -1);
const LOOPBACK = nameOf("1.0.0.127.in-addr.arpa.");
const ARPA = nameOf("in-addr.arpa.");
const REVERSE = ["0", "127", "255"].map((octet) => nameOf(`${octet}.in-addr.arpa.`));

const TTL = 604800;
const DATA = {
  a: ipv4Bytes("127.0.0.1") as Rdata,
  aaaa: ipv6Bytes("::1") as Rdata,
  name: LOCALHOST as string as Rdata,
  soa: rdata.soa(LOCALHOST, nameOf("root.localhost."), 1, { refresh: 0, retry: 0, expire: 0, minimum: TTL }),
};

/** Answers what must not leave the host (RFC 6761 §6.3, RFC 6303). */
export const local: Plugin = definePlugin({
  name: "local",
  directive: directiveTable,
  setup({ localhost_prefix }, { log, metrics, settings }) {
    const requests = metrics
      .counter("localhost_requests_total", "Counter of localhost.<domain> requests.")
      .at();
    const withPrefix = localhost_prefix === "on";
    return {
      answer(query, next) {
        const { name } = query;
        const isHost = name === LOCALHOST;
        if (isHost || (withPrefix && name.startsWith(PREFIX)) || isWithin(name, LOCALHOST)) {
          if (!isHost) requests.value++;
          if (!isHost && settings.debug)
            log.debug(
              `Intercepting localhost query for "${nameText(name)}" ${typeText(query.type)}, from ${query.peer.address}`,
            );
          return ofLocalhost(query, isHost);
        }
        // Nearly no name comes beyond this.
        if (!name.endsWith(ARPA)) return next(query);
        const zone = REVERSE.find((one) => isWithin(name, one));
        return zone === undefined ? next(query) : ofReverse(query, zone);
      },
    };
  },
});

const own = ({ rawName }: Query, type: number, data: Rdata): RR => record(rawName, type, TTL, data);

const noData = (query: Query, zone: Name): Message =>
  reply(query, RCODE.NOERROR, 0, { authority: [record(zone, TYPE.SOA, TTL, DATA.soa)] });

const found = (query: Query, type: number, data: Rdata): Message =>
  reply(query, RCODE.NOERROR, 0, { answer: [own(query, type, data)] });

/** `apex`: of the name itself, which is a zone, and not of one below it. */
function ofLocalhost(query: Query, apex: boolean): Message {
  switch (query.type) {
    case TYPE.A:
      return found(query, TYPE.A, DATA.a);
    case TYPE.AAAA:
      return found(query, TYPE.AAAA, DATA.aaaa);
    default:
      return apex ? ofApex(query) : noData(query, query.rawName);
  }
}

function ofApex(query: Query): Message {
  if (query.type === TYPE.SOA) return found(query, TYPE.SOA, DATA.soa);
  return query.type === TYPE.NS ? found(query, TYPE.NS, DATA.name) : noData(query, query.rawName);
}

function ofReverse(query: Query, zone: Name): Message {
  const { name, rawName, type } = query;
  if (name === zone) return ofApex(query);
  // The zone in the letters of the question.
  const origin = rawName.slice(rawName.length - zone.length) as Name;
  if (name !== LOOPBACK)
    return reply(query, RCODE.NXDOMAIN, 0, { authority: [record(origin, TYPE.SOA, TTL, DATA.soa)] });
  return type === TYPE.PTR ? found(query, TYPE.PTR, DATA.name) : noData(query, origin);
}
