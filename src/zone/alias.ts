/** Where aliases lead, as far as the zone knows it (RFC 1034 §3.6.2, RFC 6672). */
import { fits, lower, type Name } from "../dns/name.ts";
import { record } from "../dns/records.ts";
import type { Rdata, RR } from "../dns/rr.ts";
import { TYPE } from "../dns/types.ts";
import type { ZoneData } from "./data.ts";
import { referralAbove } from "./delegation.ts";
import { found, type Found, type Led, type Outcome, type Result } from "./outcome.ts";
import { additionalOf, nsOf, ofType, signatures, signed, soaOf, targetOf } from "./records.ts";

/** Aliases that are followed after the first. */
const MOST = 9;

/**
 * The answer that begins with `alias` (CNAME records and their signatures; the first one is followed), behind `before`. What
 * the zone does not have, and NS and the zone's own SOA, is for the whole server to find.
 */
export function followAlias(
  zone: ZoneData,
  alias: readonly RR[],
  type: number,
  dnssecOk: boolean,
  before: readonly RR[] = [],
): Outcome {
  const answer = [...before, ...alias];
  let target = targetOf(alias[0]!)!;
  for (let followed = 0; ; followed++) {
    const name = lower(target);
    const node = zone.nodes.get(name);
    const cut = referralAbove(zone, name, type, dnssecOk);
    if (cut !== undefined) return { ...cut, answer };
    const isApex = type === TYPE.NS || (type === TYPE.SOA && name === zone.origin);
    if (node === undefined || isApex)
      return { kind: "led", answer, target, authority: [], wildcard: undefined };
    const next = ofType(node, TYPE.CNAME);
    if (next.length === 0) answer.push(...signed(node, type, dnssecOk));
    if (next.length === 0 || followed === MOST) return joined(zone, answer, "success", dnssecOk);
    answer.push(...next, ...signatures(node, TYPE.CNAME, dnssecOk));
    target = targetOf(next[0]!)!;
  }
}

/** The whole answer, once somebody else has given that for the target of the alias: its records, and what it came to. */
export function joinTarget(
  zone: ZoneData,
  led: Led,
  records: readonly RR[],
  result: Result,
  dnssecOk: boolean,
): Found {
  const whole = joined(zone, [...led.answer, ...records], result, dnssecOk);
  return { ...whole, authority: [...whole.authority, ...led.authority], wildcard: led.wildcard };
}

function joined(zone: ZoneData, answer: readonly RR[], result: Result, dnssecOk: boolean): Found {
  const isDenial = result === "nodata" || result === "nxdomain";
  const authority = isDenial ? soaOf(zone, dnssecOk) : nsOf(zone, dnssecOk);
  return found(result, answer, authority, additionalOf(zone, answer, dnssecOk));
}

/** What the DNAME records at `owner` make of `name`, which is below it (RFC 6672 §2.2). The first one counts. */
export function substitute(
  zone: ZoneData,
  owner: Name,
  node: readonly RR[],
  name: Name,
  type: number,
  dnssecOk: boolean,
): Outcome | undefined {
  const dname = ofType(node, TYPE.DNAME);
  const first = dname[0];
  if (first === undefined || owner === name) return undefined;
  const target = (name.slice(0, name.length - owner.length) + targetOf(first)!) as Name;
  if (lower(target) === name) return found("failure", []);
  dname.push(...signatures(node, TYPE.DNAME, dnssecOk));
  if (!fits(target)) return found("too-long", dname);
  const cname = record(name, TYPE.CNAME, first.ttl, target as string as Rdata);
  return type === TYPE.CNAME
    ? found("success", [...dname, cname], nsOf(zone, dnssecOk))
    : followAlias(zone, [cname], type, dnssecOk, dname);
}
