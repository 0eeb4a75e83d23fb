import { isIP } from "node:net";
import ipaddr from "ipaddr.js";
import type { Scheme } from "./block.ts";

const schemes: readonly Scheme[] = ["tls", "dns", "quic", "grpc", "https3", "https", "unix"];
const ports: Readonly<Partial<Record<Scheme, number>>> = {
  tls: 853,
  quic: 853,
  grpc: 443,
  https: 443,
  https3: 443,
};

/** What a server block's key says, or the text of what is wrong with it. A CIDR stands for several zones. */
export type ParsedKey =
  | {
      readonly scheme: Scheme;
      readonly zones: readonly string[];
      readonly port: number;
      readonly error?: undefined;
    }
  | { readonly error: string; readonly code: "bad-key" | "bad-port" };

/** `[scheme://]zone[:port]`. `dnsPort` is the port of plain DNS keys that name none. */
export function parseKey(text: string, dnsPort = 53): ParsedKey {
  const [scheme, rest] = splitScheme(text);
  const split = splitPort(rest);
  if (split.error !== undefined) return { error: split.error, code: "bad-key" };
  const port = split.port ?? ports[scheme] ?? dnsPort;
  if (port < 0 || port > 65535) {
    return {
      error: `port ${port} of "${text}" is out of range: write one from 0 to 65535`,
      code: "bad-port",
    };
  }
  return { scheme, zones: split.zones, port };
}

/**
 * The zones that a word stands for where a plugin takes zones: fully qualified and lower-cased, several for a CIDR; a
 * scheme and a port in it don't count. Undefined where it is no zone.
 */
export function normalizeZone(text: string): readonly string[] | undefined {
  const split = splitPort(splitScheme(text)[1]);
  return split.error === undefined ? split.zones : undefined;
}

function splitScheme(text: string): [Scheme, string] {
  const scheme = schemes.find((each) => text.startsWith(each + "://"));
  return scheme === undefined ? ["dns", text] : [scheme, text.slice(scheme.length + 3)];
}

type SplitPort =
  | { readonly zones: readonly string[]; readonly port: number | undefined; readonly error?: undefined }
  | { readonly error: string };

function splitPort(text: string): SplitPort {
  const colon = text.lastIndexOf(":");
  if (text === "")
    return { error: "a zone is missing: write its name, such as example.org, or . for all names" };
  if (colon === text.length - 1) {
    return { error: `"${text}" ends in a colon: write a port behind it, or leave the colon out` };
  }
  const port = colon < 0 ? undefined : decimal(text.slice(colon + 1));
  const host = port === undefined ? text : text.slice(0, colon);
  if (host === "") return { error: `a zone is missing before the port: write one, such as .${text}` };
  const octets = Buffer.byteLength(host);
  if (octets > 255) return { error: `a zone of ${octets} octets is too long: at most 255 are possible` };
  if (!isDomainName(host)) {
    return { error: `"${host}" is no zone: it needs labels of 1 to 63 octets with single dots between them` };
  }
  const network = parseCidr(host);
  if (network === undefined) return { zones: [lowerCase(qualified(host))], port };
  if (network.octets.length === 16 && /^[:0]/.test(host)) {
    return { error: `"${host}" can't be a zone: an IPv6 network must not start with a colon or a zero` };
  }
  return { zones: reverseZones(network.octets, network.bits), port };
}

/** Go's strconv.Atoi: a decimal integer of 64 bits, a sign and leading zeros allowed. */
function decimal(text: string): number | undefined {
  if (!/^[+-]?\d+$/.test(text)) return undefined;
  const value = BigInt(text.replace("+", ""));
  return value === BigInt.asIntN(64, value) ? Number(value) : undefined;
}

interface Network {
  readonly octets: readonly number[];
  readonly bits: number;
}

/** An address and the length of a prefix, as Go's net.ParseCIDR takes them; host bits cleared. */
function parseCidr(text: string): Network | undefined {
  const match = /^([^/%]+)\/(\d{1,7})$/.exec(text);
  if (match === null || isIP(match[1]!) === 0) return undefined;
  const octets = ipaddr.parse(match[1]!).toByteArray();
  const bits = Number(match[2]);
  if (bits > octets.length * 8) return undefined;
  return {
    octets: octets.map((octet, i) => octet & (0xff << Math.max(0, 8 - Math.max(0, bits - 8 * i))) & 0xff),
    bits,
  };
}

/** The reverse zones of a network: its prefix rounded up to whole labels (RFC 1035 §3.5, RFC 3596 §2.5). */
function reverseZones(octets: readonly number[], bits: number): string[] {
  const [width, suffix] = octets.length === 4 ? [8, "in-addr.arpa."] : [4, "ip6.arpa."];
  const units = width === 8 ? octets : octets.flatMap((octet) => [octet >> 4, octet & 15]);
  const labels = Math.ceil(bits / width);
  const zones: string[] = [];
  for (let i = 0; i < 2 ** (labels * width - bits); i++) {
    const prefix = units.slice(0, labels);
    if (i > 0) prefix[labels - 1]! += i;
    zones.push(
      prefix
        .map((unit) => unit.toString(width === 8 ? 10 : 16) + ".")
        .reverse()
        .join("") + suffix,
    );
  }
  return zones;
}

/** As miekg's DNS library judges a name in presentation form; escapes are not resolved. */
function isDomainName(text: string): boolean {
  if (text === "") return false;
  const bytes = Buffer.from(qualified(text)).toString("latin1");
  let label = 0;
  let total = 0;
  let escaped = false;
  for (let i = 0; i < bytes.length; i++) {
    if (bytes[i] === "\\") {
      escaped = !escaped;
      i += /^\d{3}/.test(bytes.slice(i + 1, i + 4)) ? 3 : 1;
      label++;
    } else if (bytes[i] === ".") {
      escaped = false;
      if (label === 0 && bytes.length > 1) return false;
      total += 1 + label;
      if (label > 63 || total > 256) return false;
      label = 0;
    } else {
      escaped = false;
      label++;
    }
  }
  return !escaped;
}

/** `text` with a final dot that is not escaped. */
function qualified(text: string): string {
  const slashes = /(\\*)\.$/.exec(text)?.[1];
  return slashes !== undefined && slashes.length % 2 === 0 ? text : text + ".";
}

// By code point, as Go does: JavaScript folds a final sigma and U+0130 by context.
const lowerCase = (text: string): string =>
  Array.from(text, (char) => (char === "\u0130" ? "i" : char.toLowerCase())).join("");
