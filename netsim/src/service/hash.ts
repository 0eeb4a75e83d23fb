import { sha256 } from "@noble/hashes/sha2.js";
import { utf8ToBytes } from "@noble/hashes/utils.js";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/** The first `length` letters of the base32 form (RFC 4648) of SHA-256 of `text`: what kube-proxy names its chains by. */
export function shortHash(text: string, length: number): string {
  const digest = sha256(utf8ToBytes(text));
  let letters = "";
  for (let bit = 0; letters.length < length; bit += 5) {
    const window = ((digest[bit >> 3] ?? 0) << 8) | (digest[(bit >> 3) + 1] ?? 0);
    letters += ALPHABET[(window >> (11 - (bit & 7))) & 31];
  }
  return letters;
}
