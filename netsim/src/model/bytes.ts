/** Bytes as files have them, without Node's Buffer (which is one of them): the reader of manifests runs in browsers too. */

// A byte order mark is the reader's business, not the decoder's.
const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
/** One character for each byte: for patterns whose places are places in the bytes. */
const single = new TextDecoder("latin1");
const encoder = new TextEncoder();

export const bytesOfText = (text: string): Uint8Array => encoder.encode(text);
export const textOf = (bytes: Uint8Array, start = 0, end = bytes.length): string =>
  utf8.decode(bytes.subarray(start, end));
export const charactersOf = (bytes: Uint8Array, start: number, end: number): string =>
  single.decode(bytes.subarray(start, end));

/** Whether `part` is in the bytes at `at`. */
export function isAt(bytes: Uint8Array, part: Uint8Array, at: number): boolean {
  for (let i = 0; i < part.length; i++) if (bytes[at + i] !== part[i]) return false;
  return true;
}

/** Where `part` is in the bytes first, from `from` on, or -1. */
export function find(bytes: Uint8Array, part: Uint8Array, from = 0): number {
  const first = part[0] as number;
  let at = bytes.indexOf(first, from);
  while (at >= 0 && !isAt(bytes, part, at)) at = bytes.indexOf(first, at + 1);
  return at;
}
