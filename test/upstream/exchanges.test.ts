/** Exchanges with one upstream: ports and ids, time limits, broken connections, pools. */
import { setTimeout as sleep } from "node:timers/promises";
import dnsPacket from "dns-packet";
import t, { type Test } from "tap";
import { Exchange } from "../../src/upstream/exchange.ts";
import { StreamPool } from "../../src/upstream/stream-pool.ts";
import { tcpDialer } from "../../src/upstream/stream.ts";
import { UdpPool, type PoolOptions } from "../../src/upstream/udp-pool.ts";
import { nativeBinding } from "../../src/native/binding.ts";
import { nativeUdp } from "../../src/upstream/udp-native.ts";
import { openDgram, type OpenUdp } from "../../src/upstream/udp-socket.ts";
import {
  addressReply,
  closedPort,
  fakeUpstream,
  replyTo,
  type FakeUpstream,
  type Received,
} from "./fake-upstream.ts";

const question = (name = "www.example.org"): Buffer =>
  dnsPacket.encode({ type: "query", id: 0, flags: 0x100, questions: [{ name, type: "A" }] });

interface Pool {
  start(exchange: Exchange): void;
  close(): void;
}

interface Outcome {
  readonly reply?: Buffer;
  readonly text?: string;
  readonly stale?: boolean;
  readonly exchange: Exchange;
}

const options = (port: number, more: Partial<PoolOptions> = {}): PoolOptions => ({
  target: { address: "127.0.0.1", port, source: undefined },
  remote: `127.0.0.1:${port}`,
  readTimeout: 2000,
  expire: 10_000,
  maxAge: 0,
  maxIdle: 0,
  connections: undefined,
  ...more,
});

type MakeUdp = (t: Test, upstream: { port: number }, more?: Partial<PoolOptions>) => UdpPool;
const udpPools =
  (open: OpenUdp): MakeUdp =>
  (t, upstream, more = {}) => {
    const pool = new UdpPool(options(upstream.port, more), open);
    t.teardown(() => pool.close());
    return pool;
  };

function tcpPool(
  t: Test,
  upstream: { port: number },
  more: Partial<PoolOptions> = {},
  most = 64,
): StreamPool {
  const pool = new StreamPool(options(upstream.port, more), tcpDialer, most);
  t.teardown(() => pool.close());
  return pool;
}

function ask(pool: Pool, network: "udp" | "tcp", name?: string): Promise<Outcome> {
  return new Promise((resolve) => {
    pool.start(
      new Exchange(question(name), network, {
        replied: (reply, exchange) => resolve({ reply: Buffer.from(reply), exchange }),
        failed: ({ text, stale = false }, exchange) => resolve({ text, stale, exchange }),
      }),
    );
  });
}

const address = ({ reply, text }: Outcome): string =>
  reply === undefined ? text! : String(dnsPacket.decode(reply).answers[0]?.data);

const native = nativeUdp();

for (const [name, open] of [
  ["node:dgram", openDgram],
  ["the batched socket", native],
] as const) {
  if (open === undefined) {
    t.test(name, { skip: nativeBinding().reason }, () => undefined);
    continue;
  }
  const udpPool = udpPools(open);
  t.test(`UDP by ${name}`, (t) => {
    t.test("ids and ports can't be foretold", async (t) => {
      const upstream = await fakeUpstream(t);
      const pool = udpPool(t, upstream);
      for (let i = 0; i < 60; i++) await Promise.all(Array.from({ length: 100 }, () => ask(pool, "udp")));
      const ids = upstream.received.map(({ packet }) => packet.id);
      const ports = new Set(upstream.received.map(({ port }) => port));
      t.equal(ids.length, 6000);
      // Of 6,000 random numbers out of 65,536 about 5,740 differ, and half are in the lower half.
      t.ok(new Set(ids).size > 5600, `${new Set(ids).size} ids`);
      const low = ids.filter((id) => id < 32768).length;
      t.ok(low > 2700 && low < 3300, `${low} in the lower half`);
      t.ok(ports.size > 8, `${ports.size} ports: they are changed in the course of things`);
    });

    t.test("what others send, and what was not asked, is nothing to us", async (t) => {
      const stranger = await fakeUpstream(t);
      const upstream = await fakeUpstream(t, ({ packet, send }) => {
        const good = addressReply(packet);
        const otherId = Buffer.from(good);
        otherId.writeUInt16BE((packet.id + 1) & 0xffff);
        send(otherId);
        send(Buffer.from("short"));
        const query = Buffer.from(good);
        query[2]! &= 0x7f;
        send(query);
        setTimeout(() => send(good), 10);
      });
      const pool = udpPool(t, upstream);
      const first = ask(pool, "udp");
      t.equal(address(await first), "192.0.2.1");
      // From another port than the one that was asked: the kernel drops it.
      const { port, packet } = upstream.received[0]!;
      upstream.serve = () => undefined;
      const second = ask(udpPool(t, upstream, { readTimeout: 60 }), "udp");
      await sleep(10);
      const { createSocket } = await import("node:dgram");
      const socket = createSocket("udp4");
      const forged = addressReply({ ...packet, id: upstream.received[1]!.packet.id }, "192.0.2.66");
      socket.send(forged, upstream.received[1]!.port, "127.0.0.1");
      t.match(address(await second), /^read udp 127\.0\.0\.1:\d+->127\.0\.0\.1:\d+: i\/o timeout$/);
      socket.close();
      t.not(port, stranger.port);
    });

    t.test("a late reply is not taken for another question's", async (t) => {
      const late: Received[] = [];
      const upstream = await fakeUpstream(t, (received) => void late.push(received));
      const pool = udpPool(t, upstream, { readTimeout: 500, maxIdle: 1 });
      await ask(pool, "udp");
      const used = late[0]!;
      const ids = new Set<number>();
      upstream.serve = ({ packet, send }) => {
        ids.add(packet.id);
        used.send(addressReply(used.packet, "192.0.2.66"));
        send(addressReply(packet));
      };
      for (let i = 0; i < 300; i++) t.equal(address(await ask(pool, "udp")), "192.0.2.1");
      t.notOk(ids.has(used.packet.id), "its id is not used again on that port");
    });

    t.test("a closed port fails at once, all that is on the way", async (t) => {
      const port = await closedPort();
      const pool = udpPool(t, { port }, { maxIdle: 1 });
      const start = performance.now();
      const outcomes = await Promise.all(Array.from({ length: 5 }, () => ask(pool, "udp")));
      t.ok(performance.now() - start < 1000);
      for (const { text } of outcomes) {
        t.match(
          text,
          new RegExp(
            `^(read|write) udp 127\\.0\\.0\\.1:\\d+->127\\.0\\.0\\.1:${port}: (read|write): connection refused$`,
          ),
        );
      }
    });

    t.test("what the system refuses is said in its words", async (t) => {
      const refused = udpPool(
        t,
        { port: 53 },
        { target: { address: "127.0.0.1", port: 53, source: "192.0.2.77" } },
      );
      t.equal(
        (await ask(refused, "udp")).text,
        "dial udp 127.0.0.1:53: bind: cannot assign requested address",
      );
      const broadcast = udpPool(
        t,
        { port: 53 },
        {
          target: { address: "255.255.255.255", port: 53, source: undefined },
          remote: "255.255.255.255:53",
        },
      );
      t.equal((await ask(broadcast, "udp")).text, "dial udp 255.255.255.255:53: connect: permission denied");
    });

    t.test("idle sockets are closed, and maxIdle bounds their number", async (t) => {
      const upstream = await fakeUpstream(t);
      const counts = { hit: 0, miss: 0 };
      const connections = { hit: () => void counts.hit++, miss: () => void counts.miss++ };
      const pool = udpPool(t, upstream, { maxIdle: 1, expire: 40, connections });
      await ask(pool, "udp");
      await ask(pool, "udp");
      await sleep(60);
      await ask(pool, "udp");
      t.same(counts, { hit: 1, miss: 2 });
      t.equal(new Set(upstream.received.map(({ port }) => port)).size, 2);
      const aged = udpPool(t, upstream, { maxIdle: 1, maxAge: 30 });
      const before = upstream.received.length;
      for (let i = 0; i < 2; i++) {
        await ask(aged, "udp");
        await sleep(40);
      }
      t.equal(
        new Set(upstream.received.slice(before).map(({ port }) => port)).size,
        2,
        "nor are they kept longer than maxAge",
      );
    });

    t.test("from an address of our choice", async (t) => {
      let from = "";
      const { createSocket } = await import("node:dgram");
      const socket = createSocket("udp4");
      t.teardown(() => void socket.close());
      socket.on("message", (bytes, remote) => {
        from = remote.address;
        socket.send(addressReply(dnsPacket.decode(bytes)), remote.port, remote.address);
      });
      await new Promise<void>((done) => socket.bind(0, "127.0.0.1", done));
      const { port } = socket.address();
      const pool = udpPool(t, { port }, { target: { address: "127.0.0.1", port, source: "127.0.0.44" } });
      t.equal(address(await ask(pool, "udp")), "192.0.2.1");
      t.equal(from, "127.0.0.44");
    });

    t.end();
  });
}

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
    ["udp", udpPools(native ?? openDgram)],
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
