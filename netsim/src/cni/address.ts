/** Addresses in blocks, MAC addresses, names made of hashes. */
import { sha1 } from "@noble/hashes/legacy.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import ipaddr from "ipaddr.js";
import { parseAddress as address, parseBlock as block, type Block } from "../service/address.ts";

export { contains, type Block } from "../service/address.ts";

/** The same texts are read over and over while packets are followed. */
const MAX_KEPT = 50_000;
function kept<T>(read: (text: string) => T): (text: string) => T {
  const known = new Map<string, T>();
  return (text) => {
    if (known.has(text)) return known.get(text) as T;
    if (known.size >= MAX_KEPT) known.clear();
    const value = read(text);
    known.set(text, value);
    return value;
  };
}

export const parseAddress = kept(address);
export const parseBlock = kept(block);

export const isV6 = (text: string): boolean => text.includes(":");
export const widthOf = (text: string): 32 | 128 => (isV6(text) ? 128 : 32);
export const hostBlock = (address: string): string => `${address}/${widthOf(address)}`;

/** The address without its prefix length. */
export const bare = (text: string): string => text.split("/", 1)[0] ?? text;

/** The text of an address by its value (RFC 5952 for IPv6). */
export function addressText(value: bigint, v6: boolean): string {
  const bytes = Array.from({ length: v6 ? 16 : 4 }, (_, i, all = v6 ? 16 : 4) =>
    Number((value >> BigInt(8 * (all - 1 - i))) & 0xffn),
  );
  return ipaddr.fromByteArray(bytes).toString();
}

/** The `n`th address of a block (0: the network's own); undefined where there are not so many. */
export function nth(block: Block, n: number | bigint): string | undefined {
  const value = block.first + BigInt(n);
  return value > block.last ? undefined : addressText(value, block.family === "IPv6");
}

/** The block of `bits` that an address is in. */
export const blockOf = (address: string, bits: number): Block | undefined => parseBlock(`${address}/${bits}`);

/** Whether a block (or "default") covers an address of its family. */
export function covers(block: string, address: string): boolean {
  const parsed = parseBlock(block);
  const ip = parseAddress(address);
  return (
    parsed !== undefined &&
    ip !== undefined &&
    parsed.family === ip.family &&
    ip.value >= parsed.first &&
    ip.value <= parsed.last
  );
}

export const overlaps = (a: Block, b: Block): boolean =>
  a.family === b.family && a.first <= b.last && b.first <= a.last;

export const inside = (inner: Block, outer: Block): boolean =>
  inner.family === outer.family && inner.first >= outer.first && inner.last <= outer.last;

export const sha1Hex = (text: string): string => bytesToHex(sha1(utf8ToBytes(text)));
export const sha256Hex = (text: string): string => bytesToHex(sha256(utf8ToBytes(text)));

const colons = (hex: string): string => hex.match(/../g)?.join(":") ?? hex;

/** A locally administered unicast MAC that follows from a name (IEEE 802, bit 1 of the first octet). */
export const macOf = (name: string): string => colons(`02${sha256Hex(name).slice(0, 10)}`);

/** Felix's rule for the MAC of vxlan.calico: 0x66 and five octets of SHA-1 of the node's name (`-v6` appended for IPv6). */
export const calicoTunnelMac = (node: string): string => colons(`66${sha1Hex(node).slice(0, 10)}`);

/** libcalico-go's rule for the host's end of a pod's veth pair. */
export const calicoDevice = (namespace: string, pod: string, prefix = "cali"): string =>
  `${prefix}${sha1Hex(`${namespace}.${pod}`).slice(0, 11)}`;

/** Cilium's rule: `lxc` and 12 digits of SHA-256 of the endpoint's id. */
export const ciliumDevice = (endpoint: string): string => `lxc${sha256Hex(endpoint).slice(0, 12)}`;

/** The link-local address that a device has from its MAC (modified EUI-64, RFC 4291 appendix A). */
export function linkLocal(mac: string): string {
  const octets = mac.split(":").map((part) => Number.parseInt(part, 16));
  const id = [(octets[0] ?? 0) ^ 2, ...octets.slice(1, 3), 0xff, 0xfe, ...octets.slice(3)];
  return ipaddr.fromByteArray([0xfe, 0x80, 0, 0, 0, 0, 0, 0, ...id]).toString();
}

/** A UUID that follows from a name. */
export const uuidOf = (name: string): string => {
  const hex = sha256Hex(name);
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `4${hex.slice(13, 16)}`,
    `8${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join("-");
};
