import { isIPv4 } from "node:net";
import { ipv4Bytes, ipv4Text, ipv6Bytes, ipv6Text } from "./address.ts";
import { OPTION } from "./types.ts";

/** An option of an OPT record (RFC 6891 §6.1.2). The data are bytes, one character a byte. */
export interface EdnsOption {
  readonly code: number;
  readonly data: string;
}

/** The client's network, or the network that an answer is for (RFC 7871 §6). */
export interface ClientSubnet {
  /** Text; the bits behind `source` are zero. Of a query without address (family 0): `0.0.0.0`. */
  readonly address: string;
  readonly source: number;
  readonly scope: number;
}

/**
 * The options in an OPT record's rdata, `packet[start]` to `packet[end - 1]`. What is cut off at the end is left out:
 * whether all is well `optionsAreGood` says.
 */
export function ednsOptions(packet: Uint8Array, start: number, end: number): EdnsOption[] {
  const options: EdnsOption[] = [];
  for (let at = start; at + 4 <= end;) {
    const length = u16(packet, at + 2);
    if (at + 4 + length > end) break;
    options.push({ code: u16(packet, at), data: latin1(packet, at + 4, at + 4 + length) });
    at += 4 + length;
  }
  return options;
}

/**
 * Whether an OPT record's rdata, `packet[start]` to `packet[end - 1]`, is made of whole options and none breaks its own
 * format (client subnet, keep-alive, expire, update lease, long-lived query, extended error). A message where it does not gets FORMERR.
 * A cookie of any length passes: a server that does not use cookies has no say in it (RFC 7873 §5.2.2 leaves FORMERR to those that do).
 */
export function optionsAreGood(packet: Uint8Array, start: number, end: number): boolean {
  let at = start;
  while (at + 4 <= end) {
    const length = u16(packet, at + 2);
    const next = at + 4 + length;
    if (next > end || !isGood(u16(packet, at), packet, at + 4, length)) return false;
    at = next;
  }
  return at === end;
}

function isGood(code: number, packet: Uint8Array, at: number, length: number): boolean {
  switch (code) {
    case OPTION.ECS:
      return length >= 4 && isSubnet(u16(packet, at), packet[at + 2]!, packet[at + 3]!);
    case OPTION.KEEPALIVE:
      return length === 0 || length === 2;
    case OPTION.EXPIRE:
      return length === 0 || length >= 4;
    case OPTION.UL:
      return length === 4 || length === 8;
    case OPTION.LLQ:
      return length >= 18;
    case OPTION.EDE:
      return length >= 2;
    default:
      return true;
  }
}

function isSubnet(family: number, source: number, scope: number): boolean {
  if (family === 0) return source === 0;
  const bits = bitsOf(family);
  return bits !== 0 && source <= bits && scope <= bits;
}

const bitsOf = (family: number): number => (family === 1 ? 32 : family === 2 ? 128 : 0);

/** The data of the first option with this code; undefined where there is none. */
export const findOption = (options: readonly EdnsOption[], code: number): string | undefined =>
  options.find((option) => option.code === code)?.data;

/** What a client-subnet option says; undefined where it is malformed. Missing address bytes count as zero, as in CoreDNS. */
export function readClientSubnet(data: string): ClientSubnet | undefined {
  if (data.length < 4) return undefined;
  const family = (data.charCodeAt(0) << 8) | data.charCodeAt(1);
  const source = data.charCodeAt(2);
  const scope = data.charCodeAt(3);
  if (!isSubnet(family, source, scope)) return undefined;
  if (family === 0) return { address: "0.0.0.0", source, scope };
  const size = bitsOf(family) / 8;
  const bytes = masked(data.slice(4, 4 + size).padEnd(size, "\0"), source);
  return { address: family === 1 ? ipv4Text(bytes) : ipv6Text(bytes), source, scope };
}

/**
 * A client-subnet option: as many bytes of the address as `source` bits need, the rest zero (RFC 7871 §6).
 * undefined where `address` is none or a prefix length is out of its family's range.
 */
export function clientSubnet(address: string, source: number, scope = 0): EdnsOption | undefined {
  const family = isIPv4(address) ? 1 : 2;
  const bytes = family === 1 ? ipv4Bytes(address) : ipv6Bytes(address);
  if (bytes === undefined || !isSubnet(family, source, scope)) return undefined;
  const head = String.fromCharCode(0, family, source, scope);
  return option(OPTION.ECS, head + masked(bytes, source).slice(0, Math.ceil(source / 8)));
}

function masked(bytes: string, bits: number): string {
  const whole = bits >> 3;
  const rest = bits & 7;
  const kept = bytes.slice(0, whole);
  const part = rest === 0 ? "" : String.fromCharCode(bytes.charCodeAt(whole) & (0xff00 >> rest));
  return (kept + part).padEnd(bytes.length, "\0");
}

/** An Extended DNS Error (RFC 8914 §2); `text` is written as UTF-8. */
export const extendedError = (code: number, text = ""): EdnsOption =>
  option(OPTION.EDE, word(code) + utf8(text));

/** Code and text of an Extended DNS Error; undefined where the option is too short. */
export function readExtendedError(data: string): { code: number; text: string } | undefined {
  if (data.length < 2) return undefined;
  // Some servers end the text with a NUL, which RFC 8914 §2 tells us to expect.
  const text = Buffer.from(data.slice(2), "latin1").toString("utf8").replace(/\0$/, "");
  return { code: (data.charCodeAt(0) << 8) | data.charCodeAt(1), text };
}

/** A name server's identifier (RFC 5001), written as UTF-8; empty in a query. */
export const nsid = (id = ""): EdnsOption => option(OPTION.NSID, utf8(id));

/** A client's cookie of 8 bytes, and behind it the server's of 8 to 32 where there is one (RFC 7873 §4). */
export const cookie = (bytes: string): EdnsOption => option(OPTION.COOKIE, bytes);

/** How long an idle TCP connection stays open, in units of 100 ms; left out in a query (RFC 7828 §3.1). */
export const keepalive = (timeout?: number): EdnsOption =>
  option(OPTION.KEEPALIVE, timeout === undefined ? "" : word(timeout));

/** `length` zero bytes (RFC 7830 §3). */
export const padding = (length: number): EdnsOption => option(OPTION.PADDING, "\0".repeat(length));

/** Seconds until a secondary's copy expires; left out in a query (RFC 7314 §2). */
export const expire = (seconds?: number): EdnsOption =>
  option(OPTION.EXPIRE, seconds === undefined ? "" : word(seconds >>> 16) + word(seconds));

const option = (code: number, data: string): EdnsOption => ({ code, data });

const word = (n: number): string => String.fromCharCode((n >>> 8) & 0xff, n & 0xff);

const utf8 = (text: string): string => Buffer.from(text, "utf8").latin1Slice();

const u16 = (bytes: Uint8Array, at: number): number => (bytes[at]! << 8) | bytes[at + 1]!;

const latin1 = (bytes: Uint8Array, start: number, end: number): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).latin1Slice();
