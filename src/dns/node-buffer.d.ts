/** Methods that every Buffer of Node has and @types/node leaves out: `toString("latin1")` and `write(…, "latin1")` without the dispatch. */
interface Buffer<TArrayBuffer extends ArrayBufferLike = ArrayBufferLike> extends Uint8Array<TArrayBuffer> {
  latin1Slice(start?: number, end?: number): string;
  latin1Write(text: string, offset?: number, length?: number): number;
}
