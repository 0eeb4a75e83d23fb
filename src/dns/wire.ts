import { MAX_NAME, type Name } from "./name.ts";

/** A place in a message that readers move on. */
export interface Cursor {
  at: number;
}

/** More pointers than a name of 255 octets can use end a loop (each must add a label, or go on to a next one). */
const MAX_POINTERS = 126;

/**
 * The name at the cursor, its pointers followed wherever they lead in `bytes` (RFC 1035 §4.1.4), also forward: CoreDNS
 * takes those. The cursor moves behind it. undefined for a label of another sort, a name that is too long or runs off the
 * end, and for pointers that lead in a circle.
 */
export function readName(bytes: Buffer, cursor: Cursor): Name | undefined {
  let at = cursor.at;
  let from = at;
  let name = "";
  let after = -1;
  let pointers = 0;
  for (;;) {
    const length = bytes[at];
    if (length === undefined) return undefined;
    if (length === 0) {
      if (name.length + at + 1 - from > MAX_NAME) return undefined;
      name += bytes.latin1Slice(from, at + 1);
      break;
    }
    if (length < 64) {
      at += length + 1;
      if (at - from > MAX_NAME) return undefined;
      continue;
    }
    const low = bytes[at + 1];
    if (length < 0xc0 || low === undefined || ++pointers > MAX_POINTERS) return undefined;
    if (at > from) name += bytes.latin1Slice(from, at);
    if (name.length > MAX_NAME) return undefined;
    if (after < 0) after = at + 2;
    at = from = ((length & 0x3f) << 8) | low;
  }
  cursor.at = after < 0 ? at + 1 : after;
  return name as Name;
}

export const readU16 = (bytes: Buffer, at: number): number => (bytes[at]! << 8) | bytes[at + 1]!;

export const readU32 = (bytes: Buffer, at: number): number =>
  readU16(bytes, at) * 65536 + readU16(bytes, at + 2);

/** `bytes` as a Buffer, without a copy. */
export const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
