/** transfer over real sockets: who gets which zone, in which messages; and who is told of a change. */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import dnsPacket from "dns-packet";
import t, { type Test } from "tap";
import { transferMessages } from "../../../plugins/transfer/messages.ts";
import { TRANSFER } from "../../../src/capabilities.ts";
import { nameOf } from "../../../src/dns/name.ts";
import { rdata, record, recordText } from "../../../src/dns/records.ts";
import { Query } from "../../../src/dns/query.ts";
import type { RR } from "../../../src/dns/rr.ts";
import { FLAG, OPCODE, RCODE, TYPE } from "../../../src/dns/types.ts";
import { definePlugin } from "../../../src/plugin.ts";
import { serveZones, transferFrom, until, zoneText, type ZoneServer } from "../../support/zone-server.ts";

const udpPort = ({ server }: ZoneServer): number => server.addresses().find((at) => at.port > 0)!.port;

const SMALL = zoneText(5, "b A 192.0.2.1\na TXT x");
const lines = (messages: readonly { message: { answer: readonly RR[] } }[]): string[] =>
  messages.flatMap(({ message }) => message.answer.map(recordText));
const soa = (serial: number): RR =>
  record(
    nameOf("example.org."),
    TYPE.SOA,
    0,
    rdata.soa(nameOf("ns."), nameOf("a."), serial, { refresh: 1, retry: 1, expire: 1, minimum: 1 }),
  );

/** Asks over a socket of its own. */
function serveSmall(t: Test, transfer: string): Promise<ZoneServer> {
  return serveZones(
    t,
    `example.org {\nbind 127.0.0.1\nfile DIR/db\n${transfer}\n}`,
    { db: SMALL },
    { sockets: true },
  );
}

const WHOLE = [
  "example.org. 300 IN SOA ns.example.org. admin.example.org. 5 3600 600 86400 60",
  "example.org. 300 IN NS ns.example.org.",
  'a.example.org. 300 IN TXT "x"',
  "b.example.org. 300 IN A 192.0.2.1",
  "ns.example.org. 300 IN A 192.0.2.53",
  "example.org. 300 IN SOA ns.example.org. admin.example.org. 5 3600 600 86400 60",
];

t.test("AXFR: from SOA to SOA, and a line in the log", async (t) => {
  const served = await serveSmall(t, "transfer {\nto *\n}");
  const messages = await transferFrom(udpPort(served), "Example.ORG. AXFR");
  t.same(lines(messages), WHOLE);
  t.equal(messages.length, 1);
  t.match(messages[0]!.message, { id: 7, question: { name: nameOf("Example.ORG.") }, opt: undefined });
  t.equal(messages[0]!.message.flags & (FLAG.QR | FLAG.AA), FLAG.QR | FLAG.AA);
  await until(() => served.log.length > 0);
  t.same(served.log, [
    '[info] plugin/transfer: Outgoing transfer of 6 records of zone "Example.ORG." to 127.0.0.1 for 5 SOA serial',
  ]);
});

t.test("IXFR: the SOA record alone to who is up to date, else the whole zone", async (t) => {
  const served = await serveSmall(t, "transfer {\nto *\n}");
  const port = udpPort(served);
  const same = await transferFrom(port, "example.org. IXFR", { authority: [soa(5)] });
  t.same(lines(same), WHOLE.slice(0, 1));
  t.equal(same[0]!.message.flags & FLAG.AA, 0);
  await until(() => served.log.length > 0);
  t.match(served.log, [
    /Outgoing noop, incremental transfer for up to date zone "example\.org\." to 127\.0\.0\.1 for 5/,
  ]);
  for (const serial of [4, 6, 0])
    t.same(lines(await transferFrom(port, "example.org. IXFR", { authority: [soa(serial)] })), WHOLE);
  for (const authority of [[], [record(nameOf("x."), TYPE.A, 1, rdata.a("192.0.2.1"))]])
    t.equal((await transferFrom(port, "example.org. IXFR", { authority }))[0]!.message.rcode, RCODE.SERVFAIL);
});

t.test("who may have it, and what", async (t) => {
  const served = await serveSmall(t, "transfer example.org org {\nto 127.0.0.2\nto 127.0.0.3:5353\n}");
  const port = udpPort(served);
  t.equal(
    (await transferFrom(port, "example.org. AXFR", { from: "127.0.0.3" }))[0]!.message.answer.length,
    6,
  );
  for (const [question, from] of [
    ["example.org. AXFR", "127.0.0.1"],
    ["a.example.org. AXFR", "127.0.0.2"],
    ["sub.example.org. AXFR", "127.0.0.2"],
  ] as const) {
    const [refused] = await transferFrom(port, question, { from });
    t.match(refused!.message, { rcode: RCODE.REFUSED, answer: [] }, `${question} from ${from}`);
    t.equal(refused!.message.flags & FLAG.AA, 0);
  }
  t.equal(await served.text("example.org. AXFR", { from: "127.0.0.2" }), "REFUSED", "not over UDP");
});

t.test("a zone of many messages: each is full and none too large", async (t) => {
  let taken = 0;
  const COUNT = 40_000;
  const big = definePlugin({
    name: "big",
    after: ["transfer"],
    directive: { args: {} },
    setup(_options, context) {
      context.provide(TRANSFER, {
        *records(): Iterable<RR> {
          yield soa(1);
          for (; taken < COUNT; taken++)
            yield record(nameOf(`h${taken}.example.org.`), TYPE.TXT, 60, rdata.txt("x".repeat(200)));
          yield soa(1);
        },
      });
      return { answer: (_query, next) => next(_query) };
    },
  });
  const served = await serveZones(
    t,
    "example.org {\nbind 127.0.0.1\ntransfer {\nto *\n}\nbig\n}",
    {},
    { sockets: true, plugins: [big] },
  );
  const messages = await transferFrom(udpPort(served), "example.org. AXFR");
  const sizes = messages.map(({ size }) => size);
  t.equal(
    messages.reduce((n, { message }) => n + message.answer.length, 0),
    COUNT + 2,
  );
  t.ok(Math.max(...sizes) <= 65535);
  t.ok(
    Math.min(...sizes.slice(0, -1)) > 40_000,
    "names shortened, so less than the 63,000 that they are filled to",
  );
});

t.test("messages are made as they are taken", async (t) => {
  let taken = 0;
  let sent: number | undefined;
  const records = function* (): Iterable<RR> {
    for (; taken < 10_000; taken++)
      yield record(nameOf(`h${taken}.example.org.`), TYPE.TXT, 60, rdata.txt("x".repeat(200)));
  };
  const query = new Query();
  query.name = query.rawName = nameOf("example.org.");
  const messages = transferMessages(query, records(), (count) => (sent = count));
  const first = messages.next();
  t.ok(!(first.done ?? false) && taken < 300, `${taken} records for the first message`);
  t.equal(sent, undefined);
  let count = first.done === true ? 0 : first.value.answer.length;
  for (const message of messages) count += message.answer.length;
  t.equal(count, 10_000);
  t.equal(sent, 10_000);
});

t.test("a source without data fails, one that is not authoritative is passed over", async (t) => {
  const empty = definePlugin({
    name: "empty",
    after: ["transfer"],
    directive: { args: {} },
    setup(_options, context) {
      context.provide(TRANSFER, { records: (name) => (name === nameOf("example.org.") ? [] : undefined) });
      return { answer: (query, next) => next(query) };
    },
  });
  const { text } = await serveZones(
    t,
    "org {\ntransfer {\nto *\n}\nempty\nfile DIR/db sub.org\n}",
    { db: SMALL },
    { plugins: [empty] },
  );
  t.equal(await text("example.org. AXFR", { protocol: "tcp" }), "SERVFAIL");
  t.equal(
    await text("other.org. AXFR", { protocol: "tcp" }),
    "REFUSED",
    "file, the last plugin, has no such zone",
  );
});

/** A server that takes NOTIFY messages and answers with `rcode`. */
async function receiver(t: Test, rcode: () => number) {
  const socket = createSocket("udp4");
  const received: ReturnType<typeof dnsPacket.decode>[] = [];
  const from: string[] = [];
  socket.on("message", (bytes, peer) => {
    const packet = dnsPacket.decode(bytes);
    received.push(packet);
    from.push(peer.address);
    const flags = (OPCODE.NOTIFY << 11) | FLAG.AA | rcode();
    socket.send(
      dnsPacket.encode({ type: "response", id: packet.id!, flags, questions: packet.questions }),
      peer.port,
      peer.address,
    );
  });
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  t.teardown(() => socket.close());
  return { port: socket.address().port, received, from };
}

t.test("NOTIFY at the start and after a change; not taken: tried three times, and said", async (t) => {
  let rcode: number = RCODE.NOERROR;
  const { port, received, from } = await receiver(t, () => rcode);
  const { write, log } = await serveZones(
    t,
    `example.org {\nfile DIR/db {\nreload 20ms\n}\ntransfer {\nto * 127.0.0.1:${port}\nsource 127.0.0.8\n}\n}`,
    { db: SMALL },
  );
  await until(() => received.length > 0);
  t.match(received[0], {
    opcode: "NOTIFY",
    flag_aa: true,
    questions: [{ name: "example.org", type: "SOA", class: "IN" }],
  });
  t.same(from, ["127.0.0.8"]);

  rcode = RCODE.REFUSED;
  write("db", zoneText(6));
  await until(() => log.some((line) => line.includes("notifies")));
  t.equal(received.length, 1 + 3);
  t.equal(
    log.at(-1),
    `[warning] plugin/file: Failed sending notifies: notify for zone "example.org." was not accepted by "127.0.0.1:${port}": rcode was "REFUSED"`,
  );
});

t.test("NOTIFY to nobody: over soon, and no harm", async (t) => {
  const { write, log } = await serveZones(
    t,
    "example.org {\nfile DIR/db {\nreload 20ms\n}\ntransfer {\nto 127.0.0.1:1 192.0.2.1\nsource 127.0.0.1\n}\n}",
    { db: SMALL },
  );
  write("db", zoneText(6));
  await until(() => log.some((line) => line.includes("with 6 SOA serial")));
  t.match(log, [/with 6 SOA serial/], "the server closes while it waits for an answer");
});
