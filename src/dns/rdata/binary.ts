import { ipv4Bytes, ipv4Text, ipv6Bytes, ipv6Text } from "../address.ts";
import { byte, unsigned, unsignedBytes, word, type Kind, type Tokens } from "./kind.ts";

/** Addresses and bytes that are written in hexadecimal, base64 or base32. */

/** `size` bytes that one token stands for. */
function fixed(
  size: number,
  expects: string,
  text: (bytes: string) => string,
  parse: (text: string) => string | undefined,
): Kind<string> {
  return {
    expects,
    end: (bytes, at) => (at + size <= bytes.length ? at + size : -1),
    text,
    parse(tokens) {
      const token = tokens.next();
      return token === undefined || token.quoted ? undefined : parse(token.text);
    },
    value: text,
    bytes: parse,
  };
}

/** Values are text: `192.0.2.1`. */
export const ipv4: Kind<string> = fixed(4, "an IPv4 address", ipv4Text, ipv4Bytes);
/** Values are text as RFC 5952 has it. */
export const ipv6: Kind<string> = fixed(16, "an IPv6 address", ipv6Text, ipv6Bytes);

export const eui48: Kind<string> = dashed(6, "six hexadecimal pairs with dashes between them");
export const eui64: Kind<string> = dashed(8, "eight hexadecimal pairs with dashes between them");

function dashed(size: number, expects: string): Kind<string> {
  return fixed(
    size,
    expects,
    (bytes) => hexText(bytes).replace(/..(?!$)/g, "$&-"),
    (text) =>
      /^[0-9a-f]{2}(-[0-9a-f]{2})*$/i.test(text) && text.length === size * 3 - 1
        ? hexBytes(text.replaceAll("-", ""))
        : undefined,
  );
}

/** Eight bytes as four groups of four hexadecimal digits: ILNP's identifiers and locators (RFC 6742 §2). */
export const groups64: Kind<string> = fixed(
  8,
  "four groups of hexadecimal digits, such as 2001:0db8:1140:1000",
  (bytes) => hexText(bytes).replace(/....(?!$)/g, "$&:"),
  (text) => {
    const parts = text.split(":");
    if (parts.length !== 4 || !parts.every((part) => /^[0-9a-f]{1,4}$/i.test(part))) return undefined;
    return hexBytes(parts.map((part) => part.padStart(4, "0")).join(""));
  },
);

export const hexText = (bytes: string): string => Buffer.from(bytes, "latin1").toString("hex");

export const hexBytes = (text: string): string | undefined =>
  text.length % 2 === 0 && /^[0-9a-f]*$/i.test(text) ? Buffer.from(text, "hex").latin1Slice() : undefined;

export const base64Text = (bytes: string): string => Buffer.from(bytes, "latin1").toString("base64");

export function base64Bytes(text: string): string | undefined {
  const digits = text.replace(/={0,2}$/, "");
  // Buffer takes what it can and ignores the rest, so the form is looked at here.
  if (!/^[A-Za-z0-9+/]*$/.test(digits) || digits.length % 4 === 1) return undefined;
  if (text.length !== digits.length && text.length % 4 !== 0) return undefined;
  return Buffer.from(digits, "base64").latin1Slice();
}

const BASE32 = "0123456789abcdefghijklmnopqrstuv";

/** Base32 with the extended hex alphabet, unpadded (RFC 5155 §3.3). */
export function base32Text(bytes: string): string {
  let out = "";
  for (let bit = 0; bit < bytes.length * 8; bit += 5) {
    const pair = (bytes.charCodeAt(bit >> 3) << 8) | (bytes.charCodeAt((bit >> 3) + 1) || 0);
    out += BASE32[(pair >> (11 - (bit & 7))) & 31]!;
  }
  return out;
}

export function base32Bytes(text: string): string | undefined {
  let out = "";
  let bits = 0;
  let held = 0;
  for (const digit of text.toLowerCase()) {
    const n = BASE32.indexOf(digit);
    if (n < 0) return undefined;
    held = ((held << 5) | n) & 0xfff;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      out += byte(held >> bits);
    }
  }
  return out;
}

/** Bytes to the end of the rdata, in one token or several. */
function remainder(
  expects: string,
  text: (bytes: string) => string,
  parse: (text: string) => string | undefined,
): Kind<string> {
  return {
    expects,
    end: (bytes) => bytes.length,
    text: (bytes) => (bytes === "" ? undefined : text(bytes)),
    parse(tokens) {
      const rest = tokens.rest();
      return rest.length === 0 || rest.some((token) => token.quoted)
        ? undefined
        : parse(rest.map((token) => token.text).join(""));
    },
    value: (bytes) => bytes,
    bytes: (bytes) => bytes,
  };
}

export const hex: Kind<string> = remainder("hexadecimal digits, two a byte", hexText, hexBytes);
export const base64: Kind<string> = remainder("base64", base64Text, base64Bytes);
/** Anything: a type that has no presentation form of its own. */
export const opaque: Kind<string> = {
  ...remainder("\\# and the bytes in hexadecimal digits", hexText, () => undefined),
  text: () => undefined,
};

/** Bytes behind a length of one byte, written as one token. */
function short(
  expects: string,
  text: (bytes: string) => string | undefined,
  parse: (text: string) => string | undefined,
): Kind<string> {
  const counted = (bytes: string | undefined): string | undefined =>
    bytes === undefined || bytes.length > 255 ? undefined : byte(bytes.length) + bytes;
  return {
    expects,
    end(bytes, at) {
      const end = at + 1 + bytes.charCodeAt(at);
      return end <= bytes.length ? end : -1;
    },
    text: (bytes) => text(bytes.slice(1)),
    parse(tokens) {
      const token = tokens.next();
      return token === undefined || token.quoted ? undefined : counted(parse(token.text));
    },
    value: (bytes) => bytes.slice(1),
    bytes: counted,
  };
}

/** NSEC3's salt: `-` where it is empty (RFC 5155 §3.3). */
export const salt: Kind<string> = short(
  "a salt in hexadecimal digits, or -",
  (bytes) => (bytes === "" ? "-" : hexText(bytes)),
  (text) => (text === "-" ? "" : hexBytes(text)),
);

/** NSEC3's next hashed owner. */
export const hash: Kind<string> = short(
  "a hash in base32",
  (bytes) => (bytes === "" ? undefined : base32Text(bytes)),
  (text) => (text === "" ? undefined : base32Bytes(text)),
);

/** Bytes behind a length of two bytes, written as the length and then, unless it is 0, base64: TSIG's and TKEY's custom. */
export const sized64: Kind<string> = {
  expects: "a length in bytes, and then so many in base64",
  end(bytes, at) {
    const end = at + 2 + unsigned(bytes, at, 2);
    return end <= bytes.length ? end : -1;
  },
  text: (bytes) => (bytes.length === 2 ? "0" : `${String(bytes.length - 2)} ${base64Text(bytes.slice(2))}`),
  parse(tokens: Tokens) {
    const length = tokens.next()?.text ?? "";
    if (!/^\d{1,5}$/.test(length)) return undefined;
    const bytes = length === "0" ? "" : base64Bytes(tokens.next()?.text ?? "");
    return bytes?.length === Number(length) ? sized64.bytes(bytes) : undefined;
  },
  value: (bytes) => bytes.slice(2),
  bytes(bytes) {
    return unsignedBytes(bytes.length, 2) === undefined ? undefined : word(bytes.length) + bytes;
  },
};
