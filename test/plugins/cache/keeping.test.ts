/** Which answers are kept, and for how long. */
import t from "tap";
import { reply, serverFailure, type Answer } from "../../../src/dns/message.ts";
import { nameOf } from "../../../src/dns/name.ts";
import type { Query } from "../../../src/dns/query.ts";
import { rdata, record } from "../../../src/dns/records.ts";
import type { Rdata, RR } from "../../../src/dns/rr.ts";
import { FLAG, RCODE, TYPE } from "../../../src/dns/types.ts";
import { a, failure, nodata, nxdomain, serve, soa } from "./harness.ts";

const ZONE = nameOf("example.org.");
const OTHER = nameOf("other.example.org.");
const alias = (query: Query, to = OTHER): RR => record(query.rawName, TYPE.CNAME, 60, rdata.cname(to));
const address = (name = OTHER): RR => record(name, TYPE.A, 60, rdata.a("192.0.2.9"));
const ns = (query: Query): RR => record(query.rawName, TYPE.NS, 60, rdata.ns(OTHER));
/** An RRSIG that is good from `from` to `to`. */
const signature = (query: Query, from: number, to: number): RR => {
  const fixed = Buffer.alloc(18);
  fixed.writeUInt16BE(TYPE.A, 0);
  fixed.writeUInt32BE(to >>> 0, 8);
  fixed.writeUInt32BE(from >>> 0, 12);
  return record(query.rawName, TYPE.RRSIG, 60, (fixed.toString("latin1") + "\0sig") as Rdata);
};
const NOW = 1_800_000_000;

const kept: readonly (readonly [what: string, make: (query: Query) => Answer, isKept: boolean])[] = [
  ["an answer", (q) => a(q, 60), true],
  ["an answer at the end of aliases", (q) => reply(q, 0, 0, { answer: [alias(q), address()] }), true],
  ["aliases in the wrong order", (q) => reply(q, 0, 0, { answer: [address(), alias(q)] }), true],
  ["NOERROR without any record", (q) => reply(q, 0, 0), true],
  ["NODATA with an SOA (RFC 2308 §2.2)", (q) => nodata(q, 60), true],
  ["NXDOMAIN with an SOA (RFC 2308 §2.1)", (q) => nxdomain(q, 60), true],
  ["a referral", (q) => reply(q, 0, 0, { authority: [ns(q)] }), true],
  ["SERVFAIL from an upstream (RFC 2308 §7.1)", (q) => failure(q), true],
  ["NOTIMP", (q) => failure(q, RCODE.NOTIMP), true],
  [
    "an alias that leads nowhere, with an SOA",
    (q) => reply(q, 0, 0, { answer: [alias(q)], authority: [soa(ZONE, 60)] }),
    true,
  ],
  ["data in the additional section alone", (q) => reply(q, 0, 0, { additional: [address(q.rawName)] }), true],

  ["NXDOMAIN without an SOA (RFC 2308 §5)", (q) => reply(q, RCODE.NXDOMAIN, 0), false],
  ["an alias that leads nowhere", (q) => reply(q, 0, 0, { answer: [alias(q)] }), false],
  [
    "an alias with two targets (RFC 2181 §10.1)",
    (q) => reply(q, 0, 0, { answer: [alias(q), alias(q, ZONE), address(), address(ZONE)] }),
    false,
  ],
  [
    "aliases in a circle",
    (q) => reply(q, 0, 0, { answer: [alias(q), record(OTHER, TYPE.CNAME, 60, rdata.cname(q.name))] }),
    false,
  ],
  ["records of another name", (q) => reply(q, 0, 0, { answer: [address()] }), false],
  [
    "records of another type",
    (q) => reply(q, 0, 0, { answer: [record(q.rawName, TYPE.TXT, 60, rdata.txt("x"))] }),
    false,
  ],
  [
    "NXDOMAIN behind an alias",
    (q) => reply(q, RCODE.NXDOMAIN, 0, { answer: [alias(q)], authority: [soa(ZONE, 60)] }),
    false,
  ],
  ["REFUSED", (q) => failure(q, RCODE.REFUSED), false],
  ["FORMERR", (q) => failure(q, RCODE.FORMERR), false],
  ["YXDOMAIN", (q) => failure(q, RCODE.YXDOMAIN), false],
  ["a truncated answer", (q) => reply(q, 0, FLAG.TC, { answer: [address(q.rawName)] }), false],
  ["a failure of the server's own", () => serverFailure("no"), false],
  ["an answer to another question", (q) => a(q.with({ name: OTHER }), 60), false],
];

t.test("what is kept", async (t) => {
  for (const [what, make, isKept] of kept) {
    const server = await serve(t, "cache", make);
    await server.ask("www.example.org A");
    await server.ask("www.example.org A");
    t.equal(server.asked.length, isKept ? 1 : 2, what);
  }
});

t.test("signatures that are not good now are not kept for those who check them", async (t) => {
  for (const [what, from, to, isKept] of [
    ["good", NOW - 60, NOW + 60, true],
    ["expired", NOW - 60, NOW - 1, false],
    ["not yet good", NOW + 60, NOW + 120, false],
  ] as const) {
    const server = await serve(t, "cache", (q) => {
      const answer = reply(q, 0, 0, { answer: [address(q.rawName), signature(q, from, to)] });
      return answer.with({ opt: { udpSize: 1232, dnssecOk: q.dnssecOk, options: [] } });
    });
    for (const dnssecOk of [true, true, false, false]) await server.ask("www.example.org A", { dnssecOk });
    t.equal(server.asked.length, isKept ? 2 : 3, what);
  }
});

t.test("all TTLs become the least, within bounds, from the first reply on", async (t) => {
  const times: readonly (readonly [line: string, ttl: number, wanted: number])[] = [
    ["cache", 300, 300],
    ["cache", 2, 5],
    ["cache", 0, 5],
    ["cache", 100_000, 3600],
    ["cache 40", 300, 40],
    ["cache 40", 30, 30],
    ["cache {\nsuccess 1024 30 10\n}", 7, 10],
    ["cache {\nsuccess 1024 30 10\n}", 300, 30],
    ["cache {\nsuccess 1024 3600 0\n}", 0, 0],
    ["cache {\ndenial 1024 3 1\n}", 300, 300],
  ];
  for (const [line, ttl, wanted] of times) {
    const server = await serve(t, line, (q) => a(q, ttl));
    t.equal(await server.text("www.example.org A"), `A 192.0.2.1/${wanted}`, `${line}: ${ttl}`);
  }
  const denials: readonly (readonly [line: string, ttl: number, wanted: number])[] = [
    ["cache", 300, 300],
    ["cache", 2, 5],
    ["cache", 90_000, 1800],
    ["cache 40", 300, 40],
    ["cache {\ndenial 1024 15 7\n}", 1, 7],
    ["cache {\ndenial 1024 15 7\n}", 300, 15],
  ];
  for (const [line, ttl, wanted] of denials) {
    const nx = await serve(t, line, (q) => nxdomain(q, ttl));
    t.equal(await nx.text("www.example.org A"), `NXDOMAIN/${wanted}`, `${line}: NXDOMAIN ${ttl}`);
    const none = await serve(t, line, (q) => nodata(q, ttl));
    t.equal(await none.text("www.example.org A"), `NOERROR/${wanted}`, `${line}: NODATA ${ttl}`);
  }
  const mixed = await serve(t, "cache", (q) =>
    reply(q, 0, 0, {
      answer: [record(q.rawName, TYPE.A, 600, rdata.a("192.0.2.1"))],
      authority: [record(ZONE, TYPE.NS, 30, rdata.ns(OTHER))],
      additional: [record(OTHER, TYPE.A, 10, rdata.a("192.0.2.9"))],
    }),
  );
  for (let i = 0; i < 2; i++) {
    const { answers, authorities, additionals } = await mixed.ask("www.example.org A");
    t.same(
      [answers, authorities, additionals].map(([one]) => one!.ttl),
      [10, 10, 10],
    );
  }
});

t.test("TTLs count down in whole seconds, and an entry is gone at 0", async (t) => {
  const server = await serve(t, "cache", (q) => a(q, 10));
  const seen: string[] = [];
  for (const later of [0, 0.9, 0.2, 3.9, 4.9, 0.1]) {
    server.clock += later;
    seen.push(await server.text("www.example.org A"));
  }
  t.same(
    seen,
    ["10", "10", "9", "5", "1", "10"].map((ttl) => `A 192.0.2.1/${ttl}`),
  );
  t.equal(server.asked.length, 2);
});

t.test("keepttl shows the TTL that was stored, and ends as without", async (t) => {
  const server = await serve(t, "cache {\nkeepttl\n}", (q) => a(q, 10));
  const seen: string[] = [];
  for (const later of [0, 9, 1]) {
    server.clock += later;
    seen.push(await server.text("www.example.org A"));
  }
  t.same(seen, ["A 192.0.2.1/10", "A 192.0.2.1/10", "A 192.0.2.1/10"]);
  t.equal(server.asked.length, 2);
});

t.test("servfail says how long failures are kept", async (t) => {
  for (const [line, seconds] of [
    ["cache", 5],
    ["cache {\nservfail 2s\n}", 2],
    ["cache {\nservfail 0\n}", 0],
    ["cache 1", 5],
  ] as const) {
    const server = await serve(t, line, (q) => failure(q));
    await server.ask("www.example.org A");
    if (seconds > 0) {
      server.clock += seconds - 0.1;
      t.ok((await server.ask("www.example.org A")).flag_aa, `${line}: from the cache`);
      t.equal(server.asked.length, 1, line);
      server.clock += 0.1;
    }
    t.notOk((await server.ask("www.example.org A")).flag_aa, `${line}: anew`);
    t.equal(server.asked.length, 2, line);
  }
});

t.test("a kept failure does not hide an answer that is still good", async (t) => {
  let fails = false;
  const server = await serve(t, "cache {\nprefetch 1 1m 90%\n}", (q) => (fails ? failure(q) : a(q, 10)));
  await server.ask("www.example.org A");
  fails = true;
  server.clock += 5;
  // Fetched anew behind the reply, and that failed.
  t.equal(await server.text("www.example.org A"), "A 192.0.2.1/5");
  await new Promise((resolve) => setImmediate(resolve));
  t.equal(server.asked.length, 2);
  t.equal(await server.text("www.example.org A"), "A 192.0.2.1/5");
});

t.test("disable leaves out a kind, everywhere or in some zones", async (t) => {
  const script = (q: Query): Answer => (q.name.startsWith("\x02nx") ? nxdomain(q, 60) : a(q, 60));
  const count = async (line: string, names: readonly string[]): Promise<string> => {
    const server = await serve(t, line, script);
    const counts: number[] = [];
    for (const name of names) {
      const before = server.asked.length;
      for (let i = 0; i < 2; i++) await server.ask(`${name} A`);
      counts.push(server.asked.length - before);
    }
    return counts.join(" ");
  };
  const names = ["www.example.org", "nx.example.org", "www.sub.example.org", "nx.sub.example.org"];
  t.equal(await count("cache {\ndisable denial\n}", names), "1 2 1 2");
  t.equal(await count("cache {\ndisable success sub.example.org\n}", names), "1 1 2 1");
  t.equal(
    await count("cache {\ndisable success sub.example.org\ndisable denial SUB.example.org\n}", names),
    "1 1 2 2",
  );
  t.equal(await count("cache sub.example.org", names), "2 2 1 1");
  const server = await serve(t, "cache 30 sub.example.org", script);
  t.equal(await server.text("www.example.org A"), "A 192.0.2.1/60", "other zones pass by untouched");
  t.equal(await server.text("www.sub.example.org A"), "A 192.0.2.1/30");
});
