/** Upstreams that fail: who takes their place, and how they come back. */
import { setTimeout as sleep } from "node:timers/promises";
import t from "tap";
import { RCODE } from "../../../src/dns/types.ts";
import {
  addressReply,
  closedPort,
  fakeUpstream,
  replyTo,
  type Received,
} from "../../upstream/fake-upstream.ts";
import { names, serve, several, until } from "./harness.ts";

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
