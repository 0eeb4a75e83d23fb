import { nameOf, nameText, type Name } from "./name.ts";
import { makeRdata, rdataText, type Fields, type KnownType } from "./rdata.ts";
import { CLASS, type Rdata, type RR } from "./rr.ts";
import { classText, TYPE, typeText } from "./types.ts";

/** Records that a program makes itself. */

function make<T extends KnownType>(type: T, fields: Fields<T>): Rdata {
  const rdata = makeRdata(type, fields);
  if (rdata === undefined)
    throw new RangeError(`not the rdata of ${typeText(type)}: ${JSON.stringify(fields)}`);
  return rdata;
}

/** The timers of an SOA record, in seconds (RFC 1035 §3.3.13). */
export interface SoaTimers {
  readonly refresh: number;
  readonly retry: number;
  readonly expire: number;
  readonly minimum: number;
}

/**
 * Rdata of the types that a server makes up. For values that the program knows to be right: what is out of range (an address
 * that is none, a text of more than 255 bytes, a port above 65535) throws a RangeError. Where the values came from outside use `makeRdata`.
 */
export const rdata = {
  a: (address: string): Rdata => make(TYPE.A, { address }),
  aaaa: (address: string): Rdata => make(TYPE.AAAA, { address }),
  ns: (target: Name): Rdata => make(TYPE.NS, { target }),
  cname: (target: Name): Rdata => make(TYPE.CNAME, { target }),
  dname: (target: Name): Rdata => make(TYPE.DNAME, { target }),
  ptr: (target: Name): Rdata => make(TYPE.PTR, { target }),
  mx: (preference: number, exchange: Name): Rdata => make(TYPE.MX, { preference, exchange }),
  /** Each text as UTF-8. */
  txt: (...texts: readonly string[]): Rdata => make(TYPE.TXT, { texts: texts.map(utf8) }),
  hinfo: (cpu: string, os: string): Rdata => make(TYPE.HINFO, { cpu: utf8(cpu), os: utf8(os) }),
  srv: (priority: number, weight: number, port: number, target: Name): Rdata =>
    make(TYPE.SRV, { priority, weight, port, target }),
  soa: (mname: Name, rname: Name, serial: number, timers: SoaTimers): Rdata =>
    make(TYPE.SOA, { mname, rname, serial, ...timers }),
};

const utf8 = (text: string): string => Buffer.from(text, "utf8").latin1Slice();

/** A record of class IN. */
export const record = (name: Name, type: number, ttl: number, rdata: Rdata): RR => ({
  name,
  type,
  class: CLASS.IN,
  ttl,
  rdata,
});

/** A record as a line of a zone file: `www.example.org. 3600 IN A 192.0.2.1`. */
export const recordText = (rr: RR): string =>
  `${nameText(rr.name)} ${String(rr.ttl)} ${classText(rr.class)} ${typeText(rr.type)} ${rdataText(rr.type, rr.rdata)}`;

/** The name that an address's PTR record stands at (RFC 1035 §3.5, RFC 3596 §2.5). `bytes` are 4 or 16. */
export function reverseName(bytes: string): Name {
  const hex = Buffer.from(bytes, "latin1").toString("hex");
  const labels = bytes.length === 4 ? [...bytes].map((c) => String(c.charCodeAt(0))) : [...hex];
  return nameOf(`${labels.reverse().join(".")}.${bytes.length === 4 ? "in-addr" : "ip6"}.arpa.`);
}
