/**
 * The numbers of DNS and their mnemonics (IANA "Domain Name System (DNS) Parameters", RFC 6895).
 * A number without a mnemonic is written as RFC 3597 §5 does: `TYPE65400`, `CLASS32`.
 */

import { CLASS } from "./rr.ts";

export const TYPE = {
  A: 1,
  NS: 2,
  MD: 3,
  MF: 4,
  CNAME: 5,
  SOA: 6,
  MB: 7,
  MG: 8,
  MR: 9,
  NULL: 10,
  WKS: 11,
  PTR: 12,
  HINFO: 13,
  MINFO: 14,
  MX: 15,
  TXT: 16,
  RP: 17,
  AFSDB: 18,
  X25: 19,
  ISDN: 20,
  RT: 21,
  NSAP: 22,
  "NSAP-PTR": 23,
  SIG: 24,
  KEY: 25,
  PX: 26,
  GPOS: 27,
  AAAA: 28,
  LOC: 29,
  NXT: 30,
  EID: 31,
  NIMLOC: 32,
  SRV: 33,
  ATMA: 34,
  NAPTR: 35,
  KX: 36,
  CERT: 37,
  A6: 38,
  DNAME: 39,
  SINK: 40,
  OPT: 41,
  APL: 42,
  DS: 43,
  SSHFP: 44,
  IPSECKEY: 45,
  RRSIG: 46,
  NSEC: 47,
  DNSKEY: 48,
  DHCID: 49,
  NSEC3: 50,
  NSEC3PARAM: 51,
  TLSA: 52,
  SMIMEA: 53,
  HIP: 55,
  NINFO: 56,
  RKEY: 57,
  TALINK: 58,
  CDS: 59,
  CDNSKEY: 60,
  OPENPGPKEY: 61,
  CSYNC: 62,
  ZONEMD: 63,
  SVCB: 64,
  HTTPS: 65,
  SPF: 99,
  UINFO: 100,
  UID: 101,
  GID: 102,
  UNSPEC: 103,
  NID: 104,
  L32: 105,
  L64: 106,
  LP: 107,
  EUI48: 108,
  EUI64: 109,
  NXNAME: 128,
  TKEY: 249,
  TSIG: 250,
  IXFR: 251,
  AXFR: 252,
  MAILB: 253,
  MAILA: 254,
  ANY: 255,
  URI: 256,
  CAA: 257,
  AVC: 258,
  AMTRELAY: 260,
  RESINFO: 261,
  TA: 32768,
  DLV: 32769,
} as const;

/** The low four bits stand in the header; what is above 15 needs an OPT record (RFC 6891 §6.1.3). */
export const RCODE = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
  YXDOMAIN: 6,
  YXRRSET: 7,
  NXRRSET: 8,
  NOTAUTH: 9,
  NOTZONE: 10,
  DSOTYPENI: 11,
  BADVERS: 16,
  BADKEY: 17,
  BADTIME: 18,
  BADMODE: 19,
  BADNAME: 20,
  BADALG: 21,
  BADTRUNC: 22,
  BADCOOKIE: 23,
} as const;

export const OPCODE = { QUERY: 0, IQUERY: 1, STATUS: 2, NOTIFY: 4, UPDATE: 5, DSO: 6 } as const;

/** The bits of the header's second word (RFC 1035 §4.1.1, RFC 4035 §3). */
export const FLAG = {
  QR: 0x8000,
  AA: 0x0400,
  TC: 0x0200,
  RD: 0x0100,
  RA: 0x0080,
  Z: 0x0040,
  AD: 0x0020,
  CD: 0x0010,
} as const;

/** Codes of EDNS options (RFC 6891 §9). */
export const OPTION = {
  LLQ: 1,
  UL: 2,
  NSID: 3,
  DAU: 5,
  DHU: 6,
  N3U: 7,
  ECS: 8,
  EXPIRE: 9,
  COOKIE: 10,
  KEEPALIVE: 11,
  PADDING: 12,
  CHAIN: 13,
  KEYTAG: 14,
  EDE: 15,
  REPORT_CHANNEL: 18,
  ZONEVERSION: 19,
} as const;

/** Meanings of Extended DNS Error codes (RFC 8914 §5.2 and the registry after it), by code. */
const edeTexts: readonly string[] = [
  "Other",
  "Unsupported DNSKEY Algorithm",
  "Unsupported DS Digest Type",
  "Stale Answer",
  "Forged Answer",
  "DNSSEC Indeterminate",
  "DNSSEC Bogus",
  "Signature Expired",
  "Signature Not Yet Valid",
  "DNSKEY Missing",
  "RRSIGs Missing",
  "No Zone Key Bit Set",
  "NSEC Missing",
  "Cached Error",
  "Not Ready",
  "Blocked",
  "Censored",
  "Filtered",
  "Prohibited",
  "Stale NXDomain Answer",
  "Not Authoritative",
  "Not Supported",
  "No Reachable Authority",
  "Network Error",
  "Invalid Data",
  "Signature Expired before Valid",
  "Too Early",
  "Unsupported NSEC3 Iterations Value",
  "Unable to conform to policy",
  "Synthesized",
  "Invalid Query Type",
];

const byNumber = (table: Readonly<Record<string, number>>): ReadonlyMap<number, string> =>
  new Map(Object.entries(table).map(([name, number]) => [number, name]));

const typeNames = byNumber(TYPE);
const rcodeNames = byNumber(RCODE);
const opcodeNames = byNumber(OPCODE);
const optionNames = byNumber(OPTION);
const classNames = byNumber(CLASS);

const types: ReadonlyMap<string, number> = new Map(Object.entries(TYPE));
const rcodes: ReadonlyMap<string, number> = new Map([
  ...Object.entries(RCODE),
  ["BADSIG", 16],
  ["NOTIMPL", 4],
]);
const opcodes: ReadonlyMap<string, number> = new Map(Object.entries(OPCODE));
const classes: ReadonlyMap<string, number> = new Map([...classNames].map(([number, name]) => [name, number]));

/** `A`, or `TYPE65400` where there is no mnemonic. */
export const typeText = (type: number): string => typeNames.get(type) ?? `TYPE${String(type)}`;

/** The number of a type's mnemonic or of `TYPE123`, whatever the letters' case; undefined for anything else. */
export const parseType = (text: string): number | undefined => parse16(text, types, "TYPE");

export const classText = (value: number): string => classNames.get(value) ?? `CLASS${String(value)}`;

/** The number of a class's mnemonic or of `CLASS123`, whatever the letters' case; undefined for anything else. */
export const parseClass = (text: string): number | undefined => parse16(text, classes, "CLASS");

function parse16(text: string, names: ReadonlyMap<string, number>, prefix: string): number | undefined {
  const upper = text.toUpperCase();
  const known = names.get(upper);
  if (known !== undefined || !upper.startsWith(prefix)) return known;
  const digits = upper.slice(prefix.length);
  return /^\d{1,5}$/.test(digits) && Number(digits) <= 0xffff ? Number(digits) : undefined;
}

/** `NXDOMAIN`; 16 is `BADVERS`, as a message means it (see `tsigErrorText`); `RCODE4000` where there is no mnemonic. */
export const rcodeText = (rcode: number): string => rcodeNames.get(rcode) ?? `RCODE${String(rcode)}`;

/** A TSIG record's error: as `rcodeText`, but 16 is `BADSIG` (RFC 8945 §3). */
export const tsigErrorText = (error: number): string =>
  error === RCODE.BADVERS ? "BADSIG" : rcodeText(error);

/** The number of an rcode's mnemonic, whatever the letters' case; `BADSIG` and `NOTIMPL` are names of 16 and 4. */
export const parseRcode = (text: string): number | undefined => rcodes.get(text.toUpperCase());

export const opcodeText = (opcode: number): string => opcodeNames.get(opcode) ?? `OPCODE${String(opcode)}`;

export const parseOpcode = (text: string): number | undefined => opcodes.get(text.toUpperCase());

export const optionText = (code: number): string => optionNames.get(code) ?? `OPTION${String(code)}`;

/** What an Extended DNS Error's code means; empty where the registry has nothing for it. */
export const edeText = (code: number): string => edeTexts[code] ?? "";
