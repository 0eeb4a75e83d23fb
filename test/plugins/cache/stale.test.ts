/** serve_stale and its policies (RFC 8767), and prefetch: what happens around the end of an entry's time. */
import { setTimeout as sleep } from "node:timers/promises";
import t from "tap";
import { DROP, reply, serverFailure, type Answer } from "../../../src/dns/message.ts";
import type { Query } from "../../../src/dns/query.ts";
import { FLAG, RCODE } from "../../../src/dns/types.ts";
import { a, failure, nodata, nxdomain, serve, settle } from "./harness.ts";

/** An answer whose last octet counts the questions. */
const counting =
  (ttl: number) =>
  (query: Query, n: number): Answer =>
    a(query, ttl, `192.0.2.${n}`);
const shown = (n: number, ttl: number): string => `A 192.0.2.${n}/${ttl}`;
const LOW = "success 1024 3600 1\ndenial 1024 1800 1";

t.test("immediate: an expired answer goes out with TTL 0, and the source is asked behind it", async (t) => {
  const server = await serve(t, `cache {\n${LOW}\nserve_stale\n}`, counting(10));
  await server.ask("www.example.org A");
  server.clock += 10;
  t.equal(await server.text("www.example.org A"), shown(1, 0));
  await settle();
  t.same(server.asked.length, 2);
  t.equal(await server.text("www.example.org A"), shown(2, 10));
  t.equal(
    (await server.metrics()).get('coredns_cache_served_stale_total{server="dns://:53",view="",zones="."}'),
    1,
  );
});

t.test("an entry is given for less than DURATION after its end", async (t) => {
  for (const [line, after, isGiven] of [
    ["serve_stale", 3599, true],
    ["serve_stale", 3600, false],
    ["serve_stale 2s", 1.9, true],
    ["serve_stale 2s", 2, false],
    ["serve_stale 0s", 0, false],
    ["servfail 5s", 0, false],
  ] as const) {
    const server = await serve(t, `cache {\n${LOW}\n${line}\n}`, counting(10));
    await server.ask("www.example.org A");
    server.clock += 10 + after;
    t.equal(
      await server.text("www.example.org A"),
      isGiven ? shown(1, 0) : shown(2, 10),
      `${line}: ${after}`,
    );
  }
});

t.test(
  "what is asked behind the client's back is asked once, over TCP, and does not fail aloud",
  async (t) => {
    let answer: ((answer: Answer) => void) | undefined;
    const server = await serve(t, `cache {\n${LOW}\nserve_stale\n}`, (q, n) =>
      n === 1 ? a(q, 10) : new Promise((resolve) => (answer = resolve)),
    );
    await server.ask("www.example.org A");
    server.clock += 10;
    for (let i = 0; i < 5; i++) t.equal(await server.text("www.example.org A"), "A 192.0.2.1/0");
    t.equal(server.asked.length, 2);
    t.equal(server.queries[1]!.peer.protocol, "tcp", "no datagram limits what is kept");
    answer!(failure(server.queries[1]!));
    await settle();
    t.equal(
      await server.text("www.example.org A"),
      "A 192.0.2.1/0",
      "the failure did not displace the answer",
    );
    await settle();
    t.equal(server.asked.length, 3, "and it is tried again");
  },
);

t.test("a plugin that throws behind the client's back is reported", async (t) => {
  const server = await serve(t, `cache {\n${LOW}\nserve_stale\n}`, (q, n) => {
    if (n > 1) throw new Error("broken");
    return a(q, 10);
  });
  await server.ask("www.example.org A");
  server.clock += 10;
  t.equal(await server.text("www.example.org A"), "A 192.0.2.1/0");
  await settle();
  t.match(server.log.join("\n"), /refreshing www\.example\.org\. failed: Error: broken/);
});

t.test("only data takes the place of an expired answer (RFC 8767 §4)", async (t) => {
  const second: readonly (readonly [what: string, make: (q: Query) => Answer, wanted: string])[] = [
    ["another answer", (q) => a(q, 10, "192.0.2.2"), "A 192.0.2.2/10"],
    ["NXDOMAIN", (q) => nxdomain(q, 20), "NXDOMAIN/20"],
    ["NODATA", (q) => nodata(q, 20), "NOERROR/20"],
    ["SERVFAIL", (q) => failure(q), "A 192.0.2.1/0"],
    ["REFUSED", (q) => failure(q, RCODE.REFUSED), "A 192.0.2.1/0"],
    ["a failure of the server's own", () => serverFailure("no"), "A 192.0.2.1/0"],
    ["silence", () => DROP, "A 192.0.2.1/0"],
    ["a truncated answer", (q) => reply(q, 0, FLAG.TC), "A 192.0.2.1/0"],
  ];
  for (const [what, make, wanted] of second) {
    const server = await serve(t, `cache {\n${LOW}\nserve_stale\n}`, (q, n) =>
      n === 1 ? a(q, 10) : make(q),
    );
    await server.ask("www.example.org A");
    server.clock += 10;
    t.equal(await server.text("www.example.org A"), "A 192.0.2.1/0", what);
    await settle();
    t.equal(await server.text("www.example.org A"), wanted, what);
  }
});

t.test("an answer ends an expired denial", async (t) => {
  const server = await serve(t, `cache {\n${LOW}\nserve_stale\n}`, (q, n) =>
    n === 1 ? nxdomain(q, 10) : a(q, 10),
  );
  t.equal(await server.text("www.example.org A"), "NXDOMAIN/10");
  server.clock += 10;
  t.equal(await server.text("www.example.org A"), "NXDOMAIN/0");
  await settle();
  t.equal(await server.text("www.example.org A"), "A 192.0.2.1/10");
});

t.test(
  "RESPONSE_TTL is the TTL of stale answers, and FAILURE_RECHECK holds further tries back",
  async (t) => {
    const server = await serve(t, `cache {\n${LOW}\nserve_stale 1h immediate 30s 20s\n}`, (q, n) =>
      n === 1 || n > 3 ? a(q, 10, `192.0.2.${n}`) : failure(q),
    );
    await server.ask("www.example.org A");
    server.clock += 10;
    const tries: number[] = [];
    for (const later of [0, 19, 1, 0, 20]) {
      server.clock += later;
      t.equal(await server.text("www.example.org A"), shown(1, 30));
      await settle();
      tries.push(server.asked.length - 1);
    }
    t.same(tries, [1, 1, 2, 2, 3]);
    t.equal(await server.text("www.example.org A"), shown(4, 10));
  },
);

t.test("verify: the source is asked first, the stale answer is for when that fails", async (t) => {
  const server = await serve(t, `cache {\n${LOW}\nserve_stale 1h verify\n}`, (q, n) =>
    n === 2 ? failure(q) : a(q, 10, `192.0.2.${n}`),
  );
  await server.ask("www.example.org A");
  server.clock += 10;
  t.equal(await server.text("www.example.org A"), shown(1, 0));
  t.equal(await server.text("www.example.org A"), shown(3, 10));
  t.equal(await server.text("www.example.org A"), shown(3, 10));
  t.equal(server.asked.length, 3);
});

t.test("verify TIMEOUT: the client waits so long, and what comes later is kept", async (t) => {
  let late: ((answer: Answer) => void) | undefined;
  const server = await serve(t, `cache {\n${LOW}\nserve_stale 1h verify 40ms 7s\n}`, (q, n) => {
    if (n === 2) return new Promise((resolve) => (late = resolve));
    if (n === 3) return sleep(5).then(() => a(q, 10, "192.0.2.3"));
    return a(q, 10);
  });
  await server.ask("www.example.org A");
  server.clock += 10;
  t.equal(await server.text("www.example.org A"), "A 192.0.2.1/7");
  late!(a(server.queries[1]!, 10, "192.0.2.2"));
  await settle();
  t.equal(
    await server.text("www.example.org A"),
    "A 192.0.2.2/10",
    "came too late for the client, and in time for the next",
  );
  server.clock += 10;
  t.equal(await server.text("www.example.org A"), "A 192.0.2.3/10", "in time");
});

t.test("verify with FAILURE_RECHECK: while a try is under way or was in vain, nobody waits", async (t) => {
  let end: ((answer: Answer) => void) | undefined;
  const server = await serve(t, `cache {\n${LOW}\nserve_stale 1h verify 0 5s 30s\n}`, (q, n) =>
    n === 1 ? a(q, 10) : new Promise((resolve) => (end = resolve)),
  );
  await server.ask("www.example.org A");
  server.clock += 10;
  const first = server.text("www.example.org A");
  await settle();
  t.equal(await server.text("www.example.org A"), "A 192.0.2.1/5");
  end!(failure(server.queries[1]!));
  t.equal(await first, "A 192.0.2.1/5");
  server.clock += 29;
  t.equal(await server.text("www.example.org A"), "A 192.0.2.1/5");
  t.equal(server.asked.length, 2);
  server.clock += 1;
  const second = server.text("www.example.org A");
  await settle();
  t.equal(server.asked.length, 3);
  end!(a(server.queries[2]!, 10, "192.0.2.8"));
  t.equal(await second, "A 192.0.2.8/10");
});

t.test("prefer_positive: an answer, expired or not, is preferred to a denial", async (t) => {
  const line = `cache {\n${LOW}\nservfail 0\nserve_stale 30s\nserve_stale_policy prefer_positive\n}`;
  let now: (q: Query) => Answer = (q) => a(q, 10);
  const server = await serve(t, line, (q) => now(q));
  await server.ask("www.example.org A");
  for (const denial of [
    (q: Query) => nxdomain(q, 100),
    (q: Query) => nodata(q, 100),
    (q: Query) => reply(q, 0, 0),
    (q: Query) => failure(q),
  ]) {
    server.clock += 10;
    now = denial;
    t.equal(await server.text("www.example.org A"), "A 192.0.2.1/0");
    await settle();
    t.equal(await server.text("www.example.org A"), "A 192.0.2.1/0", "what came is no answer");
    now = (q) => a(q, 10);
    await settle();
    await server.text("www.example.org A");
    await settle();
    t.equal(await server.text("www.example.org A"), "A 192.0.2.1/10");
  }
  now = (q) => nxdomain(q, 100);
  server.clock += 10 + 30;
  t.equal(await server.text("www.example.org A"), "NXDOMAIN/100", "but for longer than it may be stale");
});

t.test("without the policy a denial of later takes the place of an answer", async (t) => {
  const server = await serve(t, `cache {\n${LOW}\nserve_stale 30s\n}`, (q, n) =>
    n === 1 ? a(q, 10) : nxdomain(q, 100),
  );
  await server.ask("www.example.org A");
  server.clock += 10;
  await server.ask("www.example.org A");
  await settle();
  t.equal(await server.text("www.example.org A"), "NXDOMAIN/100");
});

t.test("ede: stale answers say that they are, to clients with EDNS", async (t) => {
  const server = await serve(t, `cache {\n${LOW}\nserve_stale 1h immediate 30s\nede\n}`, (q, n) =>
    n > 2 ? failure(q) : q.name.startsWith("\x02nx") ? nxdomain(q, 10) : a(q, 10),
  );
  const code = async (name: string, edns: boolean): Promise<unknown> => {
    const opt = (await server.ask(`${name} A`, { edns })).additionals.find(({ type }) => type === "OPT");
    return opt?.options?.map((option) => [option.code, option["data"]]) ?? "no OPT";
  };
  for (const name of ["www.example.org", "nx.example.org"]) t.same(await code(name, true), [], "fresh");
  server.clock += 10;
  t.same(await code("www.example.org", true), [[15, Buffer.from([0, 3])]]);
  t.same(await code("nx.example.org", true), [[15, Buffer.from([0, 19])]]);
  t.equal(await code("www.example.org", false), "no OPT");
});

t.test("prefetch: what is asked for often is fetched anew shortly before its end", async (t) => {
  const server = await serve(t, "cache {\nprefetch 3 1m 20%\n}", counting(100));
  const ask = async (later: number): Promise<string> => {
    server.clock += later;
    const text = await server.text("www.example.org A");
    await settle();
    return text;
  };
  t.equal(await ask(0), shown(1, 100));
  t.equal(await ask(40), shown(1, 60));
  t.equal(await ask(39), shown(1, 21), "hits enough are not enough");
  t.equal(server.asked.length, 1);
  t.equal(await ask(1), shown(1, 20), "the third hit, with a fifth of the time left");
  t.equal(server.asked.length, 2);
  t.equal(server.queries[1]!.peer.protocol, "tcp");
  t.equal(await ask(0), shown(2, 100));
  t.equal(await ask(40), shown(2, 60));
  t.equal(await ask(40), shown(2, 20), "popularity is not forgotten");
  t.equal(server.asked.length, 3);
  t.equal(
    (await server.metrics()).get('coredns_cache_prefetch_total{server="dns://:53",view="",zones="."}'),
    2,
  );
});

t.test("prefetch: a gap of DURATION begins the count anew; the last second counts as well", async (t) => {
  const server = await serve(t, "cache {\nprefetch 2 10s\n}", counting(100));
  const ask = async (later: number): Promise<void> => {
    server.clock += later;
    await server.ask("www.example.org A");
    await settle();
  };
  await ask(0);
  await ask(80);
  await ask(15);
  t.equal(server.asked.length, 1, "two hits with a gap of 15 seconds");
  await ask(3);
  t.equal(server.asked.length, 2);
  const short = await serve(t, "cache {\nsuccess 1024 3600 1\nprefetch 1\n}", counting(2));
  await short.ask("www.example.org A");
  short.clock += 1;
  await short.ask("www.example.org A");
  await settle();
  t.equal(short.asked.length, 2, "ten percent of two seconds is the last second");
});
