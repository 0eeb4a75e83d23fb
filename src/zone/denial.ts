/** What is not there, and how it is proved (RFC 4035 §3.1.3). */
import { parentOf, prepend, type Name } from "../dns/name.ts";
import type { RR } from "../dns/rr.ts";
import { TYPE } from "../dns/types.ts";
import type { ZoneData } from "./data.ts";
import { floorOf } from "./order.ts";
import { found, type Found } from "./outcome.ts";
import { signed, soaOf } from "./records.ts";

/** The answer for a name that has no records and that no wildcard stands for. */
export function denial(zone: ZoneData, name: Name, dnssecOk: boolean): Found {
  const result = zone.inner.has(name) ? "empty" : "nxdomain";
  const authority = [...soaOf(zone, dnssecOk)];
  const before = dnssecOk ? floorOf(zone.order, name) : undefined;
  if (before !== undefined) {
    authority.push(...nsecAt(zone, before));
    const beforeStar =
      result === "empty" ? before : floorOf(zone.order, prepend("*", closestNode(zone, name)));
    if (beforeStar !== undefined && beforeStar !== before) authority.push(...nsecAt(zone, beforeStar));
  }
  return found(result, [], authority);
}

/** The proof that `name`, for which a wildcard stands, does not exist itself; nothing without DO. */
export function denialOfName(zone: ZoneData, name: Name, dnssecOk: boolean): readonly RR[] {
  const before = dnssecOk ? floorOf(zone.order, name) : undefined;
  return before === undefined ? [] : nsecAt(zone, before);
}

const nsecAt = (zone: ZoneData, name: Name): RR[] => signed(zone.nodes.get(name)!, TYPE.NSEC, true);

/** The nearest name above that has records. */
function closestNode(zone: ZoneData, name: Name): Name {
  for (let above = name; above !== zone.origin; above = parentOf(above))
    if (zone.nodes.has(above)) return above;
  return zone.origin;
}
