/** What `clusterdns ndots --json` prints; docs/ndots.md describes it. */
import type { Hop, Legs } from "./chain/chain.ts";
import type { Break, Dearer, Played, Tried } from "./remedies.ts";
import type { TracedLookup } from "./trace.ts";

export interface Document {
  /** One for each name and resolver, the resolvers of a name together; without remedies. */
  readonly lookups: readonly TracedLookup[];
  /** Where the lookups went through a chain in this process. */
  readonly chain?: ChainDescription;
  readonly remedies?: readonly RemedyEntry[];
}

export interface ChainDescription {
  readonly namespace: string;
  /** The servers in the order in which a question comes by them. */
  readonly hops: readonly Hop[];
  /** Round-trip times in ms: to NodeLocal, to the cluster DNS, to the upstream. */
  readonly rtt_ms: Readonly<Record<keyof Legs, number>>;
}

export interface RemedyEntry {
  readonly id: string;
  readonly title: string;
  /** Why it was not tried; null where it was. */
  readonly why: string | null;
  readonly lookups: readonly RemedyLookup[];
  readonly breaks: readonly Break[];
  readonly dearer: readonly Dearer[];
}

export interface RemedyLookup extends Cost {
  readonly name: string;
  readonly resolver: string;
  readonly ok: boolean;
  readonly error: string | null;
  readonly first_address_ms: number | null;
  /** The same lookup a second later. */
  readonly again: Cost;
}

export interface Cost {
  /** Questions that the resolver sends, and how many names they are for. */
  readonly queries: number;
  readonly names: number;
  /** Questions that reach each server. */
  readonly hops: Readonly<Partial<Record<Hop, number>>>;
  readonly ms: number;
}

export const costOf = ({ queries, hops, result }: TracedLookup): Cost => ({
  queries: queries.length,
  names: new Set(queries.map(({ name }) => name)).size,
  hops,
  ms: result.ms,
});

export const remedyEntry = ({ remedy, why, played, breaks, dearer }: Tried): RemedyEntry => ({
  id: remedy.id,
  title: remedy.title,
  why: why ?? null,
  lookups: played.map(remedyLookup),
  breaks,
  dearer,
});

const remedyLookup = ({ name, first, again }: Played): RemedyLookup => ({
  name,
  resolver: first.resolver,
  ok: first.result.ok,
  error: first.result.error,
  first_address_ms: first.first_address_ms,
  ...costOf(first),
  again: costOf(again),
});
