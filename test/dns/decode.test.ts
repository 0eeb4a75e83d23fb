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

t.test("pointers that lead in a circle, or to one another without end", async (t) => {
  const head = "000101000001000000000000";
  const chain = Buffer.alloc(65535);
  chain.set(Buffer.from(head, "hex"));
  for (let at = 12; at + 1 < chain.length; at += 2)
    chain.writeUInt16BE(0xc000 | Math.min(at + 2, 0x3fff), at);
  t.equal(decodeMessage(chain).error, "question");
  for (const name of ["c00c", "0161c00c", "c00ec00c", "0161c0100162c00c"]) {
    t.equal(decodeMessage(Buffer.from(head + name + "00010001", "hex")).error, "question", name);
  }
});

t.test("a name is as long as its pointers make it", async (t) => {
  // The rdata of an unknown type holds names, each a label and a pointer to the one before; the second record's owner is the last.
  const RDATA = 28;
  const place = (i: number): number => (i === 0 ? RDATA : RDATA + 3 + (i - 1) * 4);
  const to = (i: number): string => (0xc000 | place(i)).toString(16);
  const named = (count: number): Buffer => {
    const links = Array.from({ length: count }, (_, i) => "0161" + (i === 0 ? "00" : to(i - 1))).join("");
    const length = (links.length / 2).toString(16).padStart(4, "0");
    const fixed = "ff78" + "0001" + "00000000";
    const records = "00" + fixed + length + links + to(count - 1) + fixed + "0000";
    return Buffer.from("000181000001000200000000" + "0000010001" + records, "hex");
  };
  for (const count of [1, 2, 126]) {
    t.equal(decoded(named(count)).answer[1]!.name, "\x01a".repeat(count) + "\0", `${String(count)} labels`);
  }
  t.equal(decodeMessage(named(130)).error, "record", "more than 255 octets");
});
