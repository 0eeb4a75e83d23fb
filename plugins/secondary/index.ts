import { NOTIFIER, TRANSFER } from "../../src/capabilities.ts";
import type { Endpoint } from "../../src/directive/index.ts";
import { DROP, REFUSED, reply } from "../../src/dns/message.ts";
import { isWithin, nameText, type Name } from "../../src/dns/name.ts";
import { FLAG, OPCODE, RCODE } from "../../src/dns/types.ts";
import { definePlugin, type Plugin } from "../../src/plugin.ts";
import type { ZoneData } from "../../src/zone/data.ts";
import { Zone } from "../../src/zone/zone.ts";
import { Zones } from "../../src/zone/zones.ts";
import { readCatalog } from "./catalog.ts";
import { directiveTable } from "./directive.ts";
import { keepZone, type Keeper } from "./keeper.ts";
import { createMembers, type Catalog } from "./members.ts";

/** Answers from zones that other servers are the primaries of. All lines of a block are one handler. */
export const secondary: Plugin = definePlugin({
  name: "secondary",
  directive: directiveTable,
  setup(lines, context) {
    const { log, random } = context;
    const zones = new Zones();
    const keepers = new Map<Name, Keeper>();
    const primariesOf = new Map<Name, readonly Endpoint[]>();
    const catalogs = new Map<Name, Catalog>();
    let passing: readonly Name[] = [];
    for (const line of lines) {
      passing = line.fallthrough ?? passing;
      const primaries = line.transfer.flat();
      const allowed = line.catalog.some((some) => some.length === 0) ? [] : line.catalog.flat();
      for (const origin of line.zones) {
        zones.add(new Zone(origin));
        primariesOf.set(origin, primaries);
        if (line.catalog.length > 0) catalogs.set(origin, { origin, primaries, allowed });
      }
    }
    const passes = (name: Name): boolean => passing.some((zone) => isWithin(name, zone));
    let isLast = false;

    const notify = async (origin: Name): Promise<void> => {
      const [notifier] = context.find(NOTIFIER);
      const failure = await notifier?.(origin);
      if (failure !== undefined) log.warning(`Failed sending notifies: ${failure}`);
    };

    const members = createMembers({
      log,
      isTaken: (zone) => zones.get(zone) !== undefined,
      keep(origin, primaries, data) {
        const zone = new Zone(origin, data);
        zones.add(zone);
        return keep(zone, primaries);
      },
      drop(keeper) {
        keeper.close();
        keepers.delete(keeper.zone.origin);
        zones.remove(keeper.zone.origin);
      },
    });

    const errorIn = (data: ZoneData): string | undefined => {
      const read = catalogs.has(data.origin) ? readCatalog(data) : undefined;
      return read !== undefined && "error" in read ? read.error : undefined;
    };

    const keep = (zone: Zone, primaries: readonly Endpoint[]): Keeper => {
      const { origin } = zone;
      const catalog = catalogs.get(origin);
      const keeper = keepZone({
        zone,
        primaries,
        log,
        random,
        accept: errorIn,
        onTransfer(data) {
          const read = catalog === undefined ? undefined : readCatalog(data);
          if (catalog !== undefined && read !== undefined && "members" in read)
            members.update(catalog, read.members);
          void notify(origin);
        },
      });
      keepers.set(origin, keeper);
      return keeper;
    };

    context.provide(TRANSFER, { records: (name, serial) => zones.get(name)?.transfer(serial) });

    return {
      answer(query, next) {
        const zone = zones.find(query.name);
        if (zone === undefined) return isLast ? REFUSED : next(query);
        if (query.opcode === OPCODE.NOTIFY) {
          const { address } = query.peer;
          const keeper = keepers.get(zone.origin);
          if (keeper?.isPrimary(address) !== true) {
            log.info(`Dropping notify from ${address} for ${nameText(zone.origin)}`);
            return DROP;
          }
          keeper.notified(address);
          return reply(query, RCODE.NOERROR, FLAG.AA);
        }
        return zone.answer(query, passes) ?? next(query);
      },
      metadata(query, label) {
        if (label !== "zone/wildcard") return undefined;
        const wildcard = zones.find(query.name)?.wildcardFor(query);
        return wildcard === undefined ? undefined : nameText(wildcard);
      },
      start() {
        isLast = context.chain().at(-1) === "secondary";
      },
      // The primary may be another block of this server.
      listening() {
        for (const [origin, primaries] of primariesOf) keep(zones.get(origin)!, primaries);
      },
      close() {
        for (const keeper of keepers.values()) keeper.close();
      },
    };
  },
});
