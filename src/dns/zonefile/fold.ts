import { lower } from "../name.ts";
import { mapNames, rdataFields } from "../rdata.ts";
import type { RR } from "../rr.ts";
import { TYPE } from "../types.ts";

/** Types whose names are folded to lower case with their owner's; those in SRV, PTR, DNAME, NAPTR, ... keep their letters. */
const FOLDED: ReadonlySet<number> = new Set([TYPE.NS, TYPE.SOA, TYPE.CNAME, TYPE.MX, TYPE.SVCB, TYPE.HTTPS]);

/** The record with the letters that CoreDNS's `file` plugin serves it in: owners are folded, but those of SRV records. */
export function foldRecord(rr: RR): RR {
  const name = rr.type === TYPE.SRV ? rr.name : lower(rr.name);
  const rdata = FOLDED.has(rr.type) ? mapNames(rr.type, rr.rdata, lower) : rr.rdata;
  return name === rr.name && rdata === rr.rdata ? rr : { ...rr, name, rdata };
}

/** 0 where the rdata is no SOA's. */
export const serialOf = (soa: RR): number => rdataFields(TYPE.SOA, soa.rdata)?.serial ?? 0;
