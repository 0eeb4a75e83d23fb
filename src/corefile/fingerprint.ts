import { createHash } from "node:crypto";
import type { ServerBlock } from "./block.ts";
import { tokensOf } from "./block.ts";

/**
 * What `reload` compares: equal if and only if all words are equal, each with its line and the file it was imported
 * from; comments don't count but where they move a line. It is the SHA-512, in hex, that CoreDNS prints for the same file.
 */
export function fingerprint(blocks: readonly ServerBlock[], file: string): string {
  const plain = blocks.map((block) => ({
    Keys: block.labels,
    Tokens: Object.fromEntries(
      [...new Set(block.lines.map((line) => line.name))].sort().map((name) => [
        name,
        tokensOf(block, name).map((token) => ({
          File: token.file === file ? "" : token.file,
          Line: token.line,
          Text: token.text,
        })),
      ]),
    ),
  }));
  return createHash("sha512").update(goJson(plain)).digest("hex");
}

/** JSON as Go writes it: safe within HTML. */
const goJson = (value: unknown): string =>
  JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    (char) => "\\u" + char.charCodeAt(0).toString(16).padStart(4, "0"),
  );
