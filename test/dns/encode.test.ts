import t from "tap";
import { encodeMessage, type OutgoingMessage } from "../../src/dns/codec.ts";
import { nameText } from "../../src/dns/name.ts";
import { rdataText } from "../../src/dns/rdata.ts";
import type { RR } from "../../src/dns/rr.ts";
import { FLAG, parseType } from "../../src/dns/types.ts";
import { jsonLines, rr, unhex } from "./data.ts";
import { answering, decoded, question } from "./messages.ts";

t.test("pointers stand for the same bytes only, and in the types of RFC 1035 alone", async (t) => {
  const { bytes } = encodeMessage(
    answering([
      rr("www.Example.org. CNAME WWW.example.org."),
      rr("www.example.org. SRV 0 0 1 www.example.org."),
      rr("x.www.example.org. MX 1 www.example.org."),
    ]),
    { compress: "always" },
  );
  const message = decoded(bytes);
  t.same(
    message.answer.map((a) => nameText(a.name)),
    ["www.Example.org.", "www.example.org.", "x.www.example.org."],
  );
  t.equal(rdataText(5, message.answer[0]!.rdata), "WWW.example.org.");
  const text = bytes.toString("latin1");
  t.equal(text.split("\x03www\x07example\x03org\0").length - 1, 1, "SRV's target stands in full");
  t.equal(text.split("example").length - 1, 2, "CNAME's own, and SRV's");
  t.equal(text.split("org").length - 1, 2, "the question's, and SRV's");
});

t.test("no pointer to where 14 bits do not reach", async (t) => {
  const filler = rr(`f. TXT ${'"' + "x".repeat(200) + '" '.repeat(1)}`);
  const answer = [
    ...Array<RR>(80).fill(filler),
    rr("late.example.org. A 192.0.2.1"),
    rr("late.example.org. A 192.0.2.2"),
  ];
  const { bytes } = encodeMessage(answering(answer), { compress: "always" });
  t.ok(bytes.length > 0x4000);
  t.same(decoded(bytes).answer, answer);
});

t.test("what CoreDNS sends of an answer that is too large", async (t) => {
  interface Cut {
    id: string;
    question: string;
    answer: string[];
    authority: string[];
    additional: string[];
    edns: { bufsize: number; options: [number, string][] } | null;
    limit: number;
    tc: boolean;
    counts: [number, number, number];
    size: number;
  }
  for (const cut of jsonLines<Cut>("truncated.jsonl")) {
    const [name, , type] = cut.question.split(" ") as [string, string, string];
    const message: OutgoingMessage = {
      id: 1,
      flags: FLAG.QR,
      question: question(name, parseType(type)!),
      answer: cut.answer.map(rr),
      authority: cut.authority.map(rr),
      additional: cut.additional.map(rr),
      opt:
        cut.edns === null
          ? undefined
          : {
              udpSize: cut.edns.bufsize,
              dnssecOk: false,
              options: cut.edns.options.map(([code, data]) => ({ code, data: unhex(data) })),
            },
    };
    const plain = encodeMessage(message, { limit: cut.limit });
    // Over UDP CoreDNS compresses above 1480 bytes also what would fit.
    const sent =
      plain.bytes.length > 1480 ? encodeMessage(message, { limit: cut.limit, compress: "always" }) : plain;
    t.same([sent.answers, sent.authorities, sent.additionals], cut.counts, cut.id);
    t.equal(sent.bytes.length, cut.size, cut.id);
    t.equal((sent.bytes.readUInt16BE(2) & FLAG.TC) !== 0, cut.tc, cut.id);
    t.equal(sent.truncated, cut.tc, cut.id);
  }
});

t.test("a TSIG record comes last, behind OPT, and its message is not cut", async (t) => {
  const tsig = rr("key. 0 ANY TSIG \\# 19 " + "0161" + "00".repeat(17));
  const many = Array.from({ length: 60 }, (_, i) => rr(`host-${String(i)}.example.org. A 192.0.2.1`));
  const sent = encodeMessage(
    answering(many, { additional: [tsig], opt: { udpSize: 512, dnssecOk: false, options: [] } }),
    { limit: 512 },
  );
  t.equal(sent.truncated, false);
  t.equal(sent.additionals, 1);
  const message = decoded(sent.bytes);
  t.equal(message.answer.length, 60);
  t.same(message.additional, [tsig]);
  t.equal(sent.bytes.subarray(-tsig.rdata.length).toString("latin1"), tsig.rdata);
});

t.test("a buffer of the caller's is written into", async (t) => {
  const into = Buffer.alloc(600, 0xee);
  const message = answering([rr("a.example. A 192.0.2.1")]);
  const own = encodeMessage(message).bytes;
  const { bytes } = encodeMessage(message, { into, at: 100 });
  t.equal(bytes.buffer, into.buffer);
  t.equal(bytes.byteOffset, into.byteOffset + 100);
  t.same(bytes, own);
  t.equal(into[99], 0xee);
  t.equal(into[100 + own.length], 0xee);
  t.not(encodeMessage(message, { into, at: 590 }).bytes.buffer, into.buffer, "no room: a buffer of its own");
});
