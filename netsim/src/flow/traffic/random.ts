/** Chance that can be repeated, from a seed and a name: one line of traffic more changes no other. */
import { seededRandom } from "clusterdns";

/** Numbers in [0, 1). */
export type Random = () => number;

/** FNV-1a, 32 bits. */
export function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193) >>> 0;
  return value;
}

export const createRandom = (seed: number, name: string): Random => seededRandom(hash(`${seed} ${name}`));

/** In the form of a random UUID (RFC 9562, version 4). */
export function uuid(random: Random): string {
  const hex = Array.from({ length: 32 }, () => Math.floor(random() * 16).toString(16));
  [hex[12], hex[16]] = ["4", "89ab"[Math.floor(random() * 4)] ?? "8"];
  const text = hex.join("");
  return [0, 8, 12, 16, 20].map((at, i, all) => text.slice(at, all[i + 1])).join("-");
}
