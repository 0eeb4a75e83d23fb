/** `node:crypto`, as far as answers need it: hashes, and randomness where nobody gave another source. */
import { md5, sha1 } from "@noble/hashes/legacy.js";
import { sha256, sha512 } from "@noble/hashes/sha2.js";
import { Buffer } from "buffer";

const HASHES = { md5, sha1, sha256, sha512 };

export function createHash(name: keyof typeof HASHES) {
  const state = HASHES[name].create();
  const hash = {
    update(data: Uint8Array | string, encoding: BufferEncoding = "utf8") {
      state.update(typeof data === "string" ? Buffer.from(data, encoding) : data);
      return hash;
    },
    digest(encoding?: BufferEncoding) {
      const bytes = Buffer.from(state.digest());
      return encoding === undefined ? bytes : bytes.toString(encoding);
    },
  };
  return hash;
}

export const randomFillSync = <T extends ArrayBufferView<ArrayBuffer>>(bytes: T): T =>
  crypto.getRandomValues(bytes);
