import { parseRcode, parseType, tsigErrorText, typeText } from "../types.ts";
import { unsigned, unsignedBytes, type Kind } from "./kind.ts";
import { parseDuration } from "./duration.ts";

/** A number of `size` bytes; `parse` and `text` say how it is written where that isn't decimal digits. */
function number(
  size: number,
  expects = `a number from 0 to ${String(2 ** (8 * size) - 1)}`,
  parse: (text: string) => number | undefined = decimal,
  text: (n: number) => string = String,
): Kind<number> {
  return {
    expects,
    end: (bytes, at) => (at + size <= bytes.length ? at + size : -1),
    text: (bytes) => text(unsigned(bytes, 0, size)),
    parse(tokens) {
      const token = tokens.next();
      const n = token === undefined || token.quoted ? undefined : parse(token.text);
      return n === undefined ? undefined : unsignedBytes(n, size);
    },
    value: (bytes) => unsigned(bytes, 0, size),
    bytes: (n) => unsignedBytes(n, size),
  };
}

const decimal = (text: string): number | undefined => (/^\d{1,15}$/.test(text) ? Number(text) : undefined);

export const u8: Kind<number> = number(1);
export const u16: Kind<number> = number(2);
export const u32: Kind<number> = number(4);
export const u48: Kind<number> = number(6);

/** Seconds, in a zone file also as `2h30m`. */
export const duration: Kind<number> = number(4, "a duration such as 3600 or 1h30m", parseDuration);

export const type: Kind<number> = number(2, "a record type", parseType, typeText);

/** Mnemonics of RFC 4034 appendix A.1 and its registry. */
const ALGORITHMS: ReadonlyMap<string, number> = new Map([
  ["RSAMD5", 1],
  ["DH", 2],
  ["DSA", 3],
  ["ECC", 4],
  ["RSASHA1", 5],
  ["DSA-NSEC3-SHA1", 6],
  ["RSASHA1-NSEC3-SHA1", 7],
  ["RSASHA256", 8],
  ["RSASHA512", 10],
  ["ECC-GOST", 12],
  ["ECDSAP256SHA256", 13],
  ["ECDSAP384SHA384", 14],
  ["ED25519", 15],
  ["ED448", 16],
  ["INDIRECT", 252],
  ["PRIVATEDNS", 253],
  ["PRIVATEOID", 254],
]);

/** RFC 4398 §2.1. */
const CERTIFICATES: ReadonlyMap<string, number> = new Map([
  ["PKIX", 1],
  ["SPKI", 2],
  ["PGP", 3],
  ["IPKIX", 4],
  ["ISPKI", 5],
  ["IPGP", 6],
  ["ACPKIX", 7],
  ["IACPKIX", 8],
  ["URI", 253],
  ["OID", 254],
]);

const named =
  (names: ReadonlyMap<string, number>) =>
  (text: string): number | undefined =>
    decimal(text) ?? names.get(text.toUpperCase());

function nameIn(names: ReadonlyMap<string, number>): (n: number) => string {
  const texts = new Map([...names].map(([name, n]) => [n, name]));
  return (n) => texts.get(n) ?? String(n);
}

/** A DNSSEC algorithm: read by number or mnemonic, written as a number. */
export const algorithm: Kind<number> = number(1, "a DNSSEC algorithm, such as 13", named(ALGORITHMS));

/** As `algorithm`, written as a mnemonic: CERT's custom. */
export const certAlgorithm: Kind<number> = number(
  1,
  "an algorithm, such as 8 or RSASHA256",
  named(ALGORITHMS),
  nameIn(ALGORITHMS),
);

export const certType: Kind<number> = number(
  2,
  "a certificate type, such as PKIX",
  named(CERTIFICATES),
  nameIn(CERTIFICATES),
);

/** A TSIG or TKEY error. */
export const tsigError: Kind<number> = number(
  2,
  "an error, such as NOERROR or BADKEY",
  (text) => decimal(text) ?? parseRcode(text),
  (n) => (parseRcode(tsigErrorText(n)) === n ? tsigErrorText(n) : String(n)),
);

/** Seconds since 1970, written YYYYMMDDHHmmSS in UTC (RFC 4034 §3.2). */
export const time: Kind<number> = number(4, "a time as YYYYMMDDHHmmSS", parseTime, timeText);

function parseTime(text: string): number | undefined {
  const m = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)$/.exec(text);
  // Up to ten digits are seconds, fourteen a date: no text is both.
  if (m === null) return /^\d{1,10}$/.test(text) ? Number(text) : undefined;
  const iso = `${m[1]!}-${m[2]!}-${m[3]!}T${m[4]!}:${m[5]!}:${m[6]!}.000Z`;
  const ms = Date.parse(iso);
  // Date.parse lets the 30th of February pass as a day of March.
  if (Number.isNaN(ms) || new Date(ms).toISOString() !== iso || ms < 0) return undefined;
  return (ms / 1000) % 2 ** 32;
}

function timeText(seconds: number): string {
  return new Date(seconds * 1000).toISOString().slice(0, 19).replace(/\D/g, "");
}
