/** Records that change places in a reply, cut and not: always those of `shuffleSections`, which sorts records, not bytes. */
import assert from "node:assert/strict";
import packet from "dns-packet";
import fc from "fast-check";
import t from "tap";
import { encodeMessage } from "../../src/dns/codec.ts";
import { Message } from "../../src/dns/message.ts";
import { nameOf } from "../../src/dns/name.ts";
import { shuffleSections } from "../../src/dns/order.ts";
import { PARSED, parseQuery } from "../../src/dns/parse.ts";
import { Query } from "../../src/dns/query.ts";
import { MAX_MESSAGE, writeReply } from "../../src/dns/reply.ts";
import type { RR } from "../../src/dns/rr.ts";
import { FLAG, TYPE } from "../../src/dns/types.ts";
import { rr } from "./data.ts";
import { decoded } from "./messages.ts";

const OWNER = "_http._tcp.web.shop.svc.cluster.local.";

function queryOf(name: string, udpSize: number): Query {
  const { bytes } = encodeMessage({
    id: 7,
    flags: FLAG.RD,
    question: { name: nameOf(name), type: TYPE.SRV, class: 1 },
    answer: [],
    authority: [],
    additional: [],
    opt: { udpSize, dnssecOk: false, options: [] },
  });
  const query = new Query();
  if (parseQuery(query, bytes, 0, bytes.length) !== PARSED.OK) throw new Error("a query that is none");
  return query;
}

const record = fc.tuple(fc.nat(5), fc.nat(40), fc.nat(255)).map(([kind, host, n]): RR => {
  const name = kind === 0 ? OWNER : `web-${host}.web.shop.svc.cluster.local.`;
  switch (kind) {
    case 0:
    case 1:
      return rr(`${name} 30 A 10.0.0.${n}`);
    case 2:
      return rr(`${name} 30 AAAA fd00::${n}`);
    case 3:
      return rr(`${OWNER} 30 SRV 0 ${n} 80 ${name}`);
    case 4:
      return rr(`${name} 30 MX ${n} mail-${host}.web.shop.svc.cluster.local.`);
    default:
      return rr(`${name} 30 CNAME other-${host}.web.shop.svc.cluster.local.`);
  }
});
/** As CoreDNS sorts them, or as they come. */
const section = fc
  .tuple(fc.array(record, { maxLength: 40 }), fc.boolean())
  .map(([records, sort]) =>
    sort ? shuffleSections({ answer: records, authority: [], additional: [] }, 1).answer : records,
  );

t.test("mixed on the wire as records are, and cut at the same record", async () => {
  fc.assert(
    fc.property(
      fc.tuple(section, section, section),
      fc.integer({ min: 1, max: 0x7fffffff }),
      fc.constantFrom(512, 600, 1232, 4096, 65000),
      fc.constantFrom(-1, 17),
      ([answer, authority, additional], seed, udpSize, ttl) => {
        const query = queryOf(OWNER, udpSize);
        const sections = { answer, authority, additional };
        const message = new Message(query.rawName, 0, FLAG.AA, sections, undefined, ttl, seed);
        const out = Buffer.alloc(MAX_MESSAGE);
        // Twice: what was made for the first reply serves the second.
        for (const shuffle of [seed + 1, seed]) {
          const length = writeReply(query, message.with({ shuffle }), out, 0);
          const reply = decoded(out.subarray(0, length));
          const wanted = shuffleSections(sections, shuffle);
          let isCut = false;
          for (const name of ["answer", "authority", "additional"] as const) {
            const aged = ttl < 0 ? wanted[name] : wanted[name].map((one) => ({ ...one, ttl }));
            assert.deepEqual(reply[name], isCut ? [] : aged.slice(0, reply[name].length));
            isCut ||= reply[name].length < aged.length;
          }
          assert.equal((reply.flags & FLAG.TC) !== 0, isCut);
          assert.ok(length <= udpSize);
          // What an independent decoder makes of it.
          const other = packet.decode(Buffer.from(out.subarray(0, length)));
          assert.equal(other.answers.length, reply.answer.length);
          assert.equal(other.additionals.length, reply.additional.length + 1, "and the OPT record");
        }
      },
    ),
    { numRuns: 200 },
  );
});

t.test("as many records as the client's size holds", async (t) => {
  const addresses = Array.from({ length: 60 }, (_, i) => rr(`${OWNER} 30 A 10.0.0.${i}`));
  const query = queryOf(OWNER, 512);
  const message = new Message(
    query.rawName,
    0,
    FLAG.AA,
    { answer: addresses, authority: [], additional: [] },
    undefined,
    -1,
    99,
  );
  const out = Buffer.alloc(MAX_MESSAGE);
  const { answer } = decoded(out.subarray(0, writeReply(query, message, out, 0)));
  // Header, question, and OPT; a pointer, ten bytes and an address for each record.
  t.equal(answer.length, Math.floor((512 - 12 - (OWNER.length + 1 + 4) - 11) / 16));
});
