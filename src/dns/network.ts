/** Networks of addresses: what `10.0.0.0/8` says. */
import { ipv4Bytes, ipv6Bytes } from "./address.ts";

export interface Network {
  /** 4 or 16, one character a byte; what stands behind `bits` counts for nothing. */
  readonly bytes: string;
  readonly bits: number;
}

const MAPPED = "\0".repeat(10) + "\xff\xff";

/** The bytes of an address, 4 or 16; an IPv4 address mapped into IPv6 is an IPv4 address. undefined for what is none. */
export function addressBytes(text: string): string | undefined {
  const v4 = ipv4Bytes(text);
  if (v4 !== undefined) return v4;
  const v6 = ipv6Bytes(text);
  return v6?.startsWith(MAPPED) === true ? v6.slice(MAPPED.length) : v6;
}

/** `ADDRESS/BITS`, as Go's net.ParseCIDR reads it; undefined for anything else. */
export function parseNetwork(text: string): Network | undefined {
  const [, address, length] = /^([^/]+)\/(0|[1-9]\d{0,2})$/.exec(text) ?? [];
  if (address === undefined) return undefined;
  const bytes = ipv4Bytes(address) ?? ipv6Bytes(address);
  const bits = Number(length);
  if (bytes === undefined || bits > bytes.length * 8) return undefined;
  return { bytes, bits };
}

/** Whether the address (4 or 16 bytes, see `addressBytes`) is in the network. Networks of one family hold none of the other. */
export function contains(network: Network, address: string): boolean {
  const { bytes, bits } = network;
  if (address.length !== bytes.length) return false;
  const whole = bits >> 3;
  for (let i = 0; i < whole; i++) if (address.charCodeAt(i) !== bytes.charCodeAt(i)) return false;
  const mask = (0xff00 >> (bits & 7)) & 0xff;
  return mask === 0 || ((address.charCodeAt(whole) ^ bytes.charCodeAt(whole)) & mask) === 0;
}
