import { ipv4Bytes, ipv6Bytes } from "../dns/address.ts";
import { prepend, type Name } from "../dns/name.ts";
import { CLASS, type Rdata, type RR } from "../dns/rr.ts";
import { TYPE } from "../dns/types.ts";

/** The records that a cluster has. TTLs are seconds. */
const record = (name: Name, type: number, ttl: number, rdata: string): RR => ({
  name,
  type,
  class: CLASS.IN,
  ttl,
  rdata: rdata as Rdata,
});

/** The bytes of an address: 4, also for an IPv4-mapped IPv6 address, or 16. Undefined where `text` is none. */
export function addressBytes(text: string): string | undefined {
  if (!text.includes(":")) return ipv4Bytes(text);
  const bytes = ipv6Bytes(text);
  return bytes?.startsWith(MAPPED) === true ? bytes.slice(12) : bytes;
}

const MAPPED = "\0".repeat(10) + "\xff\xff";

/** A or AAAA, as the length of `bytes` (from `addressBytes`) has it. */
export const address = (name: Name, ttl: number, bytes: string): RR =>
  record(name, bytes.length === 4 ? TYPE.A : TYPE.AAAA, ttl, bytes);

export const cname = (name: Name, ttl: number, target: Name): RR => record(name, TYPE.CNAME, ttl, target);

export const ptr = (name: Name, ttl: number, target: Name): RR => record(name, TYPE.PTR, ttl, target);

export const ns = (name: Name, ttl: number, target: Name): RR => record(name, TYPE.NS, ttl, target);

export const srv = (name: Name, ttl: number, weight: number, port: number, target: Name): RR =>
  record(name, TYPE.SRV, ttl, u16(0) + u16(weight) + u16(port) + target);

export const txt = (name: Name, ttl: number, text: string): RR =>
  record(name, TYPE.TXT, ttl, String.fromCharCode(text.length) + text);

/** The SOA record of a cluster's zone, in the letters of `zone`. `ttl` is that of the zone's other records. */
export function soa(zone: Name, ttl: number, serial: number): RR {
  const names = prepend("ns", prepend("dns", zone)) + prepend("hostmaster", zone);
  return record(
    zone,
    TYPE.SOA,
    Math.min(ttl, 300),
    names + [serial, 7200, 1800, 86400, ttl].map(u32).join(""),
  );
}

const u16 = (n: number): string => String.fromCharCode((n >> 8) & 0xff, n & 0xff);
const u32 = (n: number): string => u16(n >>> 16) + u16(n & 0xffff);
