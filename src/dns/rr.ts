import type { Name } from "./name.ts";

/**
 * Rdata as bytes in wire form, one character a byte like `Name`, with every name in it written out in full: so it
 * can be compared, kept and copied without knowing its type (RFC 3597).
 */
declare const rdataBrand: unique symbol;
export type Rdata = string & { readonly [rdataBrand]: true };

/** One resource record. `name` has the letters that the client is to see; `ttl` is in seconds. */
export interface RR {
  readonly name: Name;
  readonly type: number;
  readonly class: number;
  readonly ttl: number;
  readonly rdata: Rdata;
}

export const CLASS = { IN: 1, CH: 3, HS: 4, NONE: 254, ANY: 255 } as const;
