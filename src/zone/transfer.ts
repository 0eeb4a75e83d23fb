import type { RR } from "../dns/rr.ts";
import { serialOf } from "../dns/zonefile/fold.ts";
import type { ZoneData } from "./data.ts";

/**
 * All records for a transfer (RFC 5936 §2.2): SOA, what the apex has beside it, the other names in canonical order, SOA. `serial`: what
 * the client has; where it is this one's, the SOA record alone (RFC 1995 §4). 0 stands for no serial.
 */
export function transferOf(zone: ZoneData, serial: number | undefined): Iterable<RR> {
  if (serial !== undefined && serial !== 0 && serial === serialOf(zone.soa)) return [zone.soa];
  return wholeZone(zone);
}

function* wholeZone(zone: ZoneData): Iterable<RR> {
  yield zone.soa;
  yield* zone.soaSignatures;
  yield* zone.ns;
  yield* zone.nsSignatures;
  for (const name of zone.order) yield* zone.nodes.get(name)!;
  yield zone.soa;
}
