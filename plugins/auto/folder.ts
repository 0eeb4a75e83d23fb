import { nameText, type Name } from "../../src/dns/name.ts";
import type { Logger } from "../../src/plugin.ts";
import { followZoneFile, readZoneFile, type FollowedFile, type ZonePath } from "../../src/zone/file.ts";
import { Zone } from "../../src/zone/zone.ts";
import { Zones } from "../../src/zone/zones.ts";
import type { OriginOf } from "./origin.ts";
import { walk } from "./walk.ts";

export interface FolderSettings {
  readonly folder: ZonePath;
  readonly originOf: OriginOf;
  /** Milliseconds between two looks at the folder, and at each file; 0: never again. */
  readonly interval: number;
  readonly log: Logger;
  /** A zone is new, or has other data. Not told of what is there from the start. */
  readonly onChange: (origin: Name) => void;
}

/** A folder of zone files that is looked at in intervals. */
export interface FollowedFolder {
  /** The zones whose files are there. */
  readonly zones: Zones;
  /** Resolves after the first look. */
  start(): Promise<void>;
  close(): void;
}

export function followFolder({ folder, originOf, interval, log, onChange }: FolderSettings): FollowedFolder {
  const zones = new Zones();
  const files = new Map<Name, FollowedFile>();
  let timer: NodeJS.Timeout | undefined;
  let isStarted = false;
  let isBusy = false;
  let isClosed = false;

  const insert = async (origin: Name, at: ZonePath): Promise<void> => {
    const read = await readZoneFile(at, origin, "new", () => isClosed);
    if (isClosed) return;
    if (read.kind === "unreadable") log.warning(`Opening ${at.shown} failed: ${read.error}`);
    if (read.kind === "wrong") log.warning(`Parse zone \`${nameText(origin)}': ${read.error}`);
    if (read.kind !== "zone") return;
    const zone = new Zone(origin, read.zone);
    zones.add(zone);
    if (interval > 0) {
      const following = { ...at, interval, byTime: false };
      files.set(
        origin,
        followZoneFile(zone, following, log, () => onChange(origin)),
      );
    }
    log.info(`Inserting zone \`${nameText(origin)}' from: ${at.shown}`);
    if (isStarted) onChange(origin);
  };

  const remove = (origin: Name): void => {
    files.get(origin)?.close();
    files.delete(origin);
    zones.remove(origin);
    log.info(`Deleting zone \`${nameText(origin)}'`);
  };

  const look = async (): Promise<void> => {
    const seen = new Map<Name, string>();
    for await (const file of walk(folder, (text) => log.warning(text))) {
      if (isClosed) return;
      const origin = originOf(file.name);
      if (origin === undefined) continue;
      if (typeof origin !== "string") {
        log.warning(
          `Parse zone \`${origin.wrong}': what the file's name ${file.shown} says is no domain name`,
        );
        continue;
      }
      const other = seen.get(origin);
      if (other !== undefined) {
        log.warning(
          `Multiple zone files match origin ${JSON.stringify(nameText(origin))}: using ${JSON.stringify(other)} instead of ${JSON.stringify(file.shown)}`,
        );
        continue;
      }
      seen.set(origin, file.shown);
      if (zones.get(origin) === undefined) await insert(origin, file);
      else files.get(origin)?.moved(file);
    }
    for (const { origin } of [...zones.all]) if (!seen.has(origin)) remove(origin);
  };

  const tick = (): void => {
    if (isBusy) return;
    isBusy = true;
    void look().finally(() => (isBusy = false));
  };

  return {
    zones,
    async start() {
      await look();
      isStarted = true;
      if (interval > 0 && !isClosed) timer = setInterval(tick, interval).unref();
    },
    close() {
      isClosed = true;
      clearInterval(timer);
      for (const file of files.values()) file.close();
    },
  };
}
