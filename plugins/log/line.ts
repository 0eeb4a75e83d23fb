import { labelText, type Name } from "../../src/dns/name.ts";

/** A line that is being written: bytes in a buffer that serves line after line, so that no strings are made of its parts. */
export class Line {
  #bytes: Buffer = Buffer.allocUnsafeSlow(2048);
  #length = 0;
  #isAscii = true;

  text(text: string): void {
    const { length } = text;
    this.#reserve(3 * length);
    const start = this.#length;
    for (let i = 0; i < length; i++) {
      const c = text.charCodeAt(i);
      if (c > 127) {
        this.#isAscii = false;
        this.#length = start + this.#bytes.write(text, start);
        return;
      }
      this.#bytes[start + i] = c;
    }
    this.#length = start + length;
  }

  /** A whole number, not negative; with `digits`, zeros in front up to so many. */
  number(value: number, digits = 1): void {
    let places = digits;
    for (let limit = 10 ** digits; value >= limit; limit *= 10) places++;
    this.#reserve(places);
    this.#length += places;
    for (let at = this.#length - 1, left = value; places > 0; places--, at--) {
      const rest = Math.floor(left / 10);
      this.#bytes[at] = ZERO + left - 10 * rest;
      left = rest;
    }
  }

  /** Seconds as Go prints a float without exponent, to the nanosecond. */
  duration(seconds: number): void {
    const nanoseconds = Math.round(seconds * 1e9);
    const whole = Math.floor(nanoseconds / 1e9);
    const part = nanoseconds - whole * 1e9;
    this.number(whole);
    if (part > 0) {
      this.text(".");
      this.number(part, 9);
      while (this.#bytes[this.#length - 1] === ZERO) this.#length--;
    }
    this.text("s");
  }

  /** The presentation form, with the final dot. */
  name(name: Name): void {
    if (name.length === 1) return this.text(".");
    this.#reserve(4 * name.length);
    const bytes = this.#bytes;
    let at = this.#length;
    for (let i = 0; name.charCodeAt(i) !== 0;) {
      const start = at;
      const end = i + 1 + name.charCodeAt(i);
      let isPlain = true;
      for (let k = i + 1; k < end; k++) {
        const c = name.charCodeAt(k);
        if (c > 127 || PLAIN[c] === 0) isPlain = false;
        bytes[at++] = c;
      }
      if (!isPlain) at = start + bytes.latin1Write(labelText(name.slice(i + 1, end)), start);
      bytes[at++] = DOT;
      i = end;
    }
    this.#length = at;
  }

  /** The line, after which the next one begins. */
  take(): string {
    const text = this.#isAscii
      ? this.#bytes.latin1Slice(0, this.#length)
      : this.#bytes.toString("utf8", 0, this.#length);
    this.#length = 0;
    this.#isAscii = true;
    return text;
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const bytes = Buffer.allocUnsafeSlow(2 * (this.#length + more));
    this.#bytes.copy(bytes, 0, 0, this.#length);
    this.#bytes = bytes;
  }
}

const ZERO = 48;
const DOT = 46;
/** 1 for the characters of a label that are written as they are; the others `labelText` knows. */
const PLAIN: Uint8Array = Uint8Array.from({ length: 128 }, (_, c) =>
  labelText(String.fromCharCode(c)) === String.fromCharCode(c) ? 1 : 0,
);
