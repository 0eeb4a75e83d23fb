import packet from "dns-packet";
import t from "tap";
import { encodeMessage } from "../../src/dns/codec.ts";
import { nameOf } from "../../src/dns/name.ts";
import { rdataText } from "../../src/dns/rdata.ts";
import { FLAG, parseType } from "../../src/dns/types.ts";
import { rr } from "./data.ts";
import { answering, decoded, known, question } from "./messages.ts";

t.test("dns-packet decodes what we encode", async (t) => {
  for (const compress of ["always", "never"] as const) {
    for (const [type, text, data] of known) {
      const record = rr(`www.example.org. 30 IN ${type} ${text}`);
      const { bytes } = encodeMessage(answering([record, record]), { compress });
      const message = packet.decode(bytes);
      t.same(message.questions, [{ name: "www.example.org", type, class: "IN" }]);
      t.match(message, { id: 0x1234, type: "response", flag_aa: true, flag_tc: false, rcode: "NOERROR" });
      t.equal(message.answers.length, 2);
      for (const answer of message.answers) {
        t.match(
          answer,
          { name: "www.example.org", type, ttl: 30, class: "IN", data },
          `${type}, compression ${compress}`,
        );
      }
    }
  }
});

t.test("we decode what dns-packet encodes", async (t) => {
  for (const [type, text, data] of known) {
    const message = decoded(
      packet.encode({
        id: 7,
        type: "response",
        flags: FLAG.RD | FLAG.RA,
        questions: [{ name: "WWW.example.org", type, class: "IN" }],
        answers: [{ name: "WWW.example.org", type, ttl: 86400, class: "IN", data }],
        additionals: [
          {
            name: ".",
            type: "OPT",
            udpPayloadSize: 1232,
            flags: 0x8000,
            options: [{ code: 10, data: Buffer.from("12345678") }],
          },
        ],
      }),
    );
    t.equal(message.id, 7);
    t.equal(message.flags, FLAG.QR | FLAG.RD | FLAG.RA);
    t.same(message.question, question("WWW.example.org.", parseType(type)!));
    t.equal(message.answer.length, 1);
    const [answer] = message.answer;
    t.match(answer, { name: nameOf("WWW.example.org."), type: parseType(type), class: 1, ttl: 86400 });
    t.equal(rdataText(answer!.type, answer!.rdata), text, type);
    t.same(message.opt, {
      udpSize: 1232,
      version: 0,
      dnssecOk: true,
      options: [{ code: 10, data: "12345678" }],
    });
    t.same(message.additional, [], "OPT is no record");
    t.ok(message.complete);
  }
});

t.test("dns-packet reads our OPT record and the extended rcode", async (t) => {
  const opt = {
    udpSize: 1232,
    dnssecOk: true,
    options: [
      { code: 3, data: "ns1" },
      { code: 15, data: "\0\x0fno" },
    ],
  };
  const { bytes, additionals } = encodeMessage(answering([rr("a. A 192.0.2.1")], { opt, rcode: 16 }));
  const message = packet.decode(bytes);
  t.equal(additionals, 0, "OPT is not counted");
  t.equal(message.additionals.length, 1);
  t.match(message.additionals[0], {
    name: ".",
    type: "OPT",
    udpPayloadSize: 1232,
    extendedRcode: 1,
    ednsVersion: 0,
    flag_do: true,
  });
  t.same(
    message.additionals[0]!.options!.map(({ code, data }) => [code, data?.toString()]),
    [
      [3, "ns1"],
      [15, "\0\x0fno"],
    ],
  );
  t.equal(message.rcode, "NOERROR", "the low bits of 16");
  t.equal(decoded(bytes).rcode, 16);
  t.equal(decoded(encodeMessage(answering([], { opt, rcode: 0xfff })).bytes).rcode, 0xfff);
  t.equal(
    decoded(encodeMessage(answering([], { rcode: 16 })).bytes).rcode,
    2,
    "without OPT it can't be said: SERVFAIL",
  );
});
