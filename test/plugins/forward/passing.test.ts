/** What passes, for which names, and who is asked. */
import dnsPacket from "dns-packet";
import t from "tap";
import { QUERY_TIME, UPSTREAM_TAP, type UpstreamExchange } from "../../../src/capabilities.ts";
import { reply } from "../../../src/dns/message.ts";
import { ROOT } from "../../../src/dns/name.ts";
import { FLAG, RCODE } from "../../../src/dns/types.ts";
import { definePlugin } from "../../../src/plugin.ts";
import { closedPort, fakeUpstream, replyTo } from "../../upstream/fake-upstream.ts";
import { names, serve, several, withRcode } from "./harness.ts";

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

t.test("many at a time", async (t) => {
  const upstream = await fakeUpstream(t);
  const server = await serve(t, `forward . ${upstream.name}`);
  const answers = await Promise.all(Array.from({ length: 200 }, (_, i) => server.text(`h${i}.example.org`)));
  t.ok(answers.every((answer) => answer === "192.0.2.1"));
  t.ok(upstream.received.length >= 200);
});
