/** How much is kept, and what a change of the cluster does to it. */
import t from "tap";
import type { AnswerGenerations } from "../../../src/capabilities.ts";
import { reply, type Answer } from "../../../src/dns/message.ts";
import { nameOf } from "../../../src/dns/name.ts";
import type { Query } from "../../../src/dns/query.ts";
import { rdata, record } from "../../../src/dns/records.ts";
import { TYPE } from "../../../src/dns/types.ts";
import { a, nxdomain, serve, settle } from "./harness.ts";

const LABELS = 'server="dns://:53"';
const kind = (what: string, type: string): string =>
  `coredns_cache_${what}{${LABELS},type="${type}",view="",zones="."}`;

t.test("a capacity is at least 1024, and rounded down to a multiple of 256", async (t) => {
  for (const [capacity, wanted] of [
    [1, 1024],
    [1300, 1280],
    [2048, 2048],
  ] as const) {
    const server = await serve(t, `cache {\nsuccess ${capacity}\ndenial 0\n}`, (q) => a(q, 60));
    for (let i = 0; i < wanted + 10; i++) await server.ask(`h${i}.example.org A`);
    const metrics = await server.metrics();
    t.equal(metrics.get(kind("entries", "success")), wanted, `${capacity}`);
    t.equal(metrics.get(kind("evictions_total", "success")), 10, `${capacity}`);
    t.equal(metrics.get(kind("entries", "denial")), 0);
  }
});

t.test("what was not asked for longest goes first; denials don't push answers out", async (t) => {
  const server = await serve(t, "cache {\nsuccess 1024\ndenial 1024\n}", (q) =>
    q.name.startsWith("\x02nx") ? nxdomain(q, 60) : a(q, 60),
  );
  for (let i = 0; i < 1024; i++) await server.ask(`h${i}.example.org A`);
  await server.ask("h0.example.org A");
  for (let i = 0; i < 3000; i++) await server.ask(`nx.h${i}.example.org A`);
  await server.ask("new.example.org A");
  const before = server.asked.length;
  await server.ask("h0.example.org A");
  t.equal(server.asked.length, before, "used of late");
  await server.ask("h1.example.org A");
  t.equal(server.asked.length, before + 1, "used longest ago");
});

t.test("max_bytes bounds large answers", async (t) => {
  const large = (q: Query): Answer =>
    reply(q, 0, 0, {
      answer: Array.from({ length: 100 }, (_, i) => record(q.rawName, TYPE.A, 60, rdata.a(`10.0.0.${i}`))),
    });
  const server = await serve(t, "cache {\nmax_bytes 64KiB\n}", large);
  for (let i = 0; i < 100; i++) await server.ask(`h${i}.example.org A`, { protocol: "tcp" });
  const entries = (await server.metrics()).get(kind("entries", "success"))!;
  // 100 records of 16 bytes at least, kept once or twice.
  t.ok(entries > 10 && entries < 41, `${entries} entries`);
});

t.test("metrics under CoreDNS's names", async (t) => {
  const server = await serve(
    t,
    "cache",
    (q) =>
      q.name.startsWith("\x02nx")
        ? nxdomain(q, 60)
        : q.name.startsWith("\x05other")
          ? a(q.with({ name: nameOf("x.") }), 60)
          : a(q, 60),
    { zone: "example.org example.com" },
  );
  t.equal((await server.metrics()).size, 0, "a series begins with its first event");
  for (const name of ["www", "www", "www", "nx", "nx", "other"]) await server.ask(`${name}.example.org A`);
  const labels = `server="dns://:53",view="",zones="example.org.,example.com."`;
  const typed = (type: string): string =>
    `server="dns://:53",type="${type}",view="",zones="example.org.,example.com."`;
  const wanted = {
    [`coredns_cache_requests_total{${labels}}`]: 6,
    [`coredns_cache_misses_total{${labels}}`]: 3,
    [`coredns_cache_drops_total{${labels}}`]: 1,
    [`coredns_cache_hits_total{${typed("success")}}`]: 2,
    [`coredns_cache_hits_total{${typed("denial")}}`]: 1,
    [`coredns_cache_entries{${typed("success")}}`]: 1,
    [`coredns_cache_entries{${typed("denial")}}`]: 1,
  };
  t.same(Object.fromEntries(await server.metrics()), wanted);
  t.same(Object.fromEntries(await server.metrics()), wanted, "a scrape changes nothing");
});

/** A cluster of two services: slot 1 is `web`, slot 2 `db`, and names outside it have none. */
function cluster(): AnswerGenerations & { change(slot: number): void } {
  const numbers = new Uint32Array(3);
  return {
    numbers,
    slotFor: (name) => (name.startsWith("\x03web") ? 1 : name.startsWith("\x02db") ? 2 : undefined),
    change: (slot) => void numbers[slot]!++,
  };
}

t.test("a change of the cluster voids answers and denials at once, and no others", async (t) => {
  const generations = cluster();
  const exists = new Set<string>();
  const script = (q: Query): Answer => (exists.has(q.name.slice(1, 3)) ? a(q, 60) : nxdomain(q, 60));
  const server = await serve(t, "cache {\nserve_stale\n}", script, { generations });
  t.equal(await server.text("web.shop A"), "NXDOMAIN/60");
  t.equal(await server.text("db.shop A"), "NXDOMAIN/60");
  t.equal(await server.text("out.example.org A"), "NXDOMAIN/60");
  exists.add("we").add("db").add("ou");
  generations.change(1);
  t.equal(await server.text("web.shop A"), "A 192.0.2.1/60", "the Service that was not there a moment ago");
  t.equal(await server.text("db.shop A"), "NXDOMAIN/60", "nobody said that this one changed");
  t.equal(await server.text("out.example.org A"), "NXDOMAIN/60");
  exists.delete("we");
  generations.change(1);
  t.equal(await server.text("web.shop A"), "NXDOMAIN/60", "nor is a voided answer given as a stale one");
});

t.test("an answer that was asked for before a change is not kept after it", async (t) => {
  const generations = cluster();
  let end: ((answer: Answer) => void) | undefined;
  const server = await serve(
    t,
    "cache",
    (q, n) => (n === 1 ? new Promise((resolve) => (end = resolve)) : a(q, 60, "192.0.2.2")),
    { generations },
  );
  const first = server.text("web.shop A");
  await settle();
  generations.change(1);
  end!(a(server.queries[0]!, 60));
  t.equal(await first, "A 192.0.2.1/60");
  t.equal(await server.text("web.shop A"), "A 192.0.2.2/60");
  t.equal(await server.text("web.shop A"), "A 192.0.2.2/60");
  t.equal(server.asked.length, 2);
});

t.test("lines that can't be are refused, with their place", async (t) => {
  for (const [line, wanted] of [
    ["cache 0", /^Corefile:2: cache: /],
    ["cache -5", /^Corefile:2: cache: /],
    ["cache {\nsuccess 100 0\n}", /^Corefile:3: cache: success/],
    ["cache {\nprefetch 5 10\n}", /^Corefile:3: cache: prefetch: .*duration/],
    ["cache {\nprefetch 5 1m 91%\n}", /^Corefile:3: cache: prefetch: .*10% to 90%/],
    ["cache {\nserve_stale -1h\n}", /^Corefile:3: cache: serve_stale/],
    ["cache {\nserve_stale 1h immediate 1500ms\n}", /^Corefile:3: cache: serve_stale: .*whole seconds/],
    ["cache {\nserve_stale 1h later\n}", /^Corefile:3: cache: serve_stale: .*immediate or verify/],
    [
      "cache {\nserve_stale_policy prefer_positive\n}",
      /^Corefile:3: cache: .*needs serve_stale|^Corefile:3: cache: .*without serve_stale/,
    ],
    ["cache {\nservfail 6m\n}", /^Corefile:3: cache: servfail/],
    [
      "cache {\ndisable everything\n}",
      /^Corefile:3: cache: disable: .*success, denial|^Corefile:3: cache: disable/,
    ],
    ["cache {\nede\n}", /^Corefile:2: cache: ede does nothing without serve_stale/],
    ["cache\ncache", /^Corefile:3: cache: .*once/],
  ] as const) {
    await t.rejects(
      serve(t, line, (q) => a(q, 60)),
      { message: wanted },
      line,
    );
  }
});
