/**
 * Captures of packets: pcap (draft-ietf-opsawg-pcap) and pcapng (draft-ietf-opsawg-pcapng), as tcpdump and Wireshark write them. Of what is
 * in them only DNS over UDP, port 53, in whole packets is read.
 */
import { readDatagram, type Datagram } from "./frame.ts";
import { createDnsReader } from "./dns-packets.ts";
import type { Sighting } from "./log-line.ts";
import type { Counts } from "./read.ts";

export interface CaptureReader {
  push(chunk: Buffer): void;
  end(): void;
}

const NG_SECTION = 0x0a0d0d0a;
/** Magic numbers of pcap by the unit of their times, in ms. */
const UNIT: Readonly<Record<number, number>> = { 0xa1b2c3d4: 1e-3, 0xa1b23c4d: 1e-6 };
/** No packet, and no block that is of use, is larger. */
const BIG_ENOUGH = 4 * 1024 * 1024;

/** Whether a file that begins so is a capture. */
export function isPcap(start: Buffer): boolean {
  if (start.length < 4) return false;
  const [le, be] = [start.readUInt32LE(0), start.readUInt32BE(0)];
  return be === NG_SECTION || UNIT[le] !== undefined || UNIT[be] !== undefined;
}

/** What is to be done with the bytes at `at`: how many there must be, and what to do when they are there, which returns how many were used. */
interface Step {
  readonly need: number;
  readonly take: (bytes: Buffer, at: number) => Step;
}

/** Calls `see` for each answer. */
export function createPcapReader(counts: Counts, see: (sighting: Sighting) => void): CaptureReader {
  const dns = createDnsReader(see);
  const datagram: Datagram = { from: "", to: "", fromPort: 0, toPort: 0, start: 0, end: 0 };
  const packet = (bytes: Buffer, start: number, end: number, link: number, ms: number): void => {
    counts.read++;
    if (!readDatagram(bytes, start, end, link, datagram) || !dns(bytes, datagram, ms)) counts.skipped++;
  };

  let step: Step = { need: 4, take: (bytes, at) => begin(bytes, at, packet) };
  let rest: Buffer = Buffer.alloc(0);
  return {
    push(chunk) {
      const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      let at = 0;
      while (bytes.length - at >= step.need) {
        const { need, take } = step;
        step = take(bytes, at);
        at += need;
      }
      rest = Buffer.from(bytes.subarray(at));
    },
    end: () => undefined,
  };
}

type Packet = (bytes: Buffer, start: number, end: number, link: number, ms: number) => void;

/** Bytes that nobody understands: the rest is passed over. */
const LOST: Step = { need: 65536, take: () => LOST };

function begin(bytes: Buffer, at: number, packet: Packet): Step {
  if (bytes.readUInt32BE(at) === NG_SECTION) return ngSection(packet);
  const little = UNIT[bytes.readUInt32LE(at)] !== undefined;
  const u32 = (from: Buffer, offset: number): number =>
    little ? from.readUInt32LE(offset) : from.readUInt32BE(offset);
  const unit = UNIT[u32(bytes, at)]!;
  return {
    need: 20,
    take(header, offset) {
      // The upper bits tell of frame check sequences.
      const link = u32(header, offset + 16) & 0xffff;
      const next: Step = {
        need: 16,
        take(record, start) {
          const ms = u32(record, start) * 1000 + u32(record, start + 4) * unit;
          const length = u32(record, start + 8);
          if (length > BIG_ENOUGH) return LOST;
          return {
            need: length,
            take(data, from) {
              packet(data, from, from + length, link, ms);
              return next;
            },
          };
        },
      };
      return next;
    },
  };
}

/** Behind a section header's type. A file may have several sections, of different byte orders. */
function ngSection(packet: Packet): Step {
  return {
    need: 8,
    take(header, at) {
      const little = header.readUInt32LE(at + 4) === 0x1a2b3c4d;
      const u32 = (from: Buffer, offset: number): number =>
        little ? from.readUInt32LE(offset) : from.readUInt32BE(offset);
      const u16 = (from: Buffer, offset: number): number =>
        little ? from.readUInt16LE(offset) : from.readUInt16BE(offset);
      const links: { readonly link: number; readonly unit: number }[] = [];
      const block: Step = {
        need: 8,
        take(start, from) {
          const type = start.readUInt32BE(from) === NG_SECTION ? NG_SECTION : u32(start, from);
          if (type === NG_SECTION) {
            // Its length is in the new section's order: read the type again, the rest as a section's beginning.
            const again = ngSection(packet);
            return {
              need: 4,
              take: (magic, offset) => again.take(rejoin(start, from + 4, magic, offset), 0),
            };
          }
          const length = u32(start, from + 4) - 8;
          if (length < 4 || length > BIG_ENOUGH) return LOST;
          return {
            need: length,
            take(body, offset) {
              if (type === 1)
                links.push({
                  link: u16(body, offset),
                  unit: unitOf(body, offset + 8, offset + length - 4, u16),
                });
              else if (type === 6 && length >= 24) {
                const of = links[u32(body, offset)];
                const ticks = u32(body, offset + 4) * 2 ** 32 + u32(body, offset + 8);
                const size = Math.min(u32(body, offset + 12), length - 24);
                if (of !== undefined) packet(body, offset + 20, offset + 20 + size, of.link, ticks * of.unit);
              }
              return block;
            },
          };
        },
      };
      const rest = u32(header, at) - 12;
      return rest < 4 || rest > BIG_ENOUGH ? LOST : { need: rest, take: () => block };
    },
  };
}

const rejoin = (a: Buffer, at: number, b: Buffer, bt: number): Buffer =>
  Buffer.concat([a.subarray(at, at + 4), b.subarray(bt, bt + 4)]);

/** An interface's unit of time in ms: option if_tsresol, microseconds without it. */
function unitOf(bytes: Buffer, from: number, end: number, u16: (from: Buffer, at: number) => number): number {
  for (let at = from; at + 4 <= end; at += 4 + ((u16(bytes, at + 2) + 3) & ~3)) {
    if (u16(bytes, at) !== 9) continue;
    const power = bytes[at + 4]!;
    return (power & 0x80) === 0 ? 1000 * 10 ** -power : 1000 * 2 ** -(power & 0x7f);
  }
  return 1e-3;
}
