import ipaddr from "ipaddr.js";

import type { IPFamily } from "../model/types.ts";

/** An IP address: its canonical text (RFC 5952) and its value, to be compared within a family. */
export interface Address {
  readonly text: string;
  readonly family: IPFamily;
  readonly value: bigint;
}

/** A block of addresses, by its canonical text (the host bits are zero, as the kernel's tools print it) and its bounds. */
export interface Block {
  readonly text: string;
  readonly family: IPFamily;
  readonly bits: number;
  readonly first: bigint;
  readonly last: bigint;
}

const WIDTH: Record<IPFamily, number> = { IPv4: 32, IPv6: 128 };

/** An address from its text, or undefined. Leading zeros of an IPv4 octet are decimal, as Kubernetes reads them. */
export function parseAddress(text: string): Address | undefined {
  const plain = text.includes(":") ? text : text.replace(/\b0+(?=\d)/g, "");
  if (!ipaddr.isValid(plain) || (!plain.includes(":") && !ipaddr.IPv4.isValidFourPartDecimal(plain)))
    return undefined;
  const parsed = ipaddr.process(plain);
  const value = parsed.toByteArray().reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  return { text: parsed.toString(), family: parsed.kind() === "ipv6" ? "IPv6" : "IPv4", value };
}

/** A block from `address/bits`, surrounded by white space or not, or undefined. */
export function parseBlock(text: string): Block | undefined {
  const slash = text.indexOf("/");
  const address = parseAddress(text.slice(0, slash).trim());
  const suffix = text.slice(slash + 1).trim();
  if (slash < 0 || address === undefined || !/^\d{1,3}$/.test(suffix)) return undefined;
  const bits = Number(suffix);
  return bits <= WIDTH[address.family] ? block(address.family, address.value, bits) : undefined;
}

export function contains(block: Block, address: Address): boolean {
  return block.family === address.family && address.value >= block.first && address.value <= block.last;
}

/** The smallest block that covers all of `blocks` (of one family), or undefined for none. */
export function cover(blocks: readonly Block[]): Block | undefined {
  const [head, ...rest] = blocks;
  if (head === undefined) return undefined;
  let first = head.first;
  let last = head.last;
  for (const { first: low, last: high } of rest) {
    if (low < first) first = low;
    if (high > last) last = high;
  }
  let bits = WIDTH[head.family];
  while (bits > 0 && first >> BigInt(WIDTH[head.family] - bits) !== last >> BigInt(WIDTH[head.family] - bits))
    bits--;
  return block(head.family, first, Math.min(bits, ...blocks.map((each) => each.bits)));
}

/**
 * The blocks of one family as nft shows them in a set: in order, what overlaps or touches made one, each as an address, a
 * block or `first-last`.
 */
export function mergeBlocks(blocks: readonly Block[]): string[] {
  const merged: { family: IPFamily; first: bigint; last: bigint }[] = [];
  for (const { family, first, last } of [...blocks].sort((a, b) =>
    a.first < b.first ? -1 : a.first > b.first ? 1 : 0,
  )) {
    const before = merged.at(-1);
    if (before === undefined || first > before.last + 1n) merged.push({ family, first, last });
    else if (last > before.last) before.last = last;
  }
  return merged.map(({ family, first, last }) => {
    if (first === last) return format(family, first);
    const host = (last - first).toString(2).length;
    const whole = block(family, first, WIDTH[family] - host);
    return whole.first === first && whole.last === last
      ? whole.text
      : `${format(family, first)}-${format(family, last)}`;
  });
}

/** `10.0.0.1:80`, `[fd00::1]:80`: how endpoints are named everywhere in kube-proxy. */
export function hostPort(address: string, port: number): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

function block(family: IPFamily, value: bigint, bits: number): Block {
  const host = BigInt(WIDTH[family] - bits);
  const first = (value >> host) << host;
  return { text: `${format(family, first)}/${bits}`, family, bits, first, last: first | ((1n << host) - 1n) };
}

function format(family: IPFamily, value: bigint): string {
  const bytes: number[] = [];
  for (let shift = WIDTH[family] - 8; shift >= 0; shift -= 8)
    bytes.push(Number((value >> BigInt(shift)) & 0xffn));
  return ipaddr.fromByteArray(bytes).toString();
}
