/** Socket addresses as the kernel writes them (`sockaddr_in`, `sockaddr_in6` on Linux). */
import { ipv4Text, ipv6Text } from "../dns/address.ts";

const AF_INET = 2;
const MAPPED = "\0\0\0\0\0\0\0\0\0\0\xff\xff";

/** The family of the client: an IPv4 client of a dual-stack socket is an IPv4 client. */
export function familyAt(bytes: Buffer, at: number): 4 | 6 {
  if (bytes[at] === AF_INET) return 4;
  for (let i = 8; i < 18; i++) if (bytes[at + i] !== 0) return 6;
  return bytes[at + 18] === 0xff && bytes[at + 19] === 0xff ? 4 : 6;
}

export const portAt = (bytes: Buffer, at: number): number => bytes.readUInt16BE(at + 2);

export function addressAt(bytes: Buffer, at: number): string {
  return bytes[at] === AF_INET
    ? ipv4Text(bytes.latin1Slice(at + 4, at + 8))
    : ipText(bytes.latin1Slice(at + 8, at + 24));
}

/** The text of 16 bytes, IPv4 where they are a mapped address. */
function ipText(address: string): string {
  return address.startsWith(MAPPED) ? ipv4Text(address.slice(12)) : ipv6Text(address);
}
