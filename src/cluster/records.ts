import { ipv4Bytes, ipv6Bytes } from "../dns/address.ts";
import { prepend, type Name } from "../dns/name.ts";
import { rdata, record } from "../dns/records.ts";
import type { Rdata, RR } from "../dns/rr.ts";
import { TYPE } from "../dns/types.ts";

/** The bytes of an address: 4, also for an IPv4-mapped IPv6 address, or 16. Undefined where `text` is none. */
export function addressBytes(text: string): string | undefined {
  if (!text.includes(":")) return ipv4Bytes(text);
  const bytes = ipv6Bytes(text);
  return bytes?.startsWith(MAPPED) === true ? bytes.slice(12) : bytes;
}

const MAPPED = "\0".repeat(10) + "\xff\xff";

/** A or AAAA, as the length of `bytes` (from `addressBytes`) has it. */
export const address = (name: Name, ttl: number, bytes: string): RR =>
  record(name, bytes.length === 4 ? TYPE.A : TYPE.AAAA, ttl, bytes as Rdata);

export const cname = (name: Name, ttl: number, target: Name): RR =>
  record(name, TYPE.CNAME, ttl, rdata.cname(target));

export const ptr = (name: Name, ttl: number, target: Name): RR =>
  record(name, TYPE.PTR, ttl, rdata.ptr(target));

export const ns = (name: Name, ttl: number, target: Name): RR => record(name, TYPE.NS, ttl, rdata.ns(target));

/** Priority 0 (RFC 2782). Written out here, since a headless service may have thousands. */
export const srv = (name: Name, ttl: number, weight: number, port: number, target: Name): RR =>
  record(name, TYPE.SRV, ttl, ("\0\0" + word(weight) + word(port) + target) as Rdata);

const word = (n: number): string => String.fromCharCode((n >> 8) & 0xff, n & 0xff);

export const txt = (name: Name, ttl: number, text: string): RR =>
  record(name, TYPE.TXT, ttl, rdata.txt(text));

/** The SOA record of a cluster's zone, in the letters of `zone`. `ttl` is that of the zone's other records, in seconds. */
export function soa(zone: Name, ttl: number, serial: number): RR {
  const timers = { refresh: 7200, retry: 1800, expire: 86400, minimum: ttl };
  const server = prepend("ns", prepend("dns", zone));
  return record(
    zone,
    TYPE.SOA,
    Math.min(ttl, 300),
    rdata.soa(server, prepend("hostmaster", zone), serial, timers),
  );
}
