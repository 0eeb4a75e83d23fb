/** What primaries may answer, and what becomes of it. */
import t, { type Test } from "tap";
import { fetchSerial, fetchZone } from "../../../plugins/secondary/fetch.ts";
import { encodeMessage } from "../../../src/dns/codec.ts";
import { nameOf } from "../../../src/dns/name.ts";
import type { RR } from "../../../src/dns/rr.ts";
import { FLAG, RCODE, TYPE } from "../../../src/dns/types.ts";
import { rr } from "../../dns/data.ts";
import { fakeUpstream, type Received } from "../../upstream/fake-upstream.ts";

const ZONE = nameOf("example.org.");
const SOA = rr("Example.ORG. 60 SOA ns.example.org. admin.example.org. 7 1 2 3 4");
const A = (n: number): RR => rr(`h${n}.example.org. 60 A 192.0.2.${n}`);

interface Sent {
  readonly id?: number;
  readonly flags?: number;
}

/** Sends records as a message of the transfer. */
const send = (
  { packet, send }: Received,
  answer: readonly RR[],
  { id = packet.id!, flags = FLAG.QR | FLAG.AA }: Sent = {},
): void => send(encodeMessage({ id, flags, answer, authority: [], additional: [] }).bytes);

async function fetch(t: Test, serve: (received: Received) => void) {
  const upstream = await fakeUpstream(t, serve);
  const primary = { address: "127.0.0.1", port: upstream.port, text: upstream.name };
  const stop = new AbortController();
  t.teardown(() => stop.abort());
  const asking = { random: Math.random, signal: stop.signal };
  return {
    upstream,
    zone: await fetchZone(ZONE, primary, asking),
    serial: await fetchSerial(ZONE, primary, asking),
    stop,
  };
}

t.test("a zone in several messages, several in a packet or one in many", async (t) => {
  const { upstream, zone } = await fetch(t, (received) => {
    send(received, [SOA, A(1)]);
    send(received, []);
    send(received, [A(2)]);
    setTimeout(() => send(received, [A(3), SOA]), 20);
  });
  t.match(zone, { soa: { type: TYPE.SOA } });
  t.equal("nodes" in zone && zone.nodes.size, 3);
  const { packet, network } = upstream.received[0]!;
  t.match(packet, { questions: [{ name: "example.org", type: "AXFR" }], answers: [], additionals: [] });
  t.equal(network, "tcp");
});

t.test("the serial", async (t) => {
  const { upstream, serial } = await fetch(t, (received) => send(received, [A(1), SOA]));
  t.equal(serial, 7);
  t.match(upstream.received[1]!.packet.questions, [{ name: "example.org", type: "SOA" }]);
});

t.test("what is no zone", async (t) => {
  for (const [what, serve, error] of [
    ["refused", (r) => send(r, [], { flags: FLAG.QR | RCODE.REFUSED }), "the primary says REFUSED"],
    [
      "another id",
      (r) => send(r, [SOA, A(1), SOA], { id: (r.packet.id! + 1) % 65536 }),
      "a message that is no reply",
    ],
    ["no reply", (r) => send(r, [SOA, A(1), SOA], { flags: 0 }), "a message that is no reply"],
    ["no SOA first", (r) => send(r, [A(1), SOA]), "the first record is no SOA of the zone"],
    [
      "another zone's SOA",
      (r) => send(r, [rr("example.net. 60 SOA ns. a. 1 2 3 4 5")]),
      "the first record is no SOA of the zone",
    ],
    ["nothing", (r) => send(r, []), "no SOA record in the first message"],
    ["garbage", (r) => r.send(Buffer.alloc(5)), "a message that can't be read (short)"],
    [
      "NSEC3",
      (r) => send(r, [SOA, rr("example.org. NSEC3PARAM 1 0 0 -"), SOA]),
      /^NSEC3 zones can't be served/,
    ],
    [
      "cut off",
      (r) => {
        send(r, [SOA, A(1)]);
        r.end();
      },
      /the connection was closed before the last message$/,
    ],
    [
      "reset",
      (r) => {
        send(r, [SOA, A(1)]);
        setTimeout(() => r.reset(), 10);
      },
      /read: connection reset by peer$/,
    ],
  ] as const satisfies readonly (readonly [string, (received: Received) => void, string | RegExp])[]) {
    const { zone } = await fetch(t, serve);
    t.match(zone, { error }, what);
  }
});

t.test("given up at once when the server stops", async (t) => {
  const upstream = await fakeUpstream(t, () => undefined);
  const stop = new AbortController();
  setTimeout(() => stop.abort(), 20);
  const asking = { random: Math.random, signal: stop.signal };
  const primary = { address: "127.0.0.1", port: upstream.port, text: upstream.name };
  t.same(await fetchZone(ZONE, primary, asking), { error: "the server stops" });
});
