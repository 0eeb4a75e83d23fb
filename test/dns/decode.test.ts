import t from "tap";
import { decodeMessage, encodeMessage, type DecodeError } from "../../src/dns/codec.ts";
import { nameText, parseName } from "../../src/dns/name.ts";
import { OPCODE } from "../../src/dns/types.ts";
import { jsonLines, rr } from "./data.ts";
import { answering, decoded, question } from "./messages.ts";

t.test("what CoreDNS calls a format error is one here", async (t) => {
  let judged = 0;
  for (const { id, raw, rcode, question } of jsonLines<{
    id: string;
    raw: string;
    rcode: string | null;
    question: string | null;
  }>("malformed.jsonl")) {
    const bytes = Buffer.from(raw, "hex");
    const result = decodeMessage(bytes);
    if (bytes.length < 12) {
      t.equal(result.error, "short", id);
      continue;
    }
    // What the server refuses by the header alone is not the decoder's affair.
    const [qd, an, ns, ar] = [4, 6, 8, 10].map((at) => bytes.readUInt16BE(at)) as [
      number,
      number,
      number,
      number,
    ];
    const opcode = (bytes.readUInt16BE(2) >> 11) & 15;
    if (qd !== 1 || an > 1 || ns > 1 || ar > 2 || (opcode !== OPCODE.QUERY && opcode !== OPCODE.NOTIFY))
      continue;
    judged++;
    if (rcode !== "FORMERR") t.equal(result.error, undefined, id);
    else if (question === null) t.equal(result.error, "question", id);
    else {
      t.match(result.error, /^(record|rdata|option)$/, id);
      t.equal(nameText((result as DecodeError).question!.name), question.split(" ")[0], id);
    }
    if (result.error === undefined && question !== null)
      t.equal(nameText(result.question!.name), nameText(parseName(question.split(" ")[0]!)!), id);
  }
  t.ok(judged > 70, `${String(judged)} packets`);
});

t.test("records that the bytes end before are missing, and that is no error", async (t) => {
  const { bytes } = encodeMessage(answering([rr("a. A 192.0.2.1"), rr("a. A 192.0.2.2")]));
  const cut = decoded(bytes.subarray(0, bytes.length - 17));
  t.equal(cut.answer.length, 1);
  t.equal(cut.complete, false);
  t.match(decodeMessage(bytes.subarray(0, bytes.length - 1)), {
    error: "record",
    question: question("a.", 1),
  });
});

t.test("the last OPT record of the additional section counts", async (t) => {
  const opt = (size: string): string => `000029${size}000000000000`;
  const head = "000101000001000000000002" + "0161000001" + "0001";
  t.equal(decoded(Buffer.from(head + opt("04d0") + opt("1000"), "hex")).opt?.udpSize, 4096);
});

t.test(
  "pointers that lead in a circle, or from one to the next without end, cost next to nothing",
  async (t) => {
    const chain = Buffer.alloc(65535);
    chain.set(Buffer.from("000101000001000000000000", "hex"));
    for (let at = 12; at + 1 < chain.length; at += 2)
      chain.writeUInt16BE(0xc000 | Math.min(at + 2, 0x3fff), at);
    t.equal(decodeMessage(chain).error, "question");
    const circle = Buffer.from("000101000001000000000000" + "0161c00c" + "00010001", "hex");
    t.equal(decodeMessage(circle).error, "question");
  },
);
