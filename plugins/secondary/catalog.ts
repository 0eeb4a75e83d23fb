/** Catalogs of zones (RFC 9432). */
import { labelsBefore, lower, nameText, prepend, type Name } from "../../src/dns/name.ts";
import { CLASS, type RR } from "../../src/dns/rr.ts";
import { TYPE } from "../../src/dns/types.ts";
import type { ZoneData } from "../../src/zone/data.ts";

export interface Member {
  /** The label that stands for the member in the catalog. */
  readonly id: string;
  readonly zone: Name;
  /** The catalog that the member is to go over to (§4.3.1). */
  readonly movesTo: Name | undefined;
}

const VERSION = "2";

/** The members that a catalog lists, by zone; or why it is no catalog, and must be left unread (§5.1). */
export function readCatalog(
  catalog: ZoneData,
): { readonly members: ReadonlyMap<Name, Member> } | { readonly error: string } {
  const { origin } = catalog;
  const text = nameText(origin);
  const fail = (why: string): { readonly error: string } => ({ error: `catalog zone ${text} ${why}` });
  if (lower(catalog.soa.name) !== origin) return fail("has no SOA record");
  if (catalog.ns.length === 0) return fail("has no NS record");
  const versions = texts(catalog.nodes.get(prepend("version", origin)) ?? []);
  if (versions.length !== 1) return fail("must have exactly one TXT record at version");
  if (versions[0] !== VERSION) return fail(`has version "${versions[0]}", which is not ${VERSION}`);

  const zones = prepend("zones", origin);
  const members = new Map<Name, Member>();
  for (const [owner, records] of catalog.nodes) {
    if (records.some((rr) => rr.class !== CLASS.IN)) return fail(`has a record of another class than IN`);
    const [id, ...more] = labelsBefore(owner, zones) ?? [];
    const targets = pointers(records);
    if (id === undefined || more.length > 0 || targets.length === 0) continue;
    const [zone, other] = targets;
    if (other !== undefined) return fail(`has a member with more than one PTR record: ${nameText(owner)}`);
    const movesTo = pointers(catalog.nodes.get(prepend("coo", owner)) ?? []);
    if (movesTo.length > 1) return fail(`has a member with more than one coo record: ${nameText(owner)}`);
    if (members.has(zone!)) return fail(`lists ${nameText(zone!)} twice`);
    members.set(zone!, { id, zone: zone!, movesTo: movesTo[0] });
  }
  return { members };
}

const pointers = (records: readonly RR[]): Name[] =>
  records.filter((rr) => rr.type === TYPE.PTR).map((rr) => lower(rr.rdata as string as Name));

/** The character-strings of each TXT record, joined. */
const texts = (records: readonly RR[]): string[] =>
  records
    .filter((rr) => rr.type === TYPE.TXT)
    .map(({ rdata }) => {
      let text = "";
      for (let at = 0; at < rdata.length; at += 1 + rdata.charCodeAt(at))
        text += rdata.slice(at + 1, at + 1 + rdata.charCodeAt(at));
      return text;
    });
