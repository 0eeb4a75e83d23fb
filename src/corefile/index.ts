/** The Corefile's language: text -> server blocks. It knows no plugin; the names of the directives are an argument. */
export { corefileError, type CorefileError, type CorefileErrorCode } from "./error.ts";
export { lastLine, startsLine, type Position, type Token } from "./token.ts";
export { keyText, tokensOf, type Key, type Line, type Scheme, type ServerBlock } from "./block.ts";
export { nodeFiles, type FileReader } from "./files.ts";
export { parseCorefile, type Corefile, type CorefileInput } from "./parse.ts";
export { normalizeZone, parseKey } from "./keys.ts";
export { findOverlap, type ServedBlock } from "./overlap.ts";
export { fingerprint } from "./fingerprint.ts";
export { suggest } from "./suggest.ts";
