/** Captures in all forms that the same packets may have: written here by the formats' drafts, from one that tcpdump wrote. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { readInput } from "../../src/ndots/audit/read.ts";
import { seededRandom } from "../../src/resolver/clock.ts";
import { root } from "../support/paths.ts";
import { file } from "./cli.ts";

t.setTimeout(120_000);

interface Packet {
  readonly ms: number;
  readonly bytes: Buffer;
}

/** A file of tcpdump's: microseconds, little-endian. */
function packetsOf(name: string): Packet[] {
  const bytes = readFileSync(join(root, "test/ndots/data", name));
  const packets: Packet[] = [];
  for (let at = 24; at < bytes.length; at += 16 + bytes.readUInt32LE(at + 8)) {
    const ms = bytes.readUInt32LE(at) * 1000 + bytes.readUInt32LE(at + 4) / 1000;
    packets.push({ ms, bytes: bytes.subarray(at + 16, at + 16 + bytes.readUInt32LE(at + 8)) });
  }
  return packets;
}

const ethernet = packetsOf("ethernet.pcap");
const withoutEthernet = ethernet.map(({ ms, bytes }) => ({ ms, bytes: bytes.subarray(14) }));

interface Order {
  u32(value: number): Buffer;
  u16(value: number): Buffer;
}
const little: Order = {
  u32: (value) => Buffer.from(new Uint32Array([value]).buffer),
  u16: (value) => Buffer.from(new Uint16Array([value]).buffer),
};
const big: Order = { u32: (value) => little.u32(value).swap32(), u16: (value) => little.u16(value).swap16() };

function pcap(packets: readonly Packet[], link: number, { u32, u16 }: Order, nanoseconds = false): Buffer {
  const header = [
    u32(nanoseconds ? 0xa1b23c4d : 0xa1b2c3d4),
    u16(2),
    u16(4),
    u32(0),
    u32(0),
    u32(65535),
    u32(link),
  ];
  const records = packets.flatMap(({ ms, bytes }) => {
    const part = Math.round((ms % 1000) * (nanoseconds ? 1e6 : 1e3));
    return [u32(Math.floor(ms / 1000)), u32(part), u32(bytes.length), u32(bytes.length), bytes];
  });
  return Buffer.concat([...header, ...records]);
}

const padded = (bytes: Buffer): Buffer => Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);

function pcapng(packets: readonly Packet[], link: number, { u32, u16 }: Order, resolution?: number): Buffer {
  const block = (type: number, ...body: readonly Buffer[]): Buffer => {
    const inner = Buffer.concat(body);
    const length = u32(12 + inner.length);
    return Buffer.concat([u32(type), length, inner, length]);
  };
  const section = block(0x0a0d0d0a, u32(0x1a2b3c4d), u16(1), u16(0), Buffer.alloc(8, 255));
  const option =
    resolution === undefined ? [] : [u16(9), u16(1), padded(Buffer.from([resolution])), u16(0), u16(0)];
  const description = block(1, u16(link), u16(0), u32(0), ...option);
  const perMs = resolution === undefined ? 1e3 : 10 ** (resolution - 3);
  const blocks = packets.map(({ ms, bytes }) => {
    const ticks = Math.round(ms * perMs);
    const time = [u32(Math.floor(ticks / 2 ** 32)), u32(ticks % 2 ** 32)];
    return block(6, u32(0), ...time, u32(bytes.length), u32(bytes.length), padded(bytes));
  });
  // A block that nobody needs to know stands in between.
  return Buffer.concat([section, description, block(5, u32(0), u32(0), u32(0)), ...blocks]);
}

interface Read {
  readonly sightings: string[];
  readonly ms: number;
  readonly skipped: number;
}

async function read(name: string, bytes: Buffer): Promise<Read> {
  const sightings: string[] = [];
  let ms = 0;
  const { skipped } = await readInput(file(name, bytes), (one) => {
    sightings.push(`${one.address} ${one.name} ${String(one.kind)} ${String(one.negative)}`);
    ms += one.ms;
  });
  return { sightings, ms, skipped };
}

const plain = await read("plain.pcap", pcap(ethernet, 1, little));

void t.test("the questions in the capture", async (t) => {
  t.equal(plain.sightings.length, 13);
  t.equal(plain.sightings[0], "10.96.0.10 api.example.com.shop.svc.cluster.local. 0 true");
  t.equal(plain.sightings[7], "10.96.0.10 api.example.com. 1 false");
  t.equal(plain.sightings[12], "fd00::7 gone.shop.svc.cluster.local. 0 true");
});

const vlan = ethernet.map(({ ms, bytes }) => ({
  ms,
  bytes: Buffer.concat([
    bytes.subarray(0, 12),
    Buffer.from([0x88, 0xa8, 0, 5, 0x81, 0, 0, 7]),
    bytes.subarray(12),
  ]),
}));
const loopback = withoutEthernet.map(({ ms, bytes }) => ({
  ms,
  bytes: Buffer.concat([little.u32(bytes[0]! >> 4 === 4 ? 2 : 30), bytes]),
}));

for (const [title, bytes] of [
  ["big-endian", pcap(ethernet, 1, big)],
  ["nanoseconds", pcap(ethernet, 1, little, true)],
  ["with frame check sequences told in the link type", pcap(ethernet, 1 | 0x10000000, little)],
  ["two VLAN tags", pcap(vlan, 1, little)],
  ["raw IP", pcap(withoutEthernet, 101, little)],
  ["raw IP, an old number", pcap(withoutEthernet, 12, big)],
  ["BSD loopback", pcap(loopback, 0, little)],
  ["pcapng", pcapng(ethernet, 1, little)],
  ["pcapng, big-endian, nanoseconds", pcapng(ethernet, 1, big, 9)],
  ["pcapng, milliseconds", pcapng(ethernet, 1, little, 3)],
  [
    "pcapng, two sections of different order",
    Buffer.concat([pcapng(ethernet.slice(0, 10), 1, little), pcapng(ethernet.slice(10), 1, big)]),
  ],
] as const) {
  void t.test(title, async (t) => {
    const found = await read("form.pcap", bytes);
    t.same(found.sightings, plain.sightings);
    t.equal(found.skipped, 0);
    t.ok(Math.abs(found.ms - plain.ms) < (title.includes("milliseconds") ? 14 : 0.2), "times");
  });
}

void t.test("captured twice: each answer counts once", async (t) => {
  const twice = ethernet.flatMap((packet) => [packet, packet]);
  t.same((await read("twice.pcap", pcap(twice, 1, little))).sightings, plain.sightings);
});

void t.test("what is no DNS answer is passed over", async (t) => {
  const change = (edit: (bytes: Buffer) => void): Packet[] =>
    ethernet.map(({ ms, bytes }) => {
      const copy = Buffer.from(bytes);
      edit(copy);
      return { ms, bytes: copy };
    });
  const isV4 = (bytes: Buffer): boolean => bytes.readUInt16BE(12) === 0x0800;
  const fragments = change((bytes) => isV4(bytes) && (bytes[20] = 0x20));
  t.equal((await read("fragments.pcap", pcap(fragments, 1, little))).sightings.length, 3, "fragments");
  const tcp = change((bytes) => (isV4(bytes) ? (bytes[23] = 6) : (bytes[20] = 6)));
  t.equal((await read("tcp.pcap", pcap(tcp, 1, little))).sightings.length, 0, "TCP");
  const cut = ethernet.map(({ ms, bytes }) => ({ ms, bytes: bytes.subarray(0, 60) }));
  t.equal((await read("cut.pcap", pcap(cut, 1, little))).sightings.length, 0, "cut off");
  t.equal((await read("arp.pcap", pcap(ethernet, 9999, little))).sightings.length, 0, "an unknown link type");
  const unanswered = ethernet.filter(({ bytes }) => bytes.readUInt16BE(isV4(bytes) ? 36 : 56) === 53);
  t.equal(
    (await read("unanswered.pcap", pcap(unanswered, 1, little))).sightings.length,
    0,
    "questions alone",
  );
});

void t.test("bytes at random: no error, no hang, bounded memory", async (t) => {
  const random = seededRandom(5);
  const whole = [pcap(ethernet, 1, little), pcapng(ethernet, 1, little), pcap(ethernet, 113, big)];
  for (let i = 0; i < 300; i++) {
    const bytes = Buffer.from(whole[i % whole.length]!);
    for (let n = 0; n < 1 + random() * 8; n++)
      bytes[4 + Math.floor(random() * (bytes.length - 4))] = Math.floor(random() * 256);
    await read("random.pcap", bytes.subarray(0, Math.floor(random() * bytes.length) + 4));
  }
  t.pass("all read");
});
