import { ipv4Bytes, ipv4Text, ipv6Bytes, ipv6Text } from "../address.ts";
import { nameText, type Name } from "../name.ts";
import { base64Bytes, base64Text, hexBytes, hexText } from "./binary.ts";
import { byte, unsigned, word, type Kind } from "./kind.ts";
import { nameEnd, parseRelative } from "./names.ts";

/** Fields whose form depends on a field before them, so that they are read as one. Their values are their bytes. */

type Gateway = readonly [sort: number, bytes: string];

function gatewayEnd(sort: number, bytes: string, at: number): number {
  const size = [0, 4, 16][sort];
  if (size === undefined) return sort === 3 ? nameEnd(bytes, at) : -1;
  return at + size <= bytes.length ? at + size : -1;
}

function gatewayText([sort, bytes]: Gateway): string {
  if (sort === 0) return ".";
  return sort === 1 ? ipv4Text(bytes) : sort === 2 ? ipv6Text(bytes) : nameText(bytes as Name);
}

function parseGateway(sort: number, text: string, origin: Name): string | undefined {
  switch (sort) {
    case 0:
      return text === "." ? "" : undefined;
    case 1:
      return ipv4Bytes(text);
    case 2:
      return ipv6Bytes(text);
    case 3:
      return parseRelative(text, origin);
    default:
      return undefined;
  }
}

const small = (text: string | undefined, most: number): number =>
  text !== undefined && /^\d{1,3}$/.test(text) && Number(text) <= most ? Number(text) : -1;

/** IPSECKEY's gateway type, algorithm and gateway (RFC 4025 §2). */
export const ipsecGateway: Kind<string> = {
  expects: "a gateway type from 0 to 3, an algorithm and a gateway of that type",
  end: (bytes, at) => (at + 2 <= bytes.length ? gatewayEnd(bytes.charCodeAt(at), bytes, at + 2) : -1),
  text(bytes) {
    const sort = bytes.charCodeAt(0);
    return `${String(sort)} ${String(bytes.charCodeAt(1))} ${gatewayText([sort, bytes.slice(2)])}`;
  },
  parse(tokens) {
    const sort = small(tokens.next()?.text, 3);
    const algorithm = small(tokens.next()?.text, 255);
    const gateway = parseGateway(sort, tokens.next()?.text ?? "", tokens.origin);
    return sort < 0 || algorithm < 0 || gateway === undefined
      ? undefined
      : byte(sort) + byte(algorithm) + gateway;
  },
  value: (bytes) => bytes,
  bytes: (bytes) => bytes,
};

/** AMTRELAY's discovery bit, relay type and relay (RFC 8777 §4.2). */
export const amtRelay: Kind<string> = {
  expects: "0 or 1 for discovery, a relay type from 0 to 3 and a relay of that type",
  end: (bytes, at) => (at < bytes.length ? gatewayEnd(bytes.charCodeAt(at) & 0x7f, bytes, at + 1) : -1),
  text(bytes) {
    const first = bytes.charCodeAt(0);
    return `${String(first >> 7)} ${String(first & 0x7f)} ${gatewayText([first & 0x7f, bytes.slice(1)])}`;
  },
  parse(tokens) {
    const discovery = small(tokens.next()?.text, 1);
    const sort = small(tokens.next()?.text, 3);
    const relay = parseGateway(sort, tokens.next()?.text ?? "", tokens.origin);
    return discovery < 0 || sort < 0 || relay === undefined
      ? undefined
      : byte((discovery << 7) | sort) + relay;
  },
  value: (bytes) => bytes,
  bytes: (bytes) => bytes,
};

/** HIP's algorithm, host identity tag and public key, whose lengths stand in front (RFC 8005 §5). */
export const hostIdentity: Kind<string> = {
  expects: "an algorithm, a tag in hexadecimal digits and a key in base64",
  end(bytes, at) {
    const tag = bytes.charCodeAt(at);
    const end = at + 4 + tag + unsigned(bytes, at + 2, 2);
    return tag > 0 && end <= bytes.length && end > at + 4 + tag ? end : -1;
  },
  text(bytes) {
    const key = 4 + bytes.charCodeAt(0);
    return `${String(bytes.charCodeAt(1))} ${hexText(bytes.slice(4, key))} ${base64Text(bytes.slice(key))}`;
  },
  parse(tokens) {
    const algorithm = small(tokens.next()?.text, 255);
    const tag = hexBytes(tokens.next()?.text ?? "") ?? "";
    const key = base64Bytes(tokens.next()?.text ?? "") ?? "";
    if (algorithm < 0 || tag === "" || tag.length > 255 || key === "" || key.length > 65535) return undefined;
    return byte(tag.length) + byte(algorithm) + word(key.length) + tag + key;
  },
  value: (bytes) => bytes,
  bytes: (bytes) => bytes,
};

/** Address prefixes to the end (RFC 3123): `1:192.0.2.0/24 !1:192.0.2.64/28`. */
export const prefixes: Kind<string> = {
  expects: "address prefixes such as 1:192.0.2.0/24 or !2:2001:db8::/32",
  end(bytes, at) {
    while (at < bytes.length) {
      const size = sizeOf(unsigned(bytes, at, 2));
      const length = bytes.charCodeAt(at + 3) & 0x7f;
      // A last byte of zero should have been left out (RFC 3123 §4).
      if (!(bytes.charCodeAt(at + 2) <= size * 8 && length <= size)) return -1;
      if (length > 0 && bytes[at + 3 + length] === "\0") return -1;
      at += 4 + length;
    }
    return at === bytes.length ? at : -1;
  },
  text(bytes) {
    const out: string[] = [];
    for (let at = 0; at < bytes.length;) {
      const family = unsigned(bytes, at, 2);
      const flags = bytes.charCodeAt(at + 3);
      const length = flags & 0x7f;
      const address = bytes.slice(at + 4, at + 4 + length).padEnd(sizeOf(family), "\0");
      if (hasBitsAfter(address, bytes.charCodeAt(at + 2))) return undefined;
      const text = family === 1 ? ipv4Text(address) : ipv6Text(address);
      out.push(`${flags > 0x7f ? "!" : ""}${String(family)}:${text}/${String(bytes.charCodeAt(at + 2))}`);
      at += 4 + length;
    }
    return out.join(" ");
  },
  parse(tokens) {
    let out = "";
    for (const { text } of tokens.rest()) {
      const m = /^(!?)([12]):([^/]+)\/(\d{1,3})$/.exec(text);
      const address = m === null ? undefined : m[2] === "1" ? ipv4Bytes(m[3]!) : ipv6Bytes(m[3]!);
      if (m === null || address === undefined || Number(m[4]) > address.length * 8) return undefined;
      if (hasBitsAfter(address, Number(m[4]))) return undefined;
      const short = address.replace(/\0+$/, "");
      out += word(Number(m[2])) + byte(Number(m[4])) + byte((m[1] === "" ? 0 : 0x80) | short.length) + short;
    }
    return out;
  },
  value: (bytes) => bytes,
  bytes: (bytes) => (prefixes.end(bytes, 0) === bytes.length ? bytes : undefined),
};

const hasBitsAfter = (address: string, prefix: number): boolean =>
  [...address].some((c, i) => (c.charCodeAt(0) & (0xff >> Math.min(8, Math.max(0, prefix - 8 * i)))) !== 0);

const sizeOf = (family: number): number => (family === 1 ? 4 : family === 2 ? 16 : -1);
