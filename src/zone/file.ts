/** Zone files on disk: read, and followed as they change. */
import { readFileSync } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { nameText, type Name } from "../dns/name.ts";
import { readNewZone, readZone, zoneSerial, type ZoneRead } from "./read.ts";
import { inSlices } from "./slices.ts";
import type { Zone } from "./zone.ts";

export interface ZonePath {
  /** Absolute. */
  readonly path: string;
  /** As messages say it. */
  readonly shown: string;
}

/** `unreadable`: the file can't be opened (`open db.none: no such file or directory`). `stopped`: nobody wants it any more. */
export type FileRead =
  ZoneRead | { readonly kind: "unreadable"; readonly error: string } | { readonly kind: "stopped" };

/**
 * Reads a zone's file in slices. `known`: the serial of the version that is there, or `new`; undefined: none, so that any will do.
 */
export async function readZoneFile(
  { path, shown }: ZonePath,
  origin: Name,
  known: number | "new" | undefined,
  stopped?: () => boolean,
): Promise<FileRead> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const reason = reasonOf(error);
    return code === "EISDIR"
      ? { kind: "wrong", error: `read ${shown}: ${reason}` }
      : { kind: "unreadable", error: `open ${shown}: ${reason}` };
  }
  const source = { text, file: path, origin, include };
  const work = known === "new" ? readNewZone(source) : readZone(source, known);
  const read: ZoneRead | undefined = await inSlices<ZoneRead>(work, stopped);
  if (read === undefined) return { kind: "stopped" };
  return read.kind === "wrong" ? { ...read, error: read.error.replaceAll(path, shown) } : read;
}

function include(path: string): string | { readonly error: string } {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    return { error: `open ${path}: ${reasonOf(error)}` };
  }
}

/** `ENOENT: no such file or directory, open '...'`: what stands between the code and the call. */
const reasonOf = (error: unknown): string =>
  /^[A-Z0-9]+: ([^,]+)/.exec((error as Error).message)?.[1] ?? (error as Error).message;

export interface Following extends ZonePath {
  /** Milliseconds. */
  readonly interval: number;
  /** Taken over when the file's time has changed, whatever the serial. */
  readonly byTime: boolean;
}

/** Told of what the follower finds. */
export interface FollowLog {
  info(text: string): void;
  error(text: string): void;
}

/** A zone file that is looked at in intervals. */
export interface FollowedFile {
  /** The same zone is in another file now. */
  moved(to: ZonePath): void;
  close(): void;
}

/**
 * Looks at a zone's file in intervals, and takes it over where its serial differs from the zone's. What can't be read leaves the zone
 * as it is, and is said each time.
 */
export function followZoneFile(
  zone: Zone,
  { path, shown, interval, byTime }: Following,
  log: FollowLog,
  onReload: () => void,
): FollowedFile {
  let at: ZonePath = { path, shown };
  let seen = "";
  let isBusy = false;
  let isClosed = false;

  const look = async (): Promise<void> => {
    const origin = JSON.stringify(nameText(zone.origin));
    const where = JSON.stringify(at.shown);
    const now = await stat(at.path).then(
      ({ mtimeMs, size, ino }) => (byTime ? `${mtimeMs}` : `${mtimeMs} ${size} ${ino} ${at.path}`),
      () => undefined,
    );
    if (now !== undefined && now === seen) return;
    const known = byTime || zone.data === undefined ? undefined : zoneSerial(zone.data);
    const read = await readZoneFile(at, zone.origin, known, () => isClosed);
    if (isClosed) return;
    if (read.kind === "unreadable") log.error(`Failed to open zone ${origin} in ${where}: ${read.error}`);
    if (read.kind === "wrong") log.error(`Parsing zone ${origin}: ${read.error}`);
    seen = read.kind === "zone" || read.kind === "unchanged" ? (now ?? "") : "";
    if (read.kind !== "zone") return;
    zone.data = read.zone;
    log.info(`Successfully reloaded zone ${origin} in ${where} with ${zoneSerial(read.zone)} SOA serial`);
    onReload();
  };

  const timer = setInterval(() => {
    if (isBusy) return;
    isBusy = true;
    void look().finally(() => (isBusy = false));
  }, interval);
  timer.unref();
  return {
    moved: (to) => (at = to),
    close() {
      isClosed = true;
      clearInterval(timer);
    },
  };
}
