import { MAX_LABEL, MAX_NAME, type Name } from "./name.ts";

/** A place in a message that readers move on. One cursor serves one message. */
export interface Cursor {
  at: number;
  /** The names that pointers led to, by offset: most records of a message point at the same few. */
  names?: Map<number, Name>;
}

/** More pointers than a name of 255 octets can use end a loop (each must add a label, or go on to a next one). */
const MAX_POINTERS = 126;

/**
 * The name at the cursor, its pointers followed wherever they lead in `bytes` (RFC 1035 §4.1.4), also forward: CoreDNS
 * takes those. The cursor moves behind it. undefined for a label of another sort, a name that is too long or runs off the
 * end, and for pointers that lead in a circle.
 */
export function readName(bytes: Buffer, cursor: Cursor): Name | undefined {
  const start = cursor.at;
  const end = endOfLabels(bytes, start);
  if (end < 0) return undefined;
  if (bytes[end] === 0) {
    cursor.at = end + 1;
    return end + 1 - start > MAX_NAME ? undefined : (bytes.latin1Slice(start, end + 1) as Name);
  }
  if (end + 1 >= bytes.length) return undefined;
  cursor.at = end + 2;
  const rest = pointedAt(bytes, pointer(bytes, end), (cursor.names ??= new Map()));
  if (rest === undefined || end - start + rest.length > MAX_NAME) return undefined;
  return end === start ? rest : ((bytes.latin1Slice(start, end) + rest) as Name);
}

/** The name at `target`, which a pointer says. Every pointer on the way is followed once in a message, so that chains of them are cheap. */
function pointedAt(bytes: Buffer, target: number, names: Map<number, Name>): Name | undefined {
  const known = names.get(target);
  if (known !== undefined) return known;
  const hops: [target: number, labels: string][] = [];
  let rest: string | undefined;
  for (let at = target; rest === undefined;) {
    const end = endOfLabels(bytes, at);
    if (end < 0 || hops.length >= MAX_POINTERS || (bytes[end] !== 0 && end + 1 >= bytes.length))
      return undefined;
    hops.push([at, bytes.latin1Slice(at, end)]);
    if (bytes[end] === 0) rest = "\0";
    else {
      at = pointer(bytes, end);
      rest = names.get(at);
    }
  }
  for (let i = hops.length - 1; i >= 0; i--) {
    const [at, labels] = hops[i]!;
    rest = labels + rest;
    if (rest.length > MAX_NAME) return undefined;
    names.set(at, rest as Name);
  }
  return rest as Name;
}

/** Where the labels that begin at `at` end: at the root's or at a pointer. -1 where they are too long, bad or cut off. */
function endOfLabels(bytes: Buffer, at: number): number {
  const last = at + MAX_NAME;
  for (;;) {
    const length = bytes[at];
    if (length === undefined || at >= last) return -1;
    if (length === 0 || length >= 0xc0) return at;
    if (length > MAX_LABEL) return -1;
    at += length + 1;
  }
}

const pointer = (bytes: Buffer, at: number): number => readU16(bytes, at) & 0x3fff;

export const readU16 = (bytes: Buffer, at: number): number => (bytes[at]! << 8) | bytes[at + 1]!;

export const readU32 = (bytes: Buffer, at: number): number =>
  readU16(bytes, at) * 65536 + readU16(bytes, at + 2);

/** `bytes` as a Buffer, without a copy. */
export const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
