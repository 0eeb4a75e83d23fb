import { lower, nameText, type Name } from "../name.ts";
import { mapNames, rdataFields } from "../rdata.ts";
import type { RR } from "../rr.ts";
import { TYPE, typeText } from "../types.ts";

/** A zone as CoreDNS's `file` plugin takes it from a file's records. */
export interface LoadedZone {
  /** The last SOA record: it counts where there are several. */
  readonly soa: RR;
  readonly serial: number;
  /** All records in the file's order, SOA records included; those outside of the zone too, which no query finds. */
  readonly records: readonly RR[];
}

/** Types whose names are folded to lower case with their owner's; those in SRV, PTR, DNAME, NAPTR, ... keep their letters. */
const FOLDED: ReadonlySet<number> = new Set([TYPE.NS, TYPE.SOA, TYPE.CNAME, TYPE.MX, TYPE.SVCB, TYPE.HTTPS]);

/** What a denial of existence by hashes would need, and `file` can't serve. */
const REFUSED: ReadonlySet<number> = new Set([TYPE.NSEC3, TYPE.NSEC3PARAM]);

/** The record with the letters that it is served in: owners are folded, but those of SRV records. */
export function foldRecord(rr: RR): RR {
  const name = rr.type === TYPE.SRV ? rr.name : lower(rr.name);
  const rdata = FOLDED.has(rr.type) ? mapNames(rr.type, rr.rdata, lower) : rr.rdata;
  return name === rr.name && rdata === rr.rdata ? rr : { ...rr, name, rdata };
}

/**
 * Makes a zone of the records of a file. An error is one line without the file's name: no SOA record, a serial of 0 (CoreDNS
 * takes it for that of a zone that it has already), or records for NSEC3.
 */
export function loadZone(records: Iterable<RR>, origin: Name): LoadedZone | { readonly error: string } {
  const all: RR[] = [];
  let soa: RR | undefined;
  for (const rr of records) {
    if (REFUSED.has(rr.type)) {
      return {
        error: `NSEC3 zones can't be served: ${nameText(rr.name)} has ${typeText(rr.type)}; sign zone ${nameText(origin)} with NSEC`,
      };
    }
    const folded = foldRecord(rr);
    if (rr.type === TYPE.SOA && soa === undefined && serialOf(folded) === 0) {
      return { error: `the serial of zone ${nameText(origin)} is 0: give it another` };
    }
    if (rr.type === TYPE.SOA) soa = folded;
    all.push(folded);
  }
  if (soa === undefined)
    return { error: `no SOA record for zone ${nameText(origin)}: begin the file with one` };
  return { soa, serial: serialOf(soa), records: all };
}

/** 0 where the rdata is no SOA's. */
export const serialOf = (soa: RR): number => rdataFields(TYPE.SOA, soa.rdata)?.serial ?? 0;
