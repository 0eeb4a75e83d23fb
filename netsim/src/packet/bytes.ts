/** Octets of packets: headers, checksums, addresses. Numbers are written in network byte order. */
import ipaddr from "ipaddr.js";

export type Bytes = Uint8Array;

/** Numbers as octets: `[value, width]` pairs, widths in octets up to 6. */
export function fields(...pairs: readonly (readonly [value: number, width: number])[]): Bytes {
  const out = new Uint8Array(pairs.reduce((sum, [, width]) => sum + width, 0));
  let at = 0;
  for (const [value, width] of pairs) {
    let rest = value;
    for (let i = width - 1; i >= 0; i--) {
      out[at + i] = rest % 256;
      rest = Math.floor(rest / 256);
    }
    at += width;
  }
  return out;
}

export function concat(...parts: readonly Bytes[]): Bytes {
  const out = new Uint8Array(parts.reduce((sum, p) => sum + p.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

export const text = (string: string): Bytes => new TextEncoder().encode(string);

/** An IP address's octets: 4 or 16. An IPv4 address in IPv6 notation stays one of IPv6. */
export const addressBytes = (address: string): Bytes => new Uint8Array(ipaddr.parse(address).toByteArray());

/** `aa:bb:cc:dd:ee:ff`; zeros for what is none. */
export const macBytes = (mac: string): Bytes => {
  const octets = mac.split(":").map((h) => parseInt(h, 16));
  return octets.length === 6 && octets.every((n) => n >= 0 && n <= 255)
    ? new Uint8Array(octets)
    : new Uint8Array(6);
};

/** The Internet checksum (RFC 1071) over parts, each of which but the last has an even length. */
export function checksum(...parts: readonly Bytes[]): number {
  let sum = 0;
  for (const part of parts)
    for (let i = 0; i < part.length; i += 2) sum += ((part[i] ?? 0) << 8) | (part[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  return ~sum & 0xffff;
}

/** RFC 9293 section 3.1, RFC 768, RFC 8200 section 8.1. */
export function pseudoHeader(source: Bytes, destination: Bytes, protocol: number, length: number): Bytes {
  return source.length === 4
    ? concat(source, destination, fields([0, 1], [protocol, 1], [length, 2]))
    : concat(source, destination, fields([length, 4], [0, 3], [protocol, 1]));
}

/** Octets that look like cipher text: from a seed alone, so that a capture is the same each time (Marsaglia's xorshift). */
export function noise(seed: number, length: number): Bytes {
  const out = new Uint8Array(length);
  let x = (seed ^ 0x9e3779b9) >>> 0 || 1;
  for (let i = 0; i < length; i++) {
    x ^= x << 13;
    x >>>= 0;
    x ^= x >>> 17;
    x ^= x << 5;
    x >>>= 0;
    out[i] = x & 0xff;
  }
  return out;
}

/** A number that depends on all octets (FNV-1a). */
export function digest(bytes: Bytes): number {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash;
}
