/** Cuts: names whose data are another zone's (RFC 1034 §4.2). */
import { isWithin, lower, type Name } from "../dns/name.ts";
import type { RR } from "../dns/rr.ts";
import { TYPE } from "../dns/types.ts";
import type { ZoneData } from "./data.ts";
import { found, NO_RECORDS, type Found } from "./outcome.ts";
import { addressesOf, ofType, signed, targetOf } from "./records.ts";

/** Addresses of servers that are named below the cut (or, for the zone's own, in the zone): of others they can be asked for. */
export function glueOf(zone: ZoneData, ns: readonly RR[], dnssecOk: boolean): RR[] {
  return ns.flatMap((rr) => {
    const server = rr.type === TYPE.NS ? targetOf(rr) : undefined;
    return server !== undefined && isWithin(server, lower(rr.name))
      ? addressesOf(zone, server, dnssecOk)
      : [];
  });
}

/** The referral that `owner`'s node makes of a question for `name`. DS at the cut itself is this side's to answer (RFC 4035 §3.1.4.1). */
export function referral(
  zone: ZoneData,
  owner: Name,
  node: readonly RR[],
  name: Name,
  type: number,
  dnssecOk: boolean,
): Found | undefined {
  const ns = ofType(node, TYPE.NS);
  if (ns.length === 0 || (type === TYPE.DS && owner === name)) return undefined;
  const authority = dnssecOk ? [...ns, ...signed(node, TYPE.DS, true)] : ns;
  return found("referral", NO_RECORDS, authority, glueOf(zone, ns, dnssecOk));
}

/** The referral at the highest cut that `name` is at or below; undefined where the zone itself has its data, or nobody here. */
export function referralAbove(
  zone: ZoneData,
  name: Name,
  type: number,
  dnssecOk: boolean,
): Found | undefined {
  if (!isWithin(name, zone.origin)) return undefined;
  for (const owner of namesFromOrigin(name, zone.origin)) {
    const node = owner === zone.origin ? undefined : zone.nodes.get(owner);
    const cut = node === undefined ? undefined : referral(zone, owner, node, name, type, dnssecOk);
    if (cut !== undefined) return cut;
  }
  return undefined;
}

/** The origin, and each name on the way down to `name`, which is within it. */
export function namesFromOrigin(name: Name, origin: Name): Name[] {
  const names: Name[] = [];
  const last = name.length - origin.length;
  for (let at = 0; at < last; at += name.charCodeAt(at) + 1)
    names.push(at === 0 ? name : (name.slice(at) as Name));
  names.push(origin);
  return names.reverse();
}
