/** Addresses and prefixes as numbers, so that a rule's CIDR is tested in a few machine instructions. */
import { isIPv4, isIPv6 } from "./ip-text.ts";

type Words = readonly [number, number, number, number];

/** An IP address: four unsigned 32-bit words, big-endian; an IPv4 address is the last word. */
export interface Address {
  readonly text: string;
  readonly v6: boolean;
  readonly words: Words;
}

/** A prefix with its host bits cleared. */
export interface Prefix {
  readonly text: string;
  readonly v6: boolean;
  readonly bits: number;
  readonly words: Words;
  readonly mask: Words;
}

function v4Word(text: string): number {
  const [a = 0, b = 0, c = 0, d = 0] = text.split(".").map(Number);
  return ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
}

function v6Words(text: string): Words {
  let rest = text.split("%")[0] ?? text;
  const tail = /:(\d+\.\d+\.\d+\.\d+)$/.exec(rest)?.[1];
  if (tail !== undefined) {
    const word = v4Word(tail);
    rest = `${rest.slice(0, -tail.length)}${(word >>> 16).toString(16)}:${(word & 0xffff).toString(16)}`;
  }
  const [left = "", right] = rest.split("::");
  const head = left === "" ? [] : left.split(":");
  const end = right === undefined || right === "" ? [] : right.split(":");
  const gap = right === undefined ? 0 : 8 - head.length - end.length;
  const groups = [...head, ...Array<string>(gap).fill("0"), ...end].map((g) => parseInt(g, 16));
  const word = (i: number) => (((groups[i] ?? 0) << 16) | (groups[i + 1] ?? 0)) >>> 0;
  return [word(0), word(2), word(4), word(6)];
}

/** The address in `text`, or undefined when it is none. Leading zeros and short forms are refused. */
export function parseAddress(text: string): Address | undefined {
  if (isIPv4(text)) return { text, v6: false, words: [0, 0, 0, v4Word(text)] };
  if (!isIPv6(text)) return undefined;
  const words = v6Words(text);
  const mapped = words[0] === 0 && words[1] === 0 && words[2] === 0xffff;
  return mapped ? { text, v6: false, words: [0, 0, 0, words[3]] } : { text, v6: true, words };
}

function maskWords(bits: number, v6: boolean): Words {
  const word = (i: number) => {
    const n = Math.min(32, Math.max(0, bits - i * 32));
    return n === 0 ? 0 : (~0 << (32 - n)) >>> 0;
  };
  return v6 ? [word(0), word(1), word(2), word(3)] : [0, 0, 0, word(0)];
}

/** `10.0.0.0/8`, `fd00::/48`; undefined when it is no prefix. Host bits are cleared, as every data plane does. */
export function parsePrefix(text: string): Prefix | undefined {
  const slash = text.lastIndexOf("/");
  if (slash < 0) return undefined;
  const address = parseAddress(text.slice(0, slash));
  const length = text.slice(slash + 1);
  if (address === undefined || !/^(0|[1-9]\d{0,2})$/.test(length)) return undefined;
  const bits = Number(length);
  if (bits > (address.v6 ? 128 : 32)) return undefined;
  const mask = maskWords(bits, address.v6);
  const at = (i: 0 | 1 | 2 | 3) => (address.words[i] & mask[i]) >>> 0;
  return { text, v6: address.v6, bits, mask, words: [at(0), at(1), at(2), at(3)] };
}

/** A prefix, or a bare address as the prefix of just that address. */
export function parsePrefixOrAddress(text: string): Prefix | undefined {
  if (text.includes("/")) return parsePrefix(text);
  const address = parseAddress(text);
  return address === undefined ? undefined : parsePrefix(`${text}/${address.v6 ? 128 : 32}`);
}

export function contains(prefix: Prefix, address: Address): boolean {
  if (prefix.v6 !== address.v6) return false;
  const { words, mask } = prefix;
  const w = address.words;
  if ((w[3] & mask[3]) >>> 0 !== words[3]) return false;
  if (!prefix.v6) return true;
  return (
    (w[0] & mask[0]) >>> 0 === words[0] &&
    (w[1] & mask[1]) >>> 0 === words[1] &&
    (w[2] & mask[2]) >>> 0 === words[2]
  );
}

export function sameAddress(a: Address, b: Address): boolean {
  return a.v6 === b.v6 && a.words.every((w, i) => w === b.words[i]);
}

/** Whether every address of `inner` is in `outer`. */
export function covers(outer: Prefix, inner: Prefix): boolean {
  return outer.bits <= inner.bits && contains(outer, { text: "", v6: inner.v6, words: inner.words });
}

/** The address `offset` places after the first of a prefix, as text (RFC 5952; the platform's URL parser is its formatter). */
export function addressAt({ v6, words }: Pick<Prefix, "v6" | "words">, offset: number | bigint): string {
  const value = words.reduce((sum, word) => (sum << 32n) | BigInt(word), 0n) + BigInt(offset);
  const part = (bits: bigint, i: number): bigint => (value >> (bits * BigInt(i))) & ((1n << bits) - 1n);
  if (!v6) return [3, 2, 1, 0].map((i) => part(8n, i)).join(".");
  const groups = [7, 6, 5, 4, 3, 2, 1, 0].map((i) => part(16n, i).toString(16));
  return new URL(`http://[${groups.join(":")}]`).hostname.slice(1, -1);
}
