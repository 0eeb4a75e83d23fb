/**
 * IP addresses between text and bytes (4 or 16, one character a byte).
 */

/** The 4 bytes of a dotted quad; undefined for anything else, leading zeros included (they would be octal elsewhere). */
export function ipv4Bytes(text: string): string | undefined {
  let out = "";
  let value = -1;
  for (let i = 0; i <= text.length; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (digit >= 0 && digit <= 9) {
      if (value === 0) return undefined;
      value = value < 0 ? digit : value * 10 + digit;
      if (value > 255) return undefined;
    } else {
      if (value < 0 || (i < text.length && text[i] !== ".")) return undefined;
      out += String.fromCharCode(value);
      value = -1;
    }
  }
  return out.length === 4 ? out : undefined;
}

export function ipv4Text(bytes: string): string {
  const c = (i: number): string => String(bytes.charCodeAt(i));
  return `${c(0)}.${c(1)}.${c(2)}.${c(3)}`;
}

/** The 16 bytes of an IPv6 address (RFC 4291 §2.2, all three forms); undefined for anything else, zones included. */
export function ipv6Bytes(text: string): string | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const head = groups(halves[0]!, halves.length === 1);
  const tail = halves.length === 2 ? groups(halves[1]!, true) : "";
  if (head === undefined || tail === undefined) return undefined;
  const missing = 16 - head.length - tail.length;
  // "::" stands for one group or more.
  if (halves.length === 1 ? missing !== 0 : missing < 2) return undefined;
  return head + "\0".repeat(missing) + tail;
}

function groups(text: string, mayEndInV4: boolean): string | undefined {
  if (text === "") return "";
  const parts = text.split(":");
  let out = "";
  for (const [i, part] of parts.entries()) {
    if (/^[0-9a-fA-F]{1,4}$/.test(part)) {
      const n = parseInt(part, 16);
      out += String.fromCharCode(n >> 8, n & 0xff);
    } else {
      const v4 = mayEndInV4 && i === parts.length - 1 ? ipv4Bytes(part) : undefined;
      if (v4 === undefined) return undefined;
      out += v4;
    }
  }
  return out;
}

/** The text that RFC 5952 §4 recommends, with a mapped IPv4 address in dots. */
export function ipv6Text(bytes: string): string {
  if (bytes.startsWith(MAPPED)) return `::ffff:${ipv4Text(bytes.slice(12))}`;
  const words: number[] = [];
  for (let i = 0; i < 16; i += 2) words.push((bytes.charCodeAt(i) << 8) | bytes.charCodeAt(i + 1));
  const { start, length } = longestZeros(words);
  const hex = (part: number[]): string => part.map((n) => n.toString(16)).join(":");
  if (length < 2) return hex(words);
  return `${hex(words.slice(0, start))}::${hex(words.slice(start + length))}`;
}

const MAPPED = "\0".repeat(10) + "\xff\xff";

function longestZeros(words: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let i = 0; i < words.length; i++) {
    let end = i;
    while (words[end] === 0) end++;
    if (end - i > best.length) best = { start: i, length: end - i };
    if (end > i) i = end;
  }
  return best;
}
