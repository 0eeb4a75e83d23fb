import type { Position, Token } from "./token.ts";

/** How queries come in; `unix` is read by the language but nothing serves it. */
export type Scheme = "dns" | "tls" | "quic" | "grpc" | "https" | "https3" | "unix";

/** One zone that a server block serves; a key with a CIDR in it stands for several. */
export interface Key extends Position {
  readonly scheme: Scheme;
  /** Fully qualified and lower-cased, in presentation form: `corp.example.`, `0.0.10.in-addr.arpa.`, `.`. */
  readonly zone: string;
  readonly port: number;
}

/** A directive as written, once: its name, its arguments, and the braces and words of its block. Never empty. */
export interface Line {
  readonly name: string;
  readonly tokens: readonly Token[];
}

export interface ServerBlock extends Position {
  /** At least one; in the order written, CIDRs expanded in place. */
  readonly keys: readonly Key[];
  /** The keys' words as they stand in the file, environment references replaced. */
  readonly labels: readonly string[];
  /** In the order written. */
  readonly lines: readonly Line[];
}

/** All words that a block has for `directive`, joined as a plugin's set-up reads them; empty where it has none. */
export const tokensOf = (block: ServerBlock, directive: string): Token[] =>
  block.lines.flatMap((line) => (line.name === directive ? line.tokens : []));

/** `[scheme://]zone:port`, the scheme left out for plain DNS: the form of CoreDNS's banner. */
export const keyText = (key: Key): string =>
  (key.scheme === "dns" ? "" : key.scheme + "://") + key.zone + ":" + key.port;
