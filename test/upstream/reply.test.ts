/** From an upstream's bytes to a message: held against the codec that decodes everything. */
import fc from "fast-check";
import t from "tap";
import { decodeMessage, encodeMessage } from "../../src/dns/codec.ts";
import type { Sections } from "../../src/dns/body.ts";
import { Message } from "../../src/dns/message.ts";
import { join, lower, nameOf, ROOT, type Name } from "../../src/dns/name.ts";
import { parseQuery } from "../../src/dns/parse.ts";
import { Query } from "../../src/dns/query.ts";
import { rdata, record } from "../../src/dns/records.ts";
import type { Rdata, RR } from "../../src/dns/rr.ts";
import { FLAG, OPTION, RCODE, TYPE } from "../../src/dns/types.ts";
import { queryPacket } from "../../src/upstream/query.ts";
import { readReply, truncatedReply } from "../../src/upstream/reply.ts";

const WWW = nameOf("www.example.org.");
const EMPTY: Sections = { answer: [], authority: [], additional: [] };
const IN = 1;

function asked(name: Name = WWW, type: number = TYPE.A, flags: number = FLAG.RD): Query {
  const { bytes } = encodeMessage({ id: 7, flags, question: { name, type, class: IN }, ...EMPTY });
  const query = new Query();
  parseQuery(query, bytes, 0, bytes.length);
  return query;
}

interface Reply extends Partial<Sections> {
  readonly name?: Name;
  readonly type?: number;
  readonly flags?: number;
  readonly rcode?: number;
  readonly opt?: Message["opt"];
}

const encode = ({ name = WWW, type = TYPE.A, flags = FLAG.QR, rcode = 0, opt, ...sections }: Reply): Buffer =>
  encodeMessage(
    { id: 7, flags, rcode, question: { name, type, class: IN }, ...EMPTY, ...sections, opt },
    { compress: "always" },
  ).bytes;

function read(bytes: Buffer, query: Query): Message {
  const message = readReply(bytes, query);
  if (typeof message === "string") throw new Error(message);
  return message;
}

const a = (name: Name, address = "192.0.2.1", ttl = 60): RR => record(name, TYPE.A, ttl, rdata.a(address));

t.test("records come out as they went in, names in full", async (t) => {
  const mail = nameOf("Mail.Example.ORG.");
  const sections: Sections = {
    answer: [
      record(WWW, TYPE.CNAME, 60, rdata.cname(nameOf("web.example.net."))),
      record(nameOf("web.example.net."), TYPE.MX, 30, rdata.mx(10, mail)),
      record(nameOf("WEB.example.net."), TYPE.TXT, 2 ** 32 - 1, rdata.txt("a", "", "b".repeat(255))),
      { name: ROOT, type: 65400, class: 3, ttl: 0, rdata: "\0\x01\xff" as Rdata },
    ],
    authority: [
      record(
        nameOf("example.org."),
        TYPE.SOA,
        20,
        rdata.soa(mail, WWW, 1, { refresh: 1, retry: 2, expire: 3, minimum: 4 }),
      ),
    ],
    additional: [a(mail), record(mail, TYPE.AAAA, 5, rdata.aaaa("2001:db8::1"))],
  };
  const message = read(encode(sections), asked());
  t.same(message.sections, sections);
  t.equal(message.body.minTtl, 0);
  t.equal(message.plainSize, new Message(WWW, 0, 0, sections).plainSize);
  t.equal(message.ttl, -1, "TTLs stay");
});

t.test("a body is the same as one made of records", async (t) => {
  for (const sections of [
    { ...EMPTY, answer: [a(WWW)] },
    { ...EMPTY, answer: [a(WWW), a(WWW, "192.0.2.2"), a(WWW, "192.0.2.3", 5)] },
    { ...EMPTY, answer: [a(WWW), record(WWW, TYPE.AAAA, 60, rdata.aaaa("::1"))] },
    { ...EMPTY, answer: [a(WWW), a(nameOf("web.example.org."))] },
    { ...EMPTY, answer: [a(WWW), a(WWW)], additional: [a(WWW)] },
    { ...EMPTY, answer: [a(nameOf("example.org.")), a(nameOf("org."))] },
    EMPTY,
  ] satisfies Sections[]) {
    const { body } = read(encode(sections), asked());
    const made = new Message(WWW, 0, 0, sections).body;
    t.same({ ...body, bytes: "" }, { ...made, bytes: "" });
    t.ok(body.bytes.length <= made.bytes.length + 20, "pointers into the question stay pointers");
  }
});

t.test("header: rcode with its upper bits, flags as they came", async (t) => {
  const opt = { udpSize: 1400, dnssecOk: true, options: [{ code: OPTION.EDE, data: "\0\x0fblocked" }] };
  const all = FLAG.QR | FLAG.AA | FLAG.TC | FLAG.RD | FLAG.RA | FLAG.AD | FLAG.CD;
  const message = read(encode({ flags: all | FLAG.Z, rcode: RCODE.BADCOOKIE, opt }), asked());
  t.equal(message.rcode, RCODE.BADCOOKIE);
  t.equal(message.flags, all & ~FLAG.QR);
  t.same(message.opt, opt);
  t.equal(read(encode({}), asked()).opt, undefined);
});

t.test("the question must be ours, letters aside", async (t) => {
  const query = asked();
  t.equal(readReply(encode({ name: nameOf("web.example.org.") }), query), "mismatch");
  t.equal(readReply(encode({ type: TYPE.AAAA }), query), "mismatch");
  const chaos = encodeMessage({
    id: 7,
    flags: FLAG.QR,
    question: { name: WWW, type: TYPE.A, class: 3 },
    ...EMPTY,
  }).bytes;
  t.equal(readReply(chaos, query), "mismatch");
  t.equal(readReply(encodeMessage({ id: 7, flags: FLAG.QR, ...EMPTY }).bytes, query), "mismatch");
  t.equal(readReply(Buffer.alloc(12), query), "mismatch");
  const upper = nameOf("WWW.Example.org.");
  const message = read(encode({ name: upper, answer: [a(upper)] }), query);
  t.equal(message.question, upper, "pointers stand for its letters");
  t.equal(message.answer[0]!.name, upper);
});

t.test("what can't be read is refused, what is only missing is not", async (t) => {
  const good = encode({ answer: [a(WWW), a(WWW, "192.0.2.2")], additional: [a(nameOf("x."))] });
  for (let end = 12 + WWW.length + 4; end < good.length; end++) {
    const cut = Buffer.from(good.subarray(0, end));
    const decoded = decodeMessage(cut);
    const message = readReply(cut, asked());
    if (decoded.error === undefined) {
      t.same(
        (message as Message).sections,
        { answer: decoded.answer, authority: [], additional: decoded.additional },
        `${end}`,
      );
    } else {
      t.equal(message, "malformed", `${end}`);
    }
  }
  const wrong = encode({ answer: [a(WWW)] });
  wrong.writeUInt16BE(5, wrong.length - 6);
  t.equal(readReply(wrong, asked()), "malformed", "an address of five bytes");
  const loop = encode({ answer: [a(WWW)] });
  loop.writeUInt16BE(0xc000 | (12 + WWW.length + 4), 12 + WWW.length + 4);
  t.equal(readReply(loop, asked()), "malformed", "a name that points at itself");
});

t.test("a pointer into the middle of a label is no name of the question", async (t) => {
  const bytes = encode({ answer: [a(WWW)] });
  // "ww\x07example\x03org": its first letter is no length that ends within the name.
  bytes.writeUInt16BE(0xc000 | 13, 12 + WWW.length + 4);
  const decoded = decodeMessage(bytes);
  const message = readReply(bytes, asked());
  if (decoded.error === undefined) t.same((message as Message).answer, decoded.answer);
  else t.equal(message, "malformed");
});

t.test("names that would fill memory are refused", async (t) => {
  const long = join(nameOf(`${"a".repeat(63)}.`.repeat(3)), nameOf("b."));
  const answer = Array.from({ length: 5000 }, () => record(long, TYPE.NS, 1, rdata.ns(long)));
  const bytes = encode({ answer });
  t.ok(bytes.length < 65535);
  t.equal(readReply(bytes, asked()), "malformed", "2 MiB of names");
  const some = encode({ answer: answer.slice(0, 500) });
  t.equal(read(some, asked()).answer.length, 500);
});

const label = fc.string({ unit: fc.constantFrom("a", "B", "-", "1"), minLength: 1, maxLength: 6 });
const names: fc.Arbitrary<Name> = fc
  .array(label, { maxLength: 3 })
  .map((labels) => nameOf([...labels, "example.org."].join(".")));
const records: fc.Arbitrary<RR> = fc
  .tuple(names, fc.nat(2 ** 32 - 1), names, fc.constantFrom("a", "aaaa", "cname", "mx", "txt", "srv"))
  .map(([name, ttl, target, kind]) => {
    switch (kind) {
      case "a":
        return record(name, TYPE.A, ttl, rdata.a("192.0.2.7"));
      case "aaaa":
        return record(name, TYPE.AAAA, ttl, rdata.aaaa("2001:db8::7"));
      case "cname":
        return record(name, TYPE.CNAME, ttl, rdata.cname(target));
      case "mx":
        return record(name, TYPE.MX, ttl, rdata.mx(1, target));
      case "srv":
        return record(name, TYPE.SRV, ttl, rdata.srv(1, 2, 3, target));
      default:
        return record(name, TYPE.TXT, ttl, rdata.txt("text"));
    }
  });

t.test("any message: the same as decoded, and what is mutated is read alike or refused", async () => {
  fc.assert(
    fc.property(
      names,
      fc.array(records, { maxLength: 6 }),
      fc.array(records, { maxLength: 3 }),
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 3 }),
      (name, answer, additional, mutations) => {
        const bytes = encode({
          name,
          answer,
          additional,
          opt: { udpSize: 1232, dnssecOk: false, options: [] },
        });
        for (const [at, value] of mutations) bytes[at % bytes.length] = value;
        const query = asked(name);
        const message = readReply(bytes, query);
        const decoded = decodeMessage(bytes);
        if (typeof message === "string") {
          const { question } = decoded;
          const isOurs =
            question !== undefined && lower(question.name) === query.name && question.type === query.type;
          return (
            decoded.error !== undefined || !isOurs || bytes.readUInt16BE(4) !== 1 || question.class !== IN
          );
        }
        if (decoded.error !== undefined) return false;
        const { answer: a1, authority: a2, additional: a3 } = decoded;
        return (
          JSON.stringify(message.sections) === JSON.stringify({ answer: a1, authority: a2, additional: a3 })
        );
      },
    ),
    { numRuns: 3000 },
  );
});

t.test("what did not fit leaves nothing but TC", async (t) => {
  const message = truncatedReply(encode({ flags: FLAG.QR | FLAG.RA, answer: [a(WWW)] }), asked());
  t.same(message.sections, EMPTY);
  t.equal(message.flags, FLAG.RA | FLAG.TC);
});

t.test("the query that goes up: the client's question in its letters, its flags and EDNS", async (t) => {
  const name = nameOf("WwW.Example.Org.");
  const options = [
    { code: OPTION.ECS, data: "\0\x01\x18\0\xc0\0\x02" },
    { code: OPTION.COOKIE, data: "12345678" },
  ];
  const flags = FLAG.RD | FLAG.AD | FLAG.CD;
  const opt = { udpSize: 1400, dnssecOk: true, options };
  const { bytes } = encodeMessage({
    id: 99,
    flags: flags | FLAG.TC | FLAG.Z,
    question: { name, type: TYPE.HTTPS, class: IN },
    ...EMPTY,
    opt,
  });
  const query = new Query();
  parseQuery(query, bytes, 0, bytes.length);
  const sent = decodeMessage(queryPacket(query));
  if (sent.error !== undefined) throw new Error(sent.error);
  t.same(sent.question, { name, type: TYPE.HTTPS, class: IN });
  t.equal(sent.flags, flags);
  t.equal(sent.id, 0);
  t.same(sent.opt, { ...opt, version: 0 });
  const plain = decodeMessage(queryPacket(asked()));
  t.equal(plain.error === undefined && plain.opt, undefined);
});
