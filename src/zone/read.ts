/** From a zone file's text to a zone. */
import { nameText } from "../dns/name.ts";
import { TYPE } from "../dns/types.ts";
import { serialOf } from "../dns/zonefile/fold.ts";
import { zoneErrorText, zoneRecords, type ZoneSource } from "../dns/zonefile/parse.ts";
import { ZoneBuilder, type ZoneData } from "./data.ts";

/** What became of a zone file: a zone; or its first SOA record has the serial that is known already; or it is wrong (one line). */
export type ZoneRead =
  | { readonly kind: "zone"; readonly zone: ZoneData }
  | { readonly kind: "unchanged" }
  | { readonly kind: "wrong"; readonly error: string };

/** Reads the zone `source.origin` (in lower case), pausing after each record. `known`: the serial of the version that is there. */
export function* readZone(source: ZoneSource, known: number | undefined): Generator<void, ZoneRead> {
  const { origin } = source;
  const builder = new ZoneBuilder(origin);
  const records = zoneRecords(source);
  for (;;) {
    const next = records.next();
    if (next.done === true) {
      if (next.value !== undefined) return { kind: "wrong", error: zoneErrorText(next.value) };
      const zone = yield* builder.finish();
      return "error" in zone
        ? { kind: "wrong", error: `${source.file}: ${zone.error}` }
        : { kind: "zone", zone };
    }
    const isFirst = next.value.type === TYPE.SOA && builder.soa === undefined;
    if (isFirst && serialOf(next.value) === known) return { kind: "unchanged" };
    const error = builder.add(next.value);
    if (error !== undefined) return { kind: "wrong", error: `${source.file}: ${error}` };
    yield;
  }
}

/** Reads a zone that was not there before. CoreDNS takes a serial of 0 for the one that it has before it has any, and so do we. */
export function* readNewZone(source: ZoneSource): Generator<void, Exclude<ZoneRead, { kind: "unchanged" }>> {
  const read = yield* readZone(source, 0);
  if (read.kind !== "unchanged") return read;
  const error = `${source.file}: the serial of zone ${nameText(source.origin)} is 0: give it another`;
  return { kind: "wrong", error };
}

export const zoneSerial = ({ soa }: ZoneData): number => serialOf(soa);
