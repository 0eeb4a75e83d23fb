import { ipv4Text, ipv6Text } from "../../dns/address.ts";

/** A UDP datagram in a buffer: its payload is `[start, end)`. One object is used again and again. */
export interface Datagram {
  from: string;
  to: string;
  fromPort: number;
  toPort: number;
  start: number;
  end: number;
}

/** Link types (draft-ietf-opsawg-pcaplinktype). */
const LINK = {
  NULL: 0,
  ETHERNET: 1,
  RAW: 101,
  LOOP: 108,
  SLL: 113,
  SLL2: 276,
  IPV4: 228,
  IPV6: 229,
} as const;
/** What OpenBSD and others wrote for raw packets. */
const OLD_RAW: readonly number[] = [12, 14];
const ETHERTYPE = { IPV4: 0x0800, IPV6: 0x86dd, VLAN: 0x8100, QINQ: 0x88a8 } as const;
const UDP = 17;
/** IPv6 extension headers that may stand in front of UDP: hop-by-hop, routing, destination options. */
const EXTENSIONS: readonly number[] = [0, 43, 60];

/** Finds the datagram in a frame; false where there is none, it is a fragment, or it was cut. */
export function readDatagram(b: Buffer, start: number, end: number, link: number, into: Datagram): boolean {
  const ip = ipStart(b, start, end, link);
  if (ip < 0 || ip + 20 > end) return false;
  return b[ip]! >> 4 === 4 ? ipv4(b, ip, end, into) : b[ip]! >> 4 === 6 && ipv6(b, ip, end, into);
}

/** Where the IP header is; -1 where there is none. */
function ipStart(b: Buffer, start: number, end: number, link: number): number {
  let at: number;
  switch (link) {
    case LINK.ETHERNET:
      at = start + 12;
      break;
    case LINK.SLL:
      at = start + 14;
      break;
    case LINK.SLL2:
      return start + 20 <= end ? start + 20 : -1;
    case LINK.NULL:
    case LINK.LOOP:
      return start + 4;
    case LINK.RAW:
    case LINK.IPV4:
    case LINK.IPV6:
      return start;
    default:
      return OLD_RAW.includes(link) ? start : -1;
  }
  for (let tags = 0; at + 2 <= end && tags < 3; tags++) {
    const type = b.readUInt16BE(at);
    if (type === ETHERTYPE.IPV4 || type === ETHERTYPE.IPV6) return at + 2;
    if (type !== ETHERTYPE.VLAN && type !== ETHERTYPE.QINQ) return -1;
    at += 4;
  }
  return -1;
}

function ipv4(b: Buffer, at: number, end: number, into: Datagram): boolean {
  const header = (b[at]! & 15) * 4;
  const isFragment = (b.readUInt16BE(at + 6) & 0x3fff) !== 0;
  if (b[at + 9] !== UDP || isFragment || header < 20) return false;
  into.from = ipv4Text(b.latin1Slice(at + 12, at + 16));
  into.to = ipv4Text(b.latin1Slice(at + 16, at + 20));
  return udp(b, at + header, Math.min(end, at + b.readUInt16BE(at + 2)), into);
}

function ipv6(b: Buffer, at: number, end: number, into: Datagram): boolean {
  if (at + 40 > end) return false;
  let next = b[at + 6]!;
  let payload = at + 40;
  const last = Math.min(end, payload + b.readUInt16BE(at + 4));
  for (let i = 0; EXTENSIONS.includes(next) && payload + 8 <= last && i < 8; i++) {
    next = b[payload]!;
    payload += 8 * (b[payload + 1]! + 1);
  }
  if (next !== UDP) return false;
  into.from = ipv6Text(b.latin1Slice(at + 8, at + 24));
  into.to = ipv6Text(b.latin1Slice(at + 24, at + 40));
  return udp(b, payload, last, into);
}

function udp(b: Buffer, at: number, end: number, into: Datagram): boolean {
  if (at + 8 > end) return false;
  into.fromPort = b.readUInt16BE(at);
  into.toPort = b.readUInt16BE(at + 2);
  into.start = at + 8;
  into.end = at + b.readUInt16BE(at + 4);
  return into.end <= end && into.end >= into.start;
}
