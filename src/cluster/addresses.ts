import { isWithin, lower, parseName, type Name } from "../dns/name.ts";
import type { RR } from "../dns/rr.ts";
import { TYPE } from "../dns/types.ts";
import { targetsOf, type Look } from "./look.ts";
import type { Outside } from "./outside.ts";
import * as records from "./records.ts";

/** Aliases in a row that are followed within the zone. */
const LONGEST_CHAIN = 11;
/** Aliases that are looked at for one answer: endpoints may be aliases, so that a few services could make a tree of them. */
const MOST_ALIASES = 128;

export interface Addresses {
  /** Undefined: there is no such name. */
  readonly answer: readonly RR[] | undefined;
  readonly outside: readonly Outside[];
  /** An alias within the zone was followed: the answer is made of more than one service. */
  readonly isChain: boolean;
}

/**
 * The A or AAAA records (`asked.type`) of a name. Aliases within the zone are followed and left out where nothing is found behind
 * them; those that lead out of it stay in any case.
 */
export function findAddresses(look: Look): Addresses {
  const { ttl } = look.settings;
  const { type, zone } = look.asked;
  const outside: Outside[] = [];
  let aliases = 0;
  let isChain = false;

  const follow = (name: Name, owner: Name, chain: readonly Name[], at: number): RR[] | undefined => {
    const found: RR[] = [];
    const seen = new Set<string>();
    const targets = targetsOf(look, name);
    for (const { host } of targets ?? []) {
      if (seen.has(host)) continue;
      const bytes = records.addressBytes(host);
      if (bytes !== undefined) {
        seen.add(host);
        if ((bytes.length === 4) === (type === TYPE.A)) found.push(records.address(owner, ttl, bytes));
        continue;
      }
      const target = parseName(host);
      if (target === undefined || ++aliases > MOST_ALIASES || chain.length >= LONGEST_CHAIN) continue;
      const to = lower(target);
      if (isWithin(to, name) || chain.includes(to)) continue;
      const here = at + found.length;
      if (isWithin(to, zone)) {
        isChain = true;
        const behind = follow(to, target, [...chain, to], here + 1) ?? [];
        if (behind.length > 0) found.push(records.cname(owner, ttl, target), ...behind);
      } else {
        outside.push({ section: "answer", at: here + 1, target, type });
        found.push(records.cname(owner, ttl, target));
      }
    }
    return targets === undefined ? undefined : found;
  };

  const answer = follow(look.asked.name, look.asked.rawName, [], 0);
  return { answer, outside, isChain };
}
