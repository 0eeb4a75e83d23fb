/**
 * What a zone says to a question (RFC 1034 §4.3.2, RFC 4592, RFC 6672, RFC 4035 §3.1), as CoreDNS's `file` plugin answers.
 * Pure: the same zone and question give the same outcome.
 */
import { parentOf, prepend, ROOT, type Name } from "../dns/name.ts";
import type { RR } from "../dns/rr.ts";
import { TYPE } from "../dns/types.ts";
import { followAlias, substitute } from "./alias.ts";
import type { ZoneData } from "./data.ts";
import { glueOf, namesFromOrigin, referral } from "./delegation.ts";
import { denial, denialOfName } from "./denial.ts";
import { found, NO_RECORDS, type Outcome } from "./outcome.ts";
import { additionalOf, nsOf, ofType, signatures, signed, soaOf } from "./records.ts";

/** `name` in lower case and within the zone. */
export function lookup(zone: ZoneData, name: Name, type: number, dnssecOk: boolean): Outcome {
  if (name === zone.origin && type === TYPE.SOA)
    return found("success", soaOf(zone, dnssecOk), nsOf(zone, dnssecOk));
  if (name === zone.origin && type === TYPE.NS) {
    const ns = nsOf(zone, dnssecOk);
    return found("success", ns, NO_RECORDS, glueOf(zone, ns, dnssecOk));
  }
  let node: readonly RR[] | undefined;
  let wildcard: Name | undefined;
  for (const current of namesFromOrigin(name, zone.origin)) {
    node = zone.nodes.get(current);
    if (node === undefined) {
      wildcard = wildcardBeside(zone, current) ?? wildcard;
      continue;
    }
    const elsewhere =
      substitute(zone, current, node, name, type, dnssecOk) ??
      referral(zone, current, node, name, type, dnssecOk);
    if (elsewhere !== undefined) return elsewhere;
  }
  if (node !== undefined) return atNode(zone, node, node, type, dnssecOk);
  if (wildcard !== undefined && !isHidden(zone, name, parentOf(wildcard)))
    return atWildcard(zone, wildcard, name, type, dnssecOk);
  return denial(zone, name, dnssecOk);
}

/** The wildcard that would stand for `name`, if it has records or names below it. CoreDNS knows none directly below the root. */
function wildcardBeside(zone: ZoneData, name: Name): Name | undefined {
  const parent = parentOf(name);
  if (parent === ROOT) return undefined;
  const star = prepend("*", parent);
  return zone.nodes.has(star) || zone.inner.has(star) ? star : undefined;
}

/** Whether a name between `name` and `above` exists, if only for names below it: it hides the wildcards above (RFC 4592 §2.2.1). */
function isHidden(zone: ZoneData, name: Name, above: Name): boolean {
  for (let between = parentOf(name); between !== above && between !== ROOT; between = parentOf(between))
    if (zone.inner.has(between)) return true;
  return false;
}

/** The answer of a node's records. `denying`: the node whose NSEC record says which types there are. */
function atNode(
  zone: ZoneData,
  node: readonly RR[],
  denying: readonly RR[],
  type: number,
  dnssecOk: boolean,
): Outcome {
  const alias = type === TYPE.CNAME ? NO_RECORDS : ofType(node, TYPE.CNAME);
  if (alias.length > 0)
    return followAlias(zone, [...alias, ...signatures(node, TYPE.CNAME, dnssecOk)], type, dnssecOk);
  const records = ofType(node, type);
  if (records.length === 0) {
    const nsec = dnssecOk ? signed(denying, TYPE.NSEC, true) : NO_RECORDS;
    return found("nodata", NO_RECORDS, [...soaOf(zone, dnssecOk), ...nsec]);
  }
  const answer = [...records, ...signatures(node, type, dnssecOk)];
  return found("success", answer, nsOf(zone, dnssecOk), additionalOf(zone, records, dnssecOk));
}

/** The wildcard's records as the name's own (RFC 4592 §3.3.1), and the proof that there is no such name (RFC 4035 §3.1.3.3). */
function atWildcard(zone: ZoneData, wildcard: Name, name: Name, type: number, dnssecOk: boolean): Outcome {
  const source = zone.nodes.get(wildcard);
  if (source === undefined) return found("nodata", NO_RECORDS, soaOf(zone, dnssecOk));
  const own = source.map((rr) => ({ ...rr, name }));
  const outcome = atNode(zone, own, source, type, dnssecOk);
  const proof = denialOfName(zone, name, dnssecOk).filter((rr) => !outcome.authority.includes(rr));
  return { ...outcome, authority: [...outcome.authority, ...proof], wildcard };
}
