import fc from "fast-check";
import t from "tap";
import { decodeMessage, encodeMessage } from "../../src/dns/codec.ts";
import type { Name } from "../../src/dns/name.ts";
import type { RR } from "../../src/dns/rr.ts";
import { FLAG } from "../../src/dns/types.ts";
import { rr } from "./data.ts";
import { decoded, known } from "./messages.ts";

const label = fc.oneof(
  fc.constantFrom("www", "WWW", "example", "Example", "org", "a", "b"),
  fc.uint8Array({ minLength: 1, maxLength: 12 }).map((bytes) => Buffer.from(bytes).toString("latin1")),
);
const anyName: fc.Arbitrary<Name> = fc
  .array(label, { maxLength: 6 })
  .map((labels) => (labels.map((l) => String.fromCharCode(l.length) + l).join("") + "\0") as Name);
const samples = known.map(([type, text]) => rr(`. 1 IN ${type} ${text}`));
const anyRecord: fc.Arbitrary<RR> = fc
  .tuple(
    anyName,
    fc.oneof(
      fc.constantFrom(...samples),
      anyName.map((name): RR => ({ ...samples[3]!, rdata: name as never })),
    ),
    fc.nat(2 ** 32 - 1),
  )
  .map(([name, { type, rdata }, ttl]) => ({ name, type, class: 1, ttl, rdata }));
const section = fc.array(anyRecord, { maxLength: 8 });
const anyMessage = fc.record({
  id: fc.nat(0xffff),
  flags: fc.nat(0xffff).map((flags) => flags & ~FLAG.TC),
  question: fc.record({ name: anyName, type: fc.nat(0xffff), class: fc.nat(0xffff) }),
  answer: section,
  authority: section,
  additional: section,
  opt: fc.option(
    fc.record({
      udpSize: fc.nat(0xffff),
      dnssecOk: fc.boolean(),
      options: fc.array(
        fc.record({ code: fc.integer({ min: 65001, max: 65534 }), data: fc.constantFrom("", "abc") }),
        { maxLength: 3 },
      ),
    }),
    { nil: undefined },
  ),
});

t.test("what was encoded is decoded as the same, with and without compression", async () => {
  fc.assert(
    fc.property(anyMessage, fc.constantFrom("always", "needed", "never"), (message, compress) => {
      const back = decoded(encodeMessage(message, { compress }).bytes);
      const sections = ["answer", "authority", "additional"] as const;
      return (
        back.id === message.id &&
        back.flags === message.flags &&
        sections.every((s) => JSON.stringify(back[s]) === JSON.stringify(message[s])) &&
        JSON.stringify(back.question) === JSON.stringify(message.question) &&
        back.opt?.udpSize === message.opt?.udpSize &&
        JSON.stringify(back.opt?.options) === JSON.stringify(message.opt?.options)
      );
    }),
    { numRuns: 500 },
  );
});

t.test("a limit holds, records go from the end, and TC says so", async () => {
  fc.assert(
    fc.property(anyMessage, fc.integer({ min: 512, max: 1500 }), (message, limit) => {
      const sent = encodeMessage(message, { limit });
      const back = decoded(sent.bytes);
      const kept = [...back.answer, ...back.authority, ...back.additional];
      const all = [...message.answer, ...message.authority, ...message.additional];
      return (
        sent.bytes.length <= limit &&
        sent.truncated === kept.length < all.length &&
        ((back.flags & FLAG.TC) !== 0) === sent.truncated &&
        kept.every((record, i) => JSON.stringify(record) === JSON.stringify(all[i]))
      );
    }),
    { numRuns: 500 },
  );
});

t.test("any bytes are decoded or refused, and what was decoded can be encoded", async () => {
  const mutated = fc
    .tuple(anyMessage, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 6 }))
    .map(([message, changes]) => {
      const { bytes } = encodeMessage(message, { compress: "always" });
      for (const [at, value] of changes) bytes[at % bytes.length] = value;
      return bytes;
    });
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), mutated), (bytes) => {
      const first = decodeMessage(bytes);
      if (first.error !== undefined) return true;
      const again = decoded(encodeMessage({ ...first, flags: first.flags & ~FLAG.TC }).bytes);
      return JSON.stringify(again.answer) === JSON.stringify(first.answer);
    }),
    { numRuns: 2000 },
  );
});
