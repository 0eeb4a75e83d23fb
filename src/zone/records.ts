/** What stands at a name of a zone, and what goes with it. */
import { isWithin, lower, type Name } from "../dns/name.ts";
import type { RR } from "../dns/rr.ts";
import { TYPE } from "../dns/types.ts";
import { typeCovered, type ZoneData } from "./data.ts";

/** The records of one type at a node, in their order. */
export const ofType = (node: readonly RR[], type: number): RR[] => node.filter((rr) => rr.type === type);

/** The signatures of a node's records of one type; none without DO (RFC 4035 §3.1). */
export const signatures = (node: readonly RR[], type: number, dnssecOk: boolean): RR[] =>
  dnssecOk ? node.filter((rr) => rr.type === TYPE.RRSIG && typeCovered(rr) === type) : [];

/** A node's records of one type, and with DO their signatures. */
export const signed = (node: readonly RR[], type: number, dnssecOk: boolean): RR[] => [
  ...ofType(node, type),
  ...signatures(node, type, dnssecOk),
];

export const soaOf = (zone: ZoneData, dnssecOk: boolean): readonly RR[] =>
  dnssecOk ? [zone.soa, ...zone.soaSignatures] : [zone.soa];

export const nsOf = (zone: ZoneData, dnssecOk: boolean): readonly RR[] =>
  dnssecOk ? [...zone.ns, ...zone.nsSignatures] : zone.ns;

/** Octets of rdata in front of the name that an answer's reader looks up next; for the types that get addresses along. */
const TARGET_AT: ReadonlyMap<number, number> = new Map([
  [TYPE.NS, 0],
  [TYPE.CNAME, 0],
  [TYPE.DNAME, 0],
  [TYPE.MX, 2],
  [TYPE.SVCB, 2],
  [TYPE.HTTPS, 2],
  [TYPE.SRV, 6],
]);

/** The name that an NS, CNAME, DNAME, MX, SRV, SVCB or HTTPS record points at, in its own letters; undefined for other types. */
export function targetOf({ type, rdata }: RR): Name | undefined {
  const from = TARGET_AT.get(type);
  if (from === undefined) return undefined;
  let end = from;
  while (rdata.charCodeAt(end) > 0) end += rdata.charCodeAt(end) + 1;
  return end < rdata.length ? (rdata.slice(from, end + 1) as Name) : undefined;
}

/** The A and AAAA records that stand at `name` itself, in lower case. */
export function addressesOf(zone: ZoneData, name: Name, dnssecOk: boolean): RR[] {
  const node = zone.nodes.get(name);
  if (node === undefined) return [];
  return [...signed(node, TYPE.A, dnssecOk), ...signed(node, TYPE.AAAA, dnssecOk)];
}

/** Addresses of the targets in the zone that an answer's MX, SRV, SVCB and HTTPS records name; each target once (RFC 2782, RFC 9460 §4.2). */
export function additionalOf(zone: ZoneData, answer: readonly RR[], dnssecOk: boolean): RR[] {
  const seen = new Set<Name>();
  for (const rr of answer) {
    if (rr.type === TYPE.NS || rr.type === TYPE.CNAME || rr.type === TYPE.DNAME) continue;
    const target = targetOf(rr);
    if (target !== undefined && isWithin(lower(target), zone.origin)) seen.add(lower(target));
  }
  return [...seen].flatMap((target) => addressesOf(zone, target, dnssecOk));
}
