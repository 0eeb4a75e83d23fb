import { TYPE } from "../types.ts";
import { base64, eui48, eui64, groups64, hash, hex, ipv4, ipv6, opaque, salt, sized64 } from "./binary.ts";
import { bitmap } from "./bitmap.ts";
import type { Kind } from "./kind.ts";
import { loc } from "./loc.ts";
import { cname, name, names } from "./names.ts";
import {
  algorithm,
  certAlgorithm,
  certType,
  duration,
  time,
  tsigError,
  type,
  u16,
  u32,
  u48,
  u8,
} from "./numbers.ts";
import { amtRelay, hostIdentity, ipsecGateway, prefixes } from "./odd.ts";
import { svcParams } from "./svcparams.ts";
import { lastString, string, strings, tag, target } from "./text.ts";

const text = { texts: strings };
const dnskey = { flags: u16, protocol: u8, algorithm, publicKey: base64 };
const ds = { keyTag: u16, algorithm, digestType: u8, digest: hex };
const signature = {
  typeCovered: type,
  algorithm,
  labels: u8,
  originalTtl: u32,
  expiration: time,
  inception: time,
  keyTag: u16,
  signer: name,
  signature: base64,
};
const tlsa = { usage: u8, selector: u8, matchingType: u8, data: hex };
const svcb = { priority: u16, target: name, params: svcParams };

/**
 * The fields of every type's rdata in their order on the wire, which is that of the presentation form too. A type that
 * isn't here is bytes and nothing more (RFC 3597).
 */
export const layouts = {
  [TYPE.A]: { address: ipv4 },
  [TYPE.NS]: { target: cname },
  [TYPE.MD]: { target: cname },
  [TYPE.MF]: { target: cname },
  [TYPE.CNAME]: { target: cname },
  [TYPE.SOA]: {
    mname: cname,
    rname: cname,
    serial: u32,
    refresh: duration,
    retry: duration,
    expire: duration,
    minimum: duration,
  },
  [TYPE.MB]: { target: cname },
  [TYPE.MG]: { target: cname },
  [TYPE.MR]: { target: cname },
  [TYPE.PTR]: { target: cname },
  [TYPE.HINFO]: { cpu: string, os: lastString },
  [TYPE.MINFO]: { responsible: cname, errors: cname },
  [TYPE.MX]: { preference: u16, exchange: cname },
  [TYPE.TXT]: text,
  [TYPE.RP]: { mailbox: name, text: name },
  [TYPE.AFSDB]: { subtype: u16, host: name },
  [TYPE.X25]: { address: string },
  [TYPE.ISDN]: { texts: strings },
  [TYPE.RT]: { preference: u16, host: name },
  [TYPE["NSAP-PTR"]]: { target: name },
  [TYPE.SIG]: signature,
  [TYPE.KEY]: dnskey,
  [TYPE.PX]: { preference: u16, map822: name, mapX400: name },
  [TYPE.GPOS]: { longitude: string, latitude: string, altitude: string },
  [TYPE.AAAA]: { address: ipv6 },
  [TYPE.LOC]: { place: loc },
  [TYPE.NXT]: { next: name, types: opaque },
  [TYPE.EID]: { data: hex },
  [TYPE.NIMLOC]: { data: hex },
  [TYPE.SRV]: { priority: u16, weight: u16, port: u16, target: name },
  [TYPE.NAPTR]: {
    order: u16,
    preference: u16,
    flags: string,
    service: string,
    regexp: string,
    replacement: name,
  },
  [TYPE.KX]: { preference: u16, exchanger: name },
  [TYPE.CERT]: { type: certType, keyTag: u16, algorithm: certAlgorithm, certificate: base64 },
  [TYPE.DNAME]: { target: name },
  [TYPE.OPT]: { options: opaque },
  [TYPE.APL]: { prefixes },
  [TYPE.DS]: ds,
  [TYPE.SSHFP]: { algorithm: u8, fingerprintType: u8, fingerprint: hex },
  [TYPE.IPSECKEY]: { precedence: u8, gateway: ipsecGateway, publicKey: base64 },
  [TYPE.RRSIG]: signature,
  [TYPE.NSEC]: { next: name, types: bitmap },
  [TYPE.DNSKEY]: dnskey,
  [TYPE.DHCID]: { digest: base64 },
  [TYPE.NSEC3]: { algorithm: u8, flags: u8, iterations: u16, salt, next: hash, types: bitmap },
  [TYPE.NSEC3PARAM]: { algorithm: u8, flags: u8, iterations: u16, salt },
  [TYPE.TLSA]: tlsa,
  [TYPE.SMIMEA]: tlsa,
  [TYPE.HIP]: { identity: hostIdentity, servers: names },
  [TYPE.NINFO]: text,
  [TYPE.RKEY]: dnskey,
  [TYPE.TALINK]: { previous: name, next: name },
  [TYPE.CDS]: ds,
  [TYPE.CDNSKEY]: dnskey,
  [TYPE.OPENPGPKEY]: { key: base64 },
  [TYPE.CSYNC]: { serial: u32, flags: u16, types: bitmap },
  [TYPE.ZONEMD]: { serial: u32, scheme: u8, algorithm: u8, digest: hex },
  [TYPE.SVCB]: svcb,
  [TYPE.HTTPS]: svcb,
  [TYPE.SPF]: text,
  [TYPE.UINFO]: { text: string },
  [TYPE.UID]: { id: u32 },
  [TYPE.GID]: { id: u32 },
  [TYPE.NID]: { preference: u16, id: groups64 },
  [TYPE.L32]: { preference: u16, locator: ipv4 },
  [TYPE.L64]: { preference: u16, locator: groups64 },
  [TYPE.LP]: { preference: u16, target: name },
  [TYPE.EUI48]: { address: eui48 },
  [TYPE.EUI64]: { address: eui64 },
  [TYPE.TKEY]: {
    algorithm: name,
    inception: time,
    expiration: time,
    mode: u16,
    error: tsigError,
    key: sized64,
    other: sized64,
  },
  [TYPE.TSIG]: {
    algorithm: name,
    timeSigned: u48,
    fudge: u16,
    mac: sized64,
    originalId: u16,
    error: tsigError,
    other: sized64,
  },
  [TYPE.URI]: { priority: u16, weight: u16, target },
  [TYPE.CAA]: { flags: u8, tag, value: target },
  [TYPE.AVC]: text,
  [TYPE.AMTRELAY]: { precedence: u8, relay: amtRelay },
  [TYPE.RESINFO]: text,
  [TYPE.TA]: ds,
  [TYPE.DLV]: ds,
} as const satisfies Readonly<Record<number, Readonly<Record<string, Kind<unknown>>>>>;

export type Layouts = typeof layouts;

/** A type whose rdata has fields. */
export type KnownType = keyof Layouts;

type ValueOf<K> = K extends Kind<infer V> ? V : never;

/** The values of a type's fields, by name. Bytes are strings with one character a byte. */
export type Fields<T extends KnownType> = { readonly [F in keyof Layouts[T]]: ValueOf<Layouts[T][F]> };

/** A layout as loops want it. */
export interface Layout {
  readonly fields: readonly { readonly name: string; readonly kind: Kind<unknown> }[];
  /** How many fields there are up to the last name; 0 without names. */
  readonly named: number;
}

export const isName = (kind: Kind<unknown>): boolean => kind === name || kind === cname;

/** Whether this field is a name that a message may hold compressed. */
export const isCompressible = (kind: Kind<unknown>): boolean => kind === cname;

const compiled: ReadonlyMap<number, Layout> = new Map(
  Object.entries(layouts).map(([type, layout]): [number, Layout] => {
    const fields = Object.entries(layout as Record<string, Kind<unknown>>).map(([name, kind]) => ({
      name,
      kind,
    }));
    return [Number(type), { fields, named: fields.findLastIndex(({ kind }) => isName(kind)) + 1 }];
  }),
);

/** undefined for a type that is bytes and nothing more. */
export const layoutOf = (type: number): Layout | undefined => compiled.get(type);
