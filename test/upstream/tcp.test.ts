/** TCP exchanges with one upstream: connections that are kept, shared, broken and closed. */
import { setTimeout as sleep } from "node:timers/promises";
import dnsPacket from "dns-packet";
import t from "tap";
import { bestUdp } from "../../src/upstream/udp-native.ts";
import {
  addressReply,
  closedPort,
  fakeUpstream,
  replyTo,
  type FakeUpstream,
  type Received,
} from "./fake-upstream.ts";
import { address, ask, tcpPool, udpPools } from "./pools.ts";

t.test("TCP: connections are used again, the one that was idle longest first", async (t) => {
  const upstream = await fakeUpstream(t);
  const pool = tcpPool(t, upstream);
  await Promise.all([ask(pool, "tcp"), ask(pool, "tcp")]);
  t.equal(upstream.connections(), 2, "questions at a time have a connection each");
  await sleep(5);
  for (let i = 0; i < 4; i++) {
    await ask(pool, "tcp");
    await sleep(2);
  }
  t.equal(upstream.connections(), 2);
  const ports = upstream.received.slice(2).map(({ port }) => port);
  t.not(ports[0], ports[1]);
  t.equal(ports[0], ports[2]);
  t.equal(ports[1], ports[3]);
});

t.test("TCP: over a full pool questions go along, and replies may come in any order", async (t) => {
  const waiting: Received[] = [];
  const upstream = await fakeUpstream(t, (received) => {
    waiting.push(received);
    if (waiting.length < 20) return;
    for (const { packet, send } of waiting.splice(0).reverse())
      send(addressReply(packet, `192.0.2.${packet.questions[0]!.name.slice(1, 3)}`));
  });
  const pool = tcpPool(t, upstream, {}, 2);
  const outcomes = await Promise.all(
    Array.from({ length: 20 }, (_, i) => ask(pool, "tcp", `h${i + 10}.example.org`)),
  );
  t.equal(upstream.connections(), 2);
  t.same(
    outcomes.map(address),
    Array.from({ length: 20 }, (_, i) => `192.0.2.${i + 10}`),
  );
});

t.test("TCP: messages in pieces, several in one, and large ones", async (t) => {
  const upstream = await fakeUpstream(t, ({ packet, send }) => {
    const answers = Array.from({ length: 2000 }, (_, i) => ({
      name: packet.questions[0]!.name,
      type: "A",
      ttl: 1,
      data: `10.0.${i >> 8}.${i & 255}`,
    }));
    send(replyTo(packet, { answers }));
  });
  const pool = tcpPool(t, upstream, {}, 1);
  const outcomes = await Promise.all(Array.from({ length: 5 }, () => ask(pool, "tcp")));
  for (const { reply } of outcomes) t.equal(dnsPacket.decode(reply!).answers.length, 2000);
});

t.test("TCP: a connection that the other side closed in its rest is nobody's failure", async (t) => {
  for (const how of ["end", "reset"] as const) {
    const upstream = await fakeUpstream(t);
    const pool = tcpPool(t, upstream);
    t.equal(address(await ask(pool, "tcp")), "192.0.2.1");
    upstream.serve = (received) => received[how]();
    const again = await ask(pool, "tcp");
    t.equal(again.stale, true, `${how}: the question may be asked again at once`);
    const fresh = await ask(pool, "tcp");
    t.equal(fresh.stale, false, `${how}: but where nothing ever came, it failed`);
    t.match(
      fresh.text,
      how === "end"
        ? /^EOF$/
        : /^read tcp 127\.0\.0\.1:\d+->127\.0\.0\.1:\d+: read: connection reset by peer$/,
    );
  }
});

t.test("TCP: refused, silent, and given up", async (t) => {
  const port = await closedPort();
  t.equal(
    (await ask(tcpPool(t, { port }), "tcp")).text,
    `dial tcp 127.0.0.1:${port}: connect: connection refused`,
  );
  const upstream = await fakeUpstream(t, () => undefined);
  const pool = tcpPool(t, upstream, { readTimeout: 40 });
  t.match((await ask(pool, "tcp")).text, /^read tcp 127\.0\.0\.1:\d+->127\.0\.0\.1:\d+: i\/o timeout$/);
  await sleep(20);
  t.equal(upstream.connections(), 0, "what did not answer is closed");
});

t.test("TCP: idle connections are closed after their time, and above maxIdle at once", async (t) => {
  const upstream = await fakeUpstream(t);
  const pool = tcpPool(t, upstream, { maxIdle: 2 });
  await Promise.all(Array.from({ length: 6 }, () => ask(pool, "tcp")));
  await sleep(20);
  t.equal(upstream.connections(), 2);
  const short = await fakeUpstream(t);
  const expiring = tcpPool(t, short, { expire: 50 });
  await ask(expiring, "tcp");
  await sleep(1100);
  t.equal(short.connections(), 0);
});

t.test("closing a pool lets what is on the way end", async (t) => {
  for (const [network, make] of [
    ["udp", udpPools(bestUdp())],
    ["tcp", tcpPool],
  ] as const) {
    const upstream: FakeUpstream = await fakeUpstream(
      t,
      ({ packet, send }) => void setTimeout(() => send(addressReply(packet)), 30),
    );
    const pool = make(t, upstream);
    const outcome = ask(pool, network);
    await sleep(10);
    pool.close();
    t.equal(address(await outcome), "192.0.2.1", network);
    await sleep(10);
    t.equal(upstream.connections(), 0, network);
  }
});
