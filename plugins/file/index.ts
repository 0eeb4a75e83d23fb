import { relative, resolve } from "node:path";
import { NOTIFIER, TRANSFER } from "../../src/capabilities.ts";
import { durationText } from "../../src/directive/index.ts";
import { DROP, REFUSED } from "../../src/dns/message.ts";
import { isWithin, nameText, type Name } from "../../src/dns/name.ts";
import { OPCODE } from "../../src/dns/types.ts";
import { definePlugin, SetupError, type Plugin } from "../../src/plugin.ts";
import { followZoneFile, readZoneFile, type FollowedFile, type Following } from "../../src/zone/file.ts";
import { Zone } from "../../src/zone/zone.ts";
import { Zones } from "../../src/zone/zones.ts";
import { directiveTable } from "./directive.ts";

/** Milliseconds between two looks at a file. */
const RELOAD = 60_000;

/** A zone of one line of the Corefile. */
interface Source extends Following {
  readonly zone: Zone;
  readonly place: string;
}

/** Answers from zone files (RFC 1035 §5). All lines of a block are one handler. */
export const file: Plugin = definePlugin({
  name: "file",
  directive: directiveTable,
  setup(lines, context) {
    const { log } = context;
    const zones = new Zones();
    const sources = new Map<Name, Source>();
    let interval = RELOAD;
    let byTime = false;
    let passing: readonly Name[] = [];
    for (const line of lines) {
      // What one line says of reloading holds for those that follow it, as in CoreDNS.
      interval = line.reload ?? interval;
      byTime ||= line.reload_by_mtime;
      passing = line.fallthrough ?? passing;
      const path = context.path(line.file);
      const place = `${line.at.file}:${line.at.line}`;
      for (const origin of line.zones) {
        const zone = new Zone(origin);
        zones.add(zone);
        sources.set(origin, { zone, place, path, shown: shownPath(line.file, path), interval, byTime });
      }
    }
    const passes = (name: Name): boolean => passing.some((zone) => isWithin(name, zone));
    const notify = async (origin: Name): Promise<void> => {
      const [notifier] = context.find(NOTIFIER);
      const failure = await notifier?.(origin);
      if (failure !== undefined) log.warning(`Failed sending notifies: ${failure}`);
    };
    let isLast = false;
    let following: readonly FollowedFile[] = [];

    context.provide(TRANSFER, { records: (name, serial) => zones.get(name)?.transfer(serial) });

    return {
      answer(query, next) {
        const zone = zones.find(query.name);
        if (zone === undefined) return isLast ? REFUSED : next(query);
        if (query.opcode === OPCODE.NOTIFY) {
          log.info(`Dropping notify from ${query.peer.address} for ${nameText(zone.origin)}`);
          return DROP;
        }
        return zone.answer(query, passes) ?? next(query);
      },
      metadata(query, label) {
        if (label !== "zone/wildcard") return undefined;
        const wildcard = zones.find(query.name)?.wildcardFor(query);
        return wildcard === undefined ? undefined : nameText(wildcard);
      },
      async start() {
        isLast = context.chain().at(-1) === "file";
        await readAll([...sources.values()], interval, (text) => log.warning(text));
        following = [...sources.values()]
          .filter((source) => source.interval > 0)
          .map((source) => followZoneFile(source.zone, source, log, () => void notify(source.zone.origin)));
      },
      listening() {
        // Who is not there now asks by itself later: not worth a warning.
        const [notifier] = context.find(NOTIFIER);
        for (const { zone } of sources.values()) void notifier?.(zone.origin);
      },
      close: () => following.forEach((one) => one.close()),
    };
  },
});

/**
 * Reads the files in the Corefile's order. One that can't be opened is only warned of if it is looked at again; then those behind it
 * are left unread, too, until they are looked at, as CoreDNS does.
 */
async function readAll(
  sources: readonly Source[],
  interval: number,
  warn: (text: string) => void,
): Promise<void> {
  for (const source of sources) {
    const { zone, place } = source;
    const read = await readZoneFile(source, zone.origin, "new");
    if (read.kind === "wrong") throw new SetupError(`${place}: file: ${read.error}`);
    if (read.kind === "zone") zone.data = read.zone;
    if (read.kind !== "unreadable") continue;
    if (interval === 0)
      throw new SetupError(`${place}: file: ${read.error}: reload is off, so it must be there`);
    warn(`Failed to open ${JSON.stringify(read.error)}: trying again in ${durationText(interval)}`);
    return;
  }
}

/** A file's name as the operator knows it: as written, or from the working directory where `root` comes in front. */
function shownPath(written: string, path: string): string {
  return resolve(written) === path ? written : relative(process.cwd(), path);
}
