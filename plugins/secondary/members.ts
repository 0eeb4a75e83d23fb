/** The member zones of catalogs: which there are, and whose (RFC 9432 §5). */
import type { Endpoint } from "../../src/directive/index.ts";
import { isWithin, nameText, type Name } from "../../src/dns/name.ts";
import type { Logger } from "../../src/plugin.ts";
import type { ZoneData } from "../../src/zone/data.ts";
import type { Member } from "./catalog.ts";
import type { Keeper } from "./keeper.ts";

/** A zone that is a catalog. */
export interface Catalog {
  readonly origin: Name;
  /** Its members are fetched from where it comes from. */
  readonly primaries: readonly Endpoint[];
  /** Only members in these zones are taken; none: all. */
  readonly allowed: readonly Name[];
}

export interface MembersSettings {
  readonly log: Logger;
  /** A zone of this name is kept for another reason. */
  readonly isTaken: (zone: Name) => boolean;
  /** Begins to keep a zone, with these data until others are there. */
  readonly keep: (zone: Name, primaries: readonly Endpoint[], data: ZoneData | undefined) => Keeper;
  /** Ends it. */
  readonly drop: (keeper: Keeper) => void;
}

export interface Members {
  /** Takes what the catalog lists now. */
  update(catalog: Catalog, members: ReadonlyMap<Name, Member>): void;
}

interface Kept {
  readonly keeper: Keeper;
  readonly catalog: Name;
  readonly id: string;
}

export function createMembers({ log, isTaken, keep, drop }: MembersSettings): Members {
  const kept = new Map<Name, Kept>();
  /** What each catalog listed last. */
  const listed = new Map<Name, ReadonlyMap<Name, Member>>();

  const begin = ({ zone, id }: Member, { origin, primaries }: Catalog, data?: ZoneData): void => {
    const old = kept.get(zone);
    if (old !== undefined) drop(old.keeper);
    kept.set(zone, { keeper: keep(zone, primaries, data), catalog: origin, id });
  };

  /** The member has a zone already: it stays, begins anew, or comes over from another catalog. */
  const compare = (member: Member, catalog: Catalog, old: Kept): void => {
    const text = nameText(member.zone);
    const here = nameText(catalog.origin);
    if (old.catalog === catalog.origin) {
      // Another id means another zone of the same name (§5.4).
      if (old.id === member.id) return;
      begin(member, catalog);
      log.info(
        `Reset catalog member zone ${text} from ${here} after member ID changed from ${old.id} to ${member.id}`,
      );
      return;
    }
    const source = listed.get(old.catalog)?.get(member.zone);
    if (source?.movesTo !== catalog.origin) {
      log.warning(`Skipping catalog member zone ${text} from ${here}: zone already exists`);
      return;
    }
    const isSame = old.id === source.id && source.id === member.id;
    begin(member, catalog, isSame ? old.keeper.zone.data : undefined);
    log.info(
      `Migrated catalog member zone ${text} from catalog ${nameText(old.catalog)} to ${here}, ${isSame ? "preserving its data" : "its data dropped: the member ID is another"}`,
    );
  };

  return {
    update(catalog, members) {
      const { origin, allowed } = catalog;
      const here = nameText(origin);
      const mine = new Set<Name>();
      let rejected = 0;
      listed.set(origin, members);
      for (const member of members.values()) {
        const { zone } = member;
        if (allowed.length > 0 && !allowed.some((one) => isWithin(zone, one))) {
          rejected++;
          continue;
        }
        mine.add(zone);
        const old = kept.get(zone);
        if (old !== undefined) compare(member, catalog, old);
        else if (isTaken(zone))
          log.warning(`Skipping catalog member zone ${nameText(zone)} from ${here}: zone already exists`);
        else {
          begin(member, catalog);
          log.info(`Added catalog member zone ${nameText(zone)} from catalog ${here}`);
        }
      }
      for (const [zone, { keeper, catalog: owner }] of [...kept]) {
        if (owner !== origin || mine.has(zone)) continue;
        kept.delete(zone);
        drop(keeper);
        log.info(`Removed catalog member zone ${nameText(zone)} from catalog ${here}`);
      }
      if (rejected > 0)
        log.warning(`Skipped ${rejected} member zones from catalog ${here}: outside configured member zones`);
      log.info(`Parsed catalog zone ${here} with ${members.size} member zones`);
    },
  };
}
