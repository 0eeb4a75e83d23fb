/** UDP exchanges with one upstream: ports and ids, time limits, sockets that come and go. */
import { setTimeout as sleep } from "node:timers/promises";
import dnsPacket from "dns-packet";
import t from "tap";
import { nativeBinding } from "../../src/native/binding.ts";
import { nativeUdp } from "../../src/upstream/udp-native.ts";
import { openDgram } from "../../src/upstream/udp-socket.ts";
import { addressReply, closedPort, fakeUpstream, type Received } from "./fake-upstream.ts";
import { address, ask, udpPools } from "./pools.ts";

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
