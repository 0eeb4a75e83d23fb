/** forward in a server: what passes, who is asked and in which order, what becomes of failures. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import dnsPacket from "dns-packet";
import t, { type Test } from "tap";
import { createSocketlessServer } from "../../../src/api/create-server.ts";
import { QUERY_TIME, UPSTREAM_TAP, type UpstreamExchange } from "../../../src/capabilities.ts";
import { reply } from "../../../src/dns/message.ts";
import { ROOT } from "../../../src/dns/name.ts";
import { FLAG, RCODE } from "../../../src/dns/types.ts";
import { definePlugin, type Plugin } from "../../../src/plugin.ts";
import {
  addressReply,
  closedPort,
  fakeUpstream,
  replyTo,
  type FakeUpstream,
  type Packet,
  type Received,
} from "../../upstream/fake-upstream.ts";

interface Ask {
  readonly flags?: number;
  readonly protocol?: "udp" | "tcp";
  readonly edns?: number;
  readonly options?: readonly { readonly code: number; readonly data: Buffer }[];
  readonly id?: number;
}

interface ServeOptions {
  readonly zone?: string;
  readonly beside?: string;
  readonly plugins?: readonly Plugin[];
  readonly random?: () => number;
}

/** `lines`: the `forward` lines of the server block. */
async function serve(
  t: Test,
  lines: string,
  { zone = ".", beside = "", plugins = [], random }: ServeOptions = {},
) {
  const log: string[] = [];
  const server = createSocketlessServer({
    corefile: `${zone} {\nerrors\n${lines}\n${beside}\n}\n`,
    plugins,
    log: (level, text) => log.push(`[${level}] ${text}`),
    ...(random === undefined ? {} : { random }),
  });
  t.teardown(() => server.close());
  await server.listen();
  const ask = async (
    name: string,
    { flags = FLAG.RD, protocol = "udp", edns, options = [], id = 7 }: Ask = {},
  ): Promise<Packet> => {
    const [qname = "", type = "A"] = name.split(" ");
    const opt = { type: "OPT", name: ".", udpPayloadSize: edns ?? 0, flags: 0, options: [...options] };
    const message = dnsPacket.encode({
      type: "query",
      id,
      flags,
      questions: [{ name: qname, type }],
      additionals: edns === undefined ? [] : [opt],
    });
    const bytes = await server.exchange(message, { protocol });
    return dnsPacket.decode(Buffer.from(bytes!));
  };
  /** The addresses of the answer, or its rcode. */
  const text = async (name: string, options?: Ask): Promise<string> => {
    const { rcode, answers } = await ask(name, options);
    return answers.length === 0 ? rcode : answers.map(({ data }) => String(data)).join(" ");
  };
  const metrics = async (what: RegExp): Promise<Record<string, number>> =>
    Object.fromEntries(
      [...(await server.metrics()).matchAll(/^coredns_(\S+) (\S+)$/gm)]
        .filter(([, key]) => what.test(key!))
        .map(([, key, value]) => [key!, Number(value)]),
    );
  return { ask, text, log, metrics, server };
}

/** Waits until it is so; fails after five seconds. */
async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; i < 500; i++) {
    if (await isSo()) return;
    await sleep(10);
  }
  throw new Error("it did not come to pass");
}

/** Upstreams that answer with 192.0.2.1, 192.0.2.2, ... */
const several = (t: Test, n: number): Promise<FakeUpstream[]> =>
  Promise.all(
    Array.from({ length: n }, (_, i) =>
      fakeUpstream(t, ({ packet, send }) => send(addressReply(packet, `192.0.2.${i + 1}`))),
    ),
  );
const names = (upstreams: readonly FakeUpstream[]): string => upstreams.map(({ name }) => name).join(" ");
const withRcode =
  (rcode: number, more: Partial<Packet> = {}) =>
  ({ packet, send }: Received): void =>
    send(replyTo(packet, more, rcode));

t.test("an answer passes as it came, and a query as it was asked", async (t) => {
  const upstream = await fakeUpstream(t, ({ packet, send }) => {
    const { name } = packet.questions[0]!;
    const bytes = dnsPacket.encode({
      type: "response",
      id: packet.id,
      // AA, RA and AD; RD is not repeated.
      flags: 0x04a0,
      questions: packet.questions,
      answers: [{ name, type: "A", ttl: 12345, data: "192.0.2.1" }],
      authorities: [{ name: "example.org", type: "NS", ttl: 0, data: "ns.example.org" }],
      additionals: [{ name: "ns.example.org", type: "AAAA", ttl: 7, data: "2001:db8::1" }],
    });
    send(bytes);
  });
  const server = await serve(t, `forward . ${upstream.name}`);
  const packet = await server.ask("WwW.Example.org A", {
    flags: FLAG.RD | FLAG.CD,
    edns: 1400,
    options: [{ code: 10, data: Buffer.from("12345678") }],
  });
  t.equal(packet.id, 7);
  t.equal(packet.questions[0]!.name, "WwW.Example.org");
  t.same([packet.flag_aa, packet.flag_ra, packet.flag_ad, packet.flag_rd], [true, true, true, false]);
  t.same([packet.answers[0]!.ttl, packet.authorities[0]!.ttl, packet.additionals[0]!.ttl], [12345, 0, 7]);
  const { packet: sent, bytes } = upstream.received[0]!;
  t.equal(sent.questions[0]!.name, "WwW.Example.org", "in the client's letters");
  t.equal(bytes.readUInt16BE(2), FLAG.RD | FLAG.CD);
  const opt = sent.additionals[0]!;
  t.equal(opt.udpPayloadSize, 1400);
  t.same(
    opt.options!.map(({ code, data }) => [code, data]),
    [[10, Buffer.from("12345678")]],
  );
});

t.test("names outside FROM and those of except go to the next plugin", async (t) => {
  const [one, two] = await several(t, 2);
  const behind = definePlugin({
    name: "behind",
    after: ["forward"],
    directive: { args: {} },
    setup: () => ({ answer: (query) => reply(query, RCODE.YXDOMAIN, 0) }),
  });
  const server = await serve(
    t,
    `forward a.example.org ${one!.name}\nforward example.org ${two!.name} {\nexcept no.example.org example.org\n}`,
    { beside: "behind", plugins: [behind] },
  );
  for (const [name, wanted] of [
    ["x.a.example.org", "192.0.2.1"],
    ["A.EXAMPLE.ORG", "192.0.2.1"],
    ["ba.example.org", "YXDOMAIN"],
    ["example.org", "192.0.2.2"],
    ["no.example.org", "YXDOMAIN"],
    ["x.no.example.org", "YXDOMAIN"],
    ["example.com", "YXDOMAIN"],
  ] as const) {
    t.equal(await server.text(name), wanted, name);
  }
  const but = await serve(t, `forward . ${two!.name} {\nexcept no.example.org 10.0.0.0/8\n}`);
  for (const [name, wanted] of [
    ["xno.example.org", "192.0.2.2"],
    ["no.example.org", "SERVFAIL"],
    ["1.2.10.in-addr.arpa", "SERVFAIL"],
    ["1.2.11.in-addr.arpa", "192.0.2.2"],
  ] as const) {
    t.equal(await but.text(name), wanted, name);
  }
  const reverse = await serve(t, `forward 10.1.0.0/16 ${one!.name}`);
  t.equal(await reverse.text("7.1.10.in-addr.arpa"), "192.0.2.1");
  t.equal(await reverse.text("7.2.10.in-addr.arpa"), "SERVFAIL");
});

t.test("policies", async (t) => {
  const upstreams = await several(t, 3);
  const order = async (policy: string, n: number): Promise<string> => {
    const server = await serve(t, `forward . ${names(upstreams)} {\n${policy}\n}`);
    const seen: string[] = [];
    for (let i = 0; i < n; i++) seen.push((await server.text(`h${i}.example.org`)).slice(-1));
    return seen.join("");
  };
  t.equal(await order("policy sequential", 4), "1111");
  t.equal(await order("policy round_robin", 7), "2312312", "the first goes to the second, as in CoreDNS");
  for (const policy of ["policy random", ""]) {
    const seen = await order(policy, 120);
    for (const one of "123") t.ok(seen.split(one).length - 1 > 15, `${one} of ${seen}`);
  }
});

t.test(
  "an upstream that fails leaves its place to the next, and is asked again once it is back",
  async (t) => {
    const [good] = await several(t, 1);
    const port = await closedPort();
    const lines = `forward . 127.0.0.1:${port} ${good!.name} {\npolicy sequential\nmax_fails 1\nhealth_check 20ms\n}`;
    const server = await serve(t, lines);
    t.equal(await server.text("one.example.org"), "192.0.2.1", "at once");
    const failures = `proxy_healthcheck_failures_total{proxy_name="forward",to="127.0.0.1:${port}"}`;
    await until(async () => (await server.metrics(/healthcheck_failures/))[failures]! >= 2);
    const back = await fakeUpstream(t, ({ packet, send }) => send(addressReply(packet, "192.0.2.9")), {
      port,
    });
    await until(() => back.received.length > 0);
    await sleep(80);
    t.match(
      back.received.map(({ packet }) => packet.questions[0]),
      [{ name: ".", type: "NS" }],
      "the check; then no more of them",
    );
    t.ok(back.received[0]!.packet.flag_rd);
    t.equal(await server.text("two.example.org"), "192.0.2.9");
  },
);

t.test("health checks ask what the Corefile says, and over TCP where force_tcp is", async (t) => {
  for (const [lines, network] of [
    ["health_check 10ms no_rec domain probe.example.org", "udp"],
    ["health_check 10ms no_rec domain probe.example.org\nforce_tcp", "tcp"],
  ] as const) {
    const checks: Received[] = [];
    const upstream = await fakeUpstream(t, (received) => {
      if (received.packet.questions[0]!.type === "NS") {
        checks.push(received);
        received.send(replyTo(received.packet, {}, RCODE.REFUSED));
      }
    });
    const server = await serve(
      t,
      `forward . ${upstream.name} {\nread_timeout 20ms\nmax_connect_attempts 1\n${lines}\n}`,
    );
    t.equal(await server.text("www.example.org"), "SERVFAIL");
    await until(() => checks.length > 0);
    await sleep(50);
    t.equal(checks.length, 1, "any answer at all is good");
    t.match(checks[0]!.packet.questions[0], { name: "probe.example.org", type: "NS" });
    t.notOk(checks[0]!.packet.flag_rd);
    t.equal(checks[0]!.network, network);
  }
});

t.test("all down: one is asked all the same, or nobody", async (t) => {
  const port = await closedPort();
  const lines = (more: string): string =>
    `forward . 127.0.0.1:${port} {\nmax_fails 1\nhealth_check 10ms\n${more}\n}`;
  const isDown = ({ metrics }: Awaited<ReturnType<typeof serve>>): Promise<void> =>
    until(async () => Object.values(await metrics(/healthcheck_failures/))[0]! >= 2);
  const server = await serve(t, lines(""));
  await server.text("a.example.org");
  await isDown(server);
  const back = await fakeUpstream(
    t,
    ({ packet, send }) => {
      // Deaf to the checks.
      if (packet.questions[0]!.type === "A") send(addressReply(packet));
    },
    { port },
  );
  t.equal(await server.text("b.example.org"), "192.0.2.1");
  t.same(await server.metrics(/healthcheck_broken/), { forward_healthcheck_broken_total: 1 });
  await back.close();
  const strict = await serve(t, lines("failfast_all_unhealthy_upstreams"));
  await strict.text("a.example.org");
  await isDown(strict);
  strict.log.length = 0;
  t.equal(await strict.text("b.example.org"), "SERVFAIL");
  t.same(strict.log, ["[error] plugin/errors: 2 b.example.org. A: no healthy proxies"]);
  const never = await serve(t, `forward . 127.0.0.1:${port} {\nmax_fails 0\n}`);
  await never.text("a.example.org");
  t.same(await never.metrics(/healthcheck_failures/), {}, "max_fails 0: no checks");
});

t.test("the number of attempts for one query", async (t) => {
  for (const [more, upstreams, wanted] of [
    ["", 1, 2],
    ["", 2, 4],
    ["max_connect_attempts 1", 2, 1],
    ["max_connect_attempts 3", 2, 3],
  ] as const) {
    const silent = await Promise.all(
      Array.from({ length: upstreams }, () => fakeUpstream(t, () => undefined)),
    );
    const server = await serve(t, `forward . ${names(silent)} {\nread_timeout 15ms\nmax_fails 0\n${more}\n}`);
    t.equal(await server.text("www.example.org"), "SERVFAIL");
    t.equal(
      silent.reduce((sum, { received }) => sum + received.length, 0),
      wanted,
      `${more} with ${upstreams}`,
    );
    t.match(
      server.log[0],
      /2 www\.example\.org\. A: read udp 127\.0\.0\.1:\d+->127\.0\.0\.1:\d+: i\/o timeout$/,
    );
  }
});

t.test("over max_concurrent queries are refused, and counted", async (t) => {
  const waiting: Received[] = [];
  const upstream = await fakeUpstream(t, (received) => void waiting.push(received));
  const server = await serve(t, `forward . ${upstream.name} {\nmax_concurrent 2\n}`);
  const first = [server.text("a.example.org"), server.text("b.example.org")];
  await sleep(10);
  t.equal(await server.text("c.example.org"), "REFUSED");
  t.same(server.log, ["[error] plugin/errors: 5 c.example.org. A: concurrent queries exceeded maximum 2"]);
  t.same(await server.metrics(/max_concurrent/), { forward_max_concurrent_rejects_total: 1 });
  for (const { packet, send } of waiting) send(addressReply(packet));
  t.same(await Promise.all(first), ["192.0.2.1", "192.0.2.1"]);
  const third = server.text("c.example.org");
  await sleep(10);
  waiting[2]!.send(addressReply(waiting[2]!.packet));
  t.equal(await third, "192.0.2.1", "there is room again");
});

t.test("transports: the client's, force_tcp, prefer_udp", async (t) => {
  const networks = async (more: string, protocol: "udp" | "tcp"): Promise<string> => {
    const upstream = await fakeUpstream(t);
    const server = await serve(t, `forward . ${upstream.name} {\n${more}\n}`);
    t.equal(await server.text("www.example.org", { protocol }), "192.0.2.1");
    return upstream.received.map(({ network }) => network).join(" ");
  };
  t.equal(await networks("", "udp"), "udp");
  t.equal(await networks("", "tcp"), "tcp");
  t.equal(await networks("force_tcp", "udp"), "tcp");
  t.equal(await networks("prefer_udp", "tcp"), "udp");
  t.equal(await networks("prefer_udp\nforce_tcp", "udp"), "tcp");
});

t.test("truncated answers: passed on, or with prefer_udp asked for again over TCP", async (t) => {
  const many = ({ packet, network, send }: Received): void => {
    const { name } = packet.questions[0]!;
    const answers = Array.from({ length: 100 }, (_, i) => ({ name, type: "A", ttl: 1, data: `10.0.0.${i}` }));
    const whole = replyTo(packet, { answers });
    if (network === "tcp") return send(whole);
    const cut = replyTo(packet, { answers: answers.slice(0, 3) });
    cut[2]! |= 2;
    send(cut);
  };
  const upstream = await fakeUpstream(t, many);
  const plain = await serve(t, `forward . ${upstream.name}`);
  const cut = await plain.ask("big.example.org");
  t.ok(cut.flag_tc);
  t.equal(cut.answers.length, 3);
  t.same(
    upstream.received.map(({ network }) => network),
    ["udp"],
  );
  upstream.received.length = 0;
  const both = await serve(t, `forward . ${upstream.name} {\nprefer_udp\n}`);
  t.equal((await both.ask("big.example.org", { protocol: "tcp" })).answers.length, 100);
  t.same(
    upstream.received.map(({ network }) => network),
    ["udp", "tcp"],
  );
  const small = await both.ask("big.example.org");
  t.ok(small.flag_tc, "and cut again for the client's own size");

  // More than the client said to take, without a word of it.
  upstream.serve = ({ packet, send }) => many({ packet, send, network: "tcp" } as Received);
  const long = await plain.ask("long.example.org");
  t.ok(long.flag_tc);
  t.equal(long.answers.length, 0);
  t.equal((await plain.ask("long.example.org", { edns: 4096 })).answers.length, 100);
});

t.test("replies that are none: to another question FORMERR, unreadable ones TC or a failure", async (t) => {
  const upstream = await fakeUpstream(t, ({ packet, send }) =>
    send(addressReply({ ...packet, questions: [{ name: "other.example.org", type: "A" }] })),
  );
  const server = await serve(t, `forward . ${upstream.name} {\nmax_fails 0\n}`);
  t.equal(await server.text("www.example.org"), "FORMERR");
  upstream.serve = ({ packet, send }) => send(addressReply(packet).subarray(0, -2));
  const cut = await server.ask("cut.example.org");
  t.same([cut.rcode, cut.flag_tc, cut.answers.length], ["NOERROR", true, 0]);
  t.equal(await server.text("cut.example.org", { protocol: "tcp" }), "SERVFAIL");
  t.match(server.log.at(-1), /2 cut\.example\.org\. A: 127\.0\.0\.1:\d+ sent a reply that can't be read$/);
});

t.test("failover goes on to the next upstream; the last answer counts", async (t) => {
  const upstreams = await several(t, 3);
  const server = await serve(
    t,
    `forward . ${names(upstreams)} {\npolicy sequential\nfailover SERVFAIL refused\n}`,
  );
  t.equal(await server.text("a.example.org"), "192.0.2.1");
  upstreams[0]!.serve = withRcode(RCODE.SERVFAIL);
  t.equal(await server.text("b.example.org"), "192.0.2.2");
  upstreams[1]!.serve = withRcode(RCODE.REFUSED);
  t.equal(await server.text("c.example.org"), "192.0.2.3");
  upstreams[2]!.serve = withRcode(RCODE.SERVFAIL);
  t.equal(await server.text("d.example.org"), "SERVFAIL");
  upstreams[0]!.serve = withRcode(RCODE.NXDOMAIN);
  t.equal(await server.text("e.example.org"), "NXDOMAIN");
});

t.test("next hands over to a forward that follows, and to nothing else", async (t) => {
  const [one, two, three] = await several(t, 3);
  one!.serve = withRcode(RCODE.NXDOMAIN);
  const lines = [
    `forward . ${one!.name} {\nnext NXDOMAIN\nnext_on_nodata\n}`,
    `forward . ${two!.name} {\nnext NXDOMAIN\n}`,
    `forward . ${three!.name} {\nnext NOERROR\n}`,
  ];
  const server = await serve(t, lines.join("\n"));
  t.equal(await server.text("a.example.org"), "192.0.2.2");
  one!.serve = withRcode(RCODE.NOERROR);
  t.equal(await server.text("b.example.org"), "192.0.2.2", "NODATA");
  one!.serve = withRcode(RCODE.SERVFAIL);
  t.equal(await server.text("c.example.org"), "SERVFAIL");
  one!.serve = two!.serve = withRcode(RCODE.NXDOMAIN);
  t.equal(await server.text("d.example.org"), "192.0.2.3", "the last one's own next has nobody behind it");
});

t.test("one question is under way at a time; all who asked it get the answer", async (t) => {
  const waiting: Received[] = [];
  const upstream = await fakeUpstream(t, (received) => void waiting.push(received));
  const server = await serve(t, `forward . ${upstream.name}`);
  const packets = Promise.all([
    server.ask("www.example.org", { id: 1 }),
    server.ask("WWW.example.org", { id: 2 }),
    server.ask("www.example.org", { id: 3 }),
  ]);
  await sleep(10);
  t.equal(waiting.length, 1);
  const others = [
    server.ask("www.example.org AAAA"),
    server.ask("www.example.org", { flags: FLAG.RD | FLAG.CD }),
    server.ask("www.example.org", { edns: 1232 }),
    server.ask("www.example.org", { edns: 1232, options: [{ code: 10, data: Buffer.from("12345678") }] }),
    server.ask("www.example.org", { protocol: "tcp" }),
  ];
  // A NOTIFY is no query, though it has the same question.
  const notify = server.ask("notify.example.org", { flags: FLAG.RD | (4 << 11) });
  await sleep(5);
  others.push(notify, server.ask("notify.example.org"));
  // What loop asks must go round, to be seen again.
  const probes = [server.ask("1.2.example.org HINFO"), server.ask("1.2.example.org HINFO")];
  await sleep(20);
  t.equal(
    waiting.length,
    1 + others.length + probes.length,
    "what differs for the upstream is asked by itself",
  );
  for (const { packet, send } of waiting) send(addressReply(packet));
  const [a, b, c] = await packets;
  t.same([a.id, b.id, c.id], [1, 2, 3]);
  t.same(
    [a, b, c].map(({ questions }) => questions[0]!.name),
    ["www.example.org", "WWW.example.org", "www.example.org"],
  );
  for (const packet of [a, b, c]) t.equal(packet.answers[0]!.data, "192.0.2.1");
  await Promise.all([...others, ...probes]);
  const again = server.ask("www.example.org");
  await sleep(10);
  t.equal(waiting.length, 11, "what is over is asked anew");
  waiting.at(-1)!.send(addressReply(waiting.at(-1)!.packet));
  await again;
});

t.test("hedge asks another upstream when the first is silent, and takes the first answer", async (t) => {
  const [slow, quick] = await several(t, 2);
  slow!.serve = ({ packet, send }) => void setTimeout(() => send(addressReply(packet, "192.0.2.1")), 800);
  const lines = (to: string): string => `forward . ${to} {\npolicy sequential\nhedge 20ms\n}`;
  const server = await serve(t, lines(`${slow!.name} ${quick!.name}`));
  const start = performance.now();
  t.equal(await server.text("a.example.org"), "192.0.2.2");
  t.ok(performance.now() - start < 700);
  slow!.serve = ({ packet, send }) => send(addressReply(packet, "192.0.2.1"));
  t.equal(await server.text("b.example.org"), "192.0.2.1");
  t.equal(quick!.received.length, 1, "not where the first answers in time");
  slow!.serve = ({ packet, send }) => void setTimeout(() => send(addressReply(packet, "192.0.2.1")), 40);
  quick!.serve = () => undefined;
  t.equal(await server.text("c.example.org"), "192.0.2.1", "and the first may still win");
  const alone = await serve(t, lines(slow!.name));
  slow!.received.length = 0;
  t.equal(await alone.text("d.example.org"), "192.0.2.1");
  t.equal(slow!.received.length, 2, "the only one is asked twice");
  t.not(slow!.received[0]!.packet.id, slow!.received[1]!.packet.id);
  const port = await closedPort();
  const half = await serve(
    t,
    `forward . ${slow!.name} 127.0.0.1:${port} {\npolicy sequential\nhedge 10ms\nmax_fails 0\n}`,
  );
  t.equal(await half.text("e.example.org"), "192.0.2.1", "the second's failure does not end the first");
});

t.test("TCP connections are used again; one that was closed meanwhile costs nothing", async (t) => {
  const upstream = await fakeUpstream(t);
  const server = await serve(
    t,
    `forward . ${upstream.name} {\nforce_tcp\nmax_fails 0\nmax_connect_attempts 1\n}`,
  );
  for (let i = 0; i < 3; i++) t.equal(await server.text(`h${i}.example.org`), "192.0.2.1");
  t.equal(upstream.connections(), 1);
  t.same(await server.metrics(/conn_cache/), {
    [`proxy_conn_cache_hits_total{proto="tcp",proxy_name="forward",to="${upstream.name}"}`]: 2,
    [`proxy_conn_cache_misses_total{proto="tcp",proxy_name="forward",to="${upstream.name}"}`]: 1,
  });
  let isFirst = true;
  upstream.serve = ({ packet, send, reset }) => {
    if (isFirst) reset();
    else send(addressReply(packet));
    isFirst = false;
  };
  t.equal(await server.text("reset.example.org"), "192.0.2.1");
});

t.test("metrics of each upstream", async (t) => {
  const upstream = await fakeUpstream(t, ({ packet, send }) =>
    send(replyTo(packet, {}, packet.questions[0]!.name.startsWith("nx") ? 3 : 0)),
  );
  const server = await serve(t, `forward . ${upstream.name}`);
  t.same(await server.metrics(/^forward/), {
    forward_healthcheck_broken_total: 0,
    forward_max_concurrent_rejects_total: 0,
  });
  for (const name of ["a", "b", "nx"]) await server.ask(`${name}.example.org`);
  t.same(await server.metrics(/duration_seconds_count/), {
    [`proxy_request_duration_seconds_count{proxy_name="forward",rcode="NOERROR",to="${upstream.name}"}`]: 2,
    [`proxy_request_duration_seconds_count{proxy_name="forward",rcode="NXDOMAIN",to="${upstream.name}"}`]: 1,
  });
});

t.test("metadata says who answered; a tap sees each exchange; a time for queries is kept", async (t) => {
  const [dead, good] = [await closedPort(), await fakeUpstream(t)];
  const seen: string[] = [];
  const exchanges: UpstreamExchange[] = [];
  const neighbour = definePlugin({
    name: "neighbour",
    before: ["forward"],
    directive: { args: {} },
    setup(_options, context) {
      context.settings.metadata = [ROOT];
      context.provide(UPSTREAM_TAP, (exchange) => void exchanges.push(exchange));
      context.provide(QUERY_TIME, 60);
      return { observe: (query) => void seen.push(query.meta("forward/upstream")) };
    },
  });
  const server = await serve(
    t,
    `forward . 127.0.0.1:${dead} ${good.name} {\npolicy sequential\nmax_fails 0\nread_timeout 70ms\n}`,
    {
      beside: "neighbour",
      plugins: [neighbour],
    },
  );
  t.equal(await server.text("www.example.org"), "192.0.2.1");
  t.same(seen, [good.name]);
  t.same(
    exchanges.map(({ remote, protocol, reply }) => [remote, protocol, reply !== undefined]),
    [
      [`127.0.0.1:${dead}`, "udp", false],
      [good.name, "udp", true],
    ],
  );
  t.match(exchanges[1]!.local, /^127\.0\.0\.1:\d+$/);
  t.equal(exchanges[1]!.query.rawName, exchanges[0]!.query.rawName);
  t.ok(exchanges[1]!.received >= exchanges[1]!.sent);
  good.serve = () => undefined;
  exchanges.length = 0;
  t.equal(await server.text("late.example.org"), "SERVFAIL");
  t.equal(exchanges.length, 2, "two of four attempts, then its time is over");
});

t.test("a file of name servers is read, and read again when it changes", { timeout: 20_000 }, async (t) => {
  const dir = mkdtempSync(join(tmpdir(), "forward-"));
  t.teardown(() => rmSync(dir, { recursive: true }));
  const file = join(dir, "resolv.conf");
  writeFileSync(file, "# none\nsearch example.org\n");
  await t.rejects(serve(t, `forward . ${file}`), {
    message: /^Corefile:3: forward: no name server stands in .*resolv\.conf/,
  });
  const { createUpstreams } = await import("../../../plugins/forward/upstreams.ts");
  const { readServers } = await import("../../../plugins/forward/targets.ts");
  writeFileSync(
    file,
    "nameserver 192.0.2.1\n nameserver\t2001:db8::1\nnameserver fe80::1%eth0\nnameserver none\n#nameserver 192.0.2.9\n",
  );
  t.same(
    readServers(file)!.map(({ address, port }) => [address, port]),
    [
      ["192.0.2.1", 53],
      ["2001:db8::1", 53],
      ["fe80::1", 53],
    ],
  );
  const log: string[] = [];
  const note = (text: string): void => void log.push(text);
  const upstreams = createUpstreams({
    places: [{ kind: "file", file }],
    resolvers: [],
    settings: {
      source: undefined,
      readTimeout: 100,
      expire: 1000,
      maxAge: 0,
      maxIdle: 0,
      healthCheck: { interval: 500, domain: "\0" as never, recursionDesired: true, overTcp: false },
      dohMethod: "POST",
      tlsContext: () => Promise.reject(new Error("no TLS here")),
      serverName: undefined,
      metrics: undefined,
    },
    log: { debug: note, info: note, warning: note, error: note, plain: (_level, text) => note(text) },
    interval: 20,
  });
  await upstreams.start();
  t.teardown(() => upstreams.close());
  const [kept] = upstreams.list;
  writeFileSync(file, "nameserver 192.0.2.7\nnameserver 192.0.2.1\n");
  await until(() => log.length > 0);
  t.same(
    upstreams.list.map(({ name }) => name),
    ["192.0.2.7:53", "192.0.2.1:53"],
  );
  t.equal(upstreams.list[1], kept, "with all that is known of it");
  t.match(log, [/resolv\.conf changed: upstreams are 192\.0\.2\.7:53, 192\.0\.2\.1:53$/]);
  writeFileSync(file, "");
  await until(() => log.length > 1);
  t.match(
    log[1],
    /resolv\.conf changed, and the upstreams stay as they were: no valid upstream addresses found/,
  );
  t.equal(upstreams.list.length, 2);
});

t.test("hosts among TO are asked of a resolver when the server starts", async (t) => {
  const upstream = await fakeUpstream(t);
  const resolver = await fakeUpstream(t, ({ packet, send }) => {
    const { name, type } = packet.questions[0]!;
    if (type === "A" && name === "dns.example.org") send(addressReply(packet, "127.0.0.1"));
    else send(replyTo(packet, {}, 3));
  });
  const lines = (host: string): string =>
    `forward . ${host}:${upstream.port} ${upstream.name} {\nresolver ${resolver.name}\n}`;
  const server = await serve(t, lines("dns.example.org"));
  t.equal(await server.text("www.example.org"), "192.0.2.1");
  await t.rejects(serve(t, lines("none.example.org")), {
    message: /failed to resolve "none\.example\.org".*no addresses found/,
  });
  await resolver.close();
  await t.rejects(serve(t, lines("dns.example.org")), {
    message: /failed to resolve "dns\.example\.org".*connection refused/,
  });
});

t.test("lines that can't be are refused, with their place", async (t) => {
  for (const [lines, wanted] of [
    ["forward .. 192.0.2.1", /^Corefile:3: forward: .*zone/],
    ["forward .", /^Corefile:3: forward: .*TO/],
    [`forward . ${"192.0.2.1 ".repeat(16)}`, /^Corefile:3: forward: .*at most 15/],
    ["forward . grpc://192.0.2.1", /^Corefile:3: forward: .*does not speak grpc/],
    ["forward . tls://", /^Corefile:3: forward: .*names no address/],
    ["forward . https://192.0.2.1/dns", /^Corefile:3: forward: .*has a path/],
    [
      "forward . tls://192.0.2.1%a.example {\ntls_servername b.example\n}",
      /^Corefile:4: forward: .*leave one of them out/,
    ],
    [
      "forward . tls://192.0.2.1 {\ntls /nowhere/ca.pem\n}",
      /^Corefile:3: forward: tls: can't read \/nowhere\/ca\.pem/,
    ],
    ["forward . 192.0.2.1 {\npolicy fastest\n}", /^Corefile:4: forward: policy: .*random, round_robin/],
    ["forward . 192.0.2.1 {\nmax_fails -1\n}", /^Corefile:4: forward: max_fails/],
    ["forward . 192.0.2.1 {\nhealth_check -5s\n}", /^Corefile:4: forward: health_check/],
    ["forward . 192.0.2.1 {\nexpire 10s\nmax_age 5s\n}", /^Corefile:5: forward: max_age/],
    ["forward . 192.0.2.1 {\nread_timeout 0s\n}", /^Corefile:4: forward: read_timeout/],
    ["forward . 192.0.2.1 {\nfailover NOERROR\n}", /^Corefile:4: forward: failover/],
    ["forward . 192.0.2.1 {\nsource_address lo\n}", /^Corefile:4: forward: source_address/],
    ["forward . 192.0.2.1 {\nresolver dns.example.org\n}", /^Corefile:4: forward: resolver/],
    ["forward . 192.0.2.1 {\nhedge 0s\n}", /^Corefile:4: forward: hedge/],
    ["forward . 192.0.2.1 {\ntimeout 5s\n}", /^Corefile:4: forward: unknown option "timeout"/],
  ] as const) {
    await t.rejects(serve(t, lines), { message: wanted }, lines);
  }
  const warned = await serve(t, "forward 10.0.0.0/23 192.0.2.1");
  t.match(warned.log, [
    /\[warning\] plugin\/forward: Unsupported CIDR notation: '10\.0\.0\.0\/23' expands to multiple zones\. Using only '0\.0\.10\.in-addr\.arpa\.'\./,
  ]);
});

t.test("many at a time", async (t) => {
  const upstream = await fakeUpstream(t);
  const server = await serve(t, `forward . ${upstream.name}`);
  const answers = await Promise.all(Array.from({ length: 200 }, (_, i) => server.text(`h${i}.example.org`)));
  t.ok(answers.every((answer) => answer === "192.0.2.1"));
  t.ok(upstream.received.length >= 200);
});
