/** What IP packets carry, as octets: UDP, TCP, SCTP, ICMP. Checksums are of the addresses that the packet has. */
import { addressBytes, checksum, concat, digest, fields, pseudoHeader, type Bytes } from "./bytes.ts";
import { familyOf } from "./tunnel.ts";

/** IANA's protocol numbers. */
export const PROTOCOL = {
  icmp: 1,
  ipip: 4,
  tcp: 6,
  udp: 17,
  ipv6: 41,
  fragment: 44,
  esp: 50,
  icmpv6: 58,
  sctp: 132,
} as const;

/** Addresses of a packet, and its ports where it has some. */
export interface Ends {
  readonly source: string;
  readonly destination: string;
  readonly ports?: readonly [source: number, destination: number];
}

/** A packet without its IP header: `write` makes the octets for the addresses and ports that it has on a link. */
export interface Cargo {
  readonly protocol: number;
  write(ends: Ends): Bytes;
}

/** With `value`, 2 octets at `at`. */
function patched(bytes: Bytes, at: number, value: number): Bytes {
  bytes[at] = value >>> 8;
  bytes[at + 1] = value & 0xff;
  return bytes;
}

const summed = (ends: Ends, protocol: number, bytes: Bytes): number =>
  checksum(
    pseudoHeader(addressBytes(ends.source), addressBytes(ends.destination), protocol, bytes.length),
    bytes,
  );

/** RFC 768: a sum of zero is sent as all ones. */
export function udp(payload: Bytes, ends: Ends): Bytes {
  const [from, to] = ends.ports ?? [0, 0];
  const bytes = concat(fields([from, 2], [to, 2], [8 + payload.length, 2], [0, 2]), payload);
  return patched(bytes, 6, summed(ends, PROTOCOL.udp, bytes) || 0xffff);
}

export const FLAG = { fin: 1, syn: 2, rst: 4, psh: 8, ack: 16 } as const;

export interface Segment {
  readonly seq: number;
  readonly ack: number;
  readonly flags: number;
  /** Offered in a SYN. */
  readonly mss?: number;
  /** RFC 7323: own clock and the other's, in ms. */
  readonly clock?: readonly [own: number, other: number];
  readonly payload?: Bytes;
}

/** RFC 9293 section 3.1; options as Linux sends them: MSS, SACK permitted, timestamps, window scale 7. */
export function tcp(segment: Segment, ends: Ends): Bytes {
  const { seq, ack, flags, mss, clock, payload = new Uint8Array() } = segment;
  const [from, to] = ends.ports ?? [0, 0];
  const stamps = clock === undefined ? [] : [fields([8, 1], [10, 1], [clock[0], 4], [clock[1], 4])];
  const options =
    mss === undefined
      ? concat(...(clock === undefined ? [] : [fields([1, 1], [1, 1])]), ...stamps)
      : concat(
          fields([2, 1], [4, 1], [mss, 2], [4, 1], [2, 1]),
          ...stamps,
          fields([1, 1], [3, 1], [3, 1], [7, 1]),
        );
  const window = (flags & FLAG.rst) !== 0 ? 0 : mss === undefined ? 512 : 64240;
  const bytes = concat(
    fields(
      [from, 2],
      [to, 2],
      [seq, 4],
      [ack, 4],
      [(20 + options.length) << 2, 1],
      [flags, 1],
      [window, 2],
      [0, 2],
      [0, 2],
    ),
    options,
    payload,
  );
  return patched(bytes, 16, summed(ends, PROTOCOL.tcp, bytes));
}

/** An echo request or reply (RFC 792, RFC 4443 section 4), `size` octets of payload counting up as ping fills them. */
export function echo(reply: boolean, id: number, sequence: number, size: number, ends: Ends): Bytes {
  const six = familyOf(ends.source) === 6;
  const type = six ? (reply ? 129 : 128) : reply ? 0 : 8;
  const payload = Uint8Array.from({ length: size }, (_, i) => i & 0xff);
  return icmp(six, concat(fields([type, 1], [0, 1], [0, 2], [id, 2], [sequence, 2]), payload), ends);
}

/**
 * An error about a packet. "too-big": fragmentation needed (type 3 code 4, RFC 1191 section 4) or Packet Too Big (RFC 4443
 * section 3.2), with the MTU; "port": port unreachable. As much of the packet as fits into 576 (RFC 1812 section 4.3.2.3) or
 * 1280 octets (RFC 4443 section 2.4).
 */
export function icmpError(what: "too-big" | "port", mtu: number, about: Bytes, ends: Ends): Bytes {
  const six = familyOf(ends.source) === 6;
  const quoted = about.subarray(0, six ? 1280 - 40 - 8 : 576 - 20 - 8);
  const head = six
    ? what === "too-big"
      ? fields([2, 1], [0, 1], [0, 2], [mtu, 4])
      : fields([1, 1], [4, 1], [0, 2], [0, 4])
    : what === "too-big"
      ? fields([3, 1], [4, 1], [0, 2], [0, 2], [mtu, 2])
      : fields([3, 1], [3, 1], [0, 2], [0, 4]);
  return icmp(six, concat(head, quoted), ends);
}

function icmp(six: boolean, bytes: Bytes, ends: Ends): Bytes {
  return patched(bytes, 2, six ? summed(ends, PROTOCOL.icmpv6, bytes) : checksum(bytes));
}

/** SCTP's INIT (RFC 9260 section 3.3.2), with the CRC32c of its appendix A. */
export function sctpInit(ends: Ends): Bytes {
  const [from, to] = ends.ports ?? [0, 0];
  const tag = digest(addressBytes(ends.source));
  const bytes = concat(
    fields([from, 2], [to, 2], [0, 4], [0, 4]),
    fields([1, 1], [0, 1], [20, 2], [tag, 4], [106496, 4], [10, 2], [65535, 2], [tag ^ 0x5a5a5a5a, 4]),
  );
  const crc = crc32c(bytes);
  // It is stored with its least significant octet first.
  for (let i = 0; i < 4; i++) bytes[8 + i] = (crc >>> (8 * i)) & 0xff;
  return bytes;
}

function crc32c(bytes: Bytes): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ ((crc & 1) * 0x82f63b78);
  }
  return ~crc >>> 0;
}
