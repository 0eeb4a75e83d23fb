import { ROOT, type Name } from "../name.ts";

/** A word of a record's presentation form, escapes as written (RFC 1035 §5.1). */
export interface Token {
  readonly text: string;
  readonly quoted: boolean;
  /** Whether it follows the token before it without a blank, as the value in `alpn="h2"` does. */
  readonly joined: boolean;
}

/** The words of one record's rdata, taken from left to right. */
export class Tokens {
  private at = 0;
  private readonly list: readonly Token[];
  /** What relative names are completed with. */
  readonly origin: Name;

  constructor(list: readonly Token[], origin: Name = ROOT) {
    this.list = list;
    this.origin = origin;
  }

  next(): Token | undefined {
    return this.list[this.at++];
  }

  peek(): Token | undefined {
    return this.list[this.at];
  }

  /** All that are left. */
  rest(): readonly Token[] {
    const rest = this.list.slice(this.at);
    this.at = this.list.length;
    return rest;
  }

  /** The one that was taken last. */
  get last(): Token | undefined {
    return this.list[this.at - 1];
  }

  get done(): boolean {
    return this.at >= this.list.length;
  }
}

/** One sort of field in rdata: between its bytes (one character a byte, names in full), its text and its value. */
export interface Kind<V> {
  /** What a reader of an error message should write instead. */
  readonly expects: string;
  /** Where the field that starts at `at` ends; -1 where its bytes are bad. A field that goes "to the end" ends with `bytes`. */
  end(bytes: string, at: number): number;
  /** Presentation form; undefined where these bytes have none, so that the record must be written as RFC 3597 does. */
  text(bytes: string): string | undefined;
  /** Bytes of what the tokens say; undefined where they say nothing of this kind. */
  parse(tokens: Tokens): string | undefined;
  value(bytes: string): V;
  /** undefined where `value` is out of range. */
  bytes(value: V): string | undefined;
}

export const byte = (n: number): string => String.fromCharCode(n & 0xff);

export const word = (n: number): string => String.fromCharCode((n >>> 8) & 0xff, n & 0xff);

export const long = (n: number): string =>
  String.fromCharCode((n >>> 24) & 0xff, (n >>> 16) & 0xff, (n >>> 8) & 0xff, n & 0xff);

/** The unsigned number that `size` bytes (at most 6) stand for, the highest first. */
export function unsigned(bytes: string, at: number, size: number): number {
  let n = 0;
  for (let i = 0; i < size; i++) n = n * 256 + bytes.charCodeAt(at + i);
  return n;
}

/** `size` bytes (at most 6) of a whole number from 0; undefined where it does not fit. */
export function unsignedBytes(n: number, size: number): string | undefined {
  if (!Number.isInteger(n) || n < 0 || n >= 2 ** (8 * size)) return undefined;
  let out = "";
  for (let left = size - 1; left >= 0; left--) out += byte(Math.floor(n / 2 ** (8 * left)));
  return out;
}
