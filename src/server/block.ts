import { isWithin } from "../dns/name.ts";
import type { Query, Scope } from "../dns/query.ts";
import type { BlockSettings, Member } from "../plugin.ts";
import { composeChain, type Chain } from "./chain.ts";

/** A server block that is set up: its members, composed. */
export interface Block {
  readonly settings: BlockSettings;
  readonly view: string;
  readonly members: readonly Member[];
  /** Undefined where no plugin of the block handles queries: all are refused. */
  readonly chain: Chain | undefined;
  accepts(query: Query, scope: Scope): boolean;
  metadata(query: Query, label: string): string;
}

export interface BlockParts {
  readonly settings: BlockSettings;
  readonly view: string;
  readonly members: readonly Member[];
}

export function createBlock(parts: BlockParts): Block {
  const conditions = parts.members.flatMap(({ instance }) =>
    instance.accepts === undefined ? [] : [instance],
  );
  const providers = parts.members.flatMap(({ instance }) =>
    instance.metadata === undefined ? [] : [instance],
  );
  return {
    ...parts,
    chain: composeChain(parts.members),
    accepts(query, scope) {
      if (conditions.length === 0) return true;
      // A view may ask for metadata, which is that of the block under trial.
      query.scope = scope;
      return conditions.every((instance) => instance.accepts!(query));
    },
    metadata(query, label) {
      if (!parts.settings.metadata.some((zone) => isWithin(query.name, zone))) return "";
      for (const instance of providers) {
        const text = instance.metadata!(query, label);
        if (text !== undefined) return text;
      }
      return "";
    },
  };
}
