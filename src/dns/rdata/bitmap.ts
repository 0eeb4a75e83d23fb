import { parseType, typeText } from "../types.ts";
import { byte, type Kind } from "./kind.ts";

/** The types that exist at a name, to the end of the rdata: windows of at most 32 bytes (RFC 4034 §4.1.2). */
export const bitmap: Kind<readonly number[]> = {
  expects: "record types",
  end(bytes, at) {
    for (let last = -1; at < bytes.length;) {
      const window = bytes.charCodeAt(at);
      const length = bytes.charCodeAt(at + 1);
      if (window <= last || !(length >= 1 && length <= 32)) return -1;
      last = window;
      at += 2 + length;
    }
    return at === bytes.length ? at : -1;
  },
  text(bytes) {
    const types = bitmap.value(bytes);
    // Windows with zeros at their end have no text that would bring them back.
    return bitmap.bytes(types) === bytes ? types.map(typeText).join(" ") : undefined;
  },
  parse(tokens) {
    const types = tokens.rest().map((token) => (token.quoted ? undefined : parseType(token.text)));
    return types.includes(undefined) ? undefined : bitmap.bytes(types as number[]);
  },
  value(bytes) {
    const types: number[] = [];
    for (let at = 0; at < bytes.length; at += 2 + bytes.charCodeAt(at + 1)) {
      const window = bytes.charCodeAt(at) << 8;
      const length = bytes.charCodeAt(at + 1);
      for (let bit = 0; bit < length * 8; bit++) {
        if ((bytes.charCodeAt(at + 2 + (bit >> 3)) & (0x80 >> (bit & 7))) !== 0) types.push(window | bit);
      }
    }
    return types;
  },
  bytes(types) {
    const windows = new Map<number, number[]>();
    for (const type of [...types].sort((a, b) => a - b)) {
      if (!Number.isInteger(type) || type < 0 || type > 0xffff) return undefined;
      let bits = windows.get(type >> 8);
      if (bits === undefined) windows.set(type >> 8, (bits = []));
      const at = (type & 0xff) >> 3;
      while (bits.length <= at) bits.push(0);
      bits[at]! |= 0x80 >> (type & 7);
    }
    return [...windows]
      .map(([window, bits]) => byte(window) + byte(bits.length) + bits.map(byte).join(""))
      .join("");
  },
};
