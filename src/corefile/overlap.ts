import type { Key, ServerBlock } from "./block.ts";
import { corefileError, type CorefileError } from "./error.ts";

/** A server block after its plugins said where it listens and whether a view chooses its queries. */
export interface ServedBlock {
  readonly block: ServerBlock;
  /** Addresses to listen on, as `bind` says; empty text: every address. */
  readonly addresses: readonly string[];
  readonly view: boolean;
}

/**
 * The first zone that two blocks, or two keys of one, would serve on the same transport and port. Different addresses
 * are no conflict, but all addresses and one of them are. A block with a view may share its zone.
 */
export function findOverlap(blocks: readonly ServedBlock[]): CorefileError | undefined {
  const taken = new Set<string>();
  const anywhere = new Map<string, string>();
  for (const { block, addresses, view } of blocks) {
    for (const key of block.keys) {
      for (const address of addresses) {
        const unbound = place(key, "");
        const wanted = place(key, address);
        if (!view && taken.has(wanted)) {
          return corefileError(
            "zone-overlap",
            key,
            `cannot serve ${wanted} - it is already defined: leave one of them out, or give it a view`,
          );
        }
        const other = address === "" ? anywhere.get(unbound) : taken.has(unbound) ? unbound : undefined;
        if (other !== undefined && !taken.has(wanted)) {
          return corefileError(
            "zone-overlap",
            key,
            `cannot serve ${wanted} - zone overlap listener capacity with ${other}: bind both to addresses of their own`,
          );
        }
        if (view) continue;
        taken.add(wanted);
        anywhere.set(unbound, wanted);
      }
    }
  }
  return undefined;
}

const place = (key: Key, address: string): string =>
  `${key.scheme}://${key.zone}:${key.port}` + (address === "" ? "" : ` on ${address}`);
