/** How questions travel: over what, how often, and with whom. */
import { setTimeout as sleep } from "node:timers/promises";
import t from "tap";
import { FLAG } from "../../../src/dns/types.ts";
import {
  addressReply,
  closedPort,
  fakeUpstream,
  replyTo,
  type Received,
} from "../../upstream/fake-upstream.ts";
import { serve, several } from "./harness.ts";

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
