/** Keeps a zone as its primaries have it (RFC 1034 §4.3.5, RFC 1996). */
import { durationText, type Endpoint } from "../../src/directive/index.ts";
import { nameText } from "../../src/dns/name.ts";
import { rdataFields } from "../../src/dns/rdata.ts";
import { TYPE } from "../../src/dns/types.ts";
import type { Logger } from "../../src/plugin.ts";
import type { ZoneData } from "../../src/zone/data.ts";
import { zoneSerial } from "../../src/zone/read.ts";
import type { Zone } from "../../src/zone/zone.ts";
import { fetchSerial, fetchZone } from "./fetch.ts";

/** Milliseconds: between the first tries, doubling. */
const FIRST_PAUSE = 250;
const LONGEST_PAUSE = 10_000;
/** What is added at random, so that not all zones of a server are asked for at once. */
const REFRESH_SPREAD = 5000;
const RETRY_SPREAD = 2000;
/** The longest time that a timer can wait. */
const LONGEST_TIMER = 2 ** 31 - 1;

export interface KeeperSettings {
  readonly zone: Zone;
  readonly primaries: readonly Endpoint[];
  readonly log: Logger;
  readonly random: () => number;
  /** Why new data can't be taken; undefined where they can. */
  readonly accept: (data: ZoneData) => string | undefined;
  /** The zone has new data. */
  readonly onTransfer: (data: ZoneData) => void;
}

export interface Keeper {
  readonly zone: Zone;
  /** Whether NOTIFY from this address is believed. */
  isPrimary(address: string): boolean;
  /** A primary says that the zone has changed. */
  notified(from: string): void;
  close(): void;
}

export function keepZone(settings: KeeperSettings): Keeper {
  const { zone, primaries, log, random } = settings;
  const text = nameText(zone.origin);
  const stop = new AbortController();
  const { signal } = stop;
  const asking = { random, signal };
  /** Who sent a NOTIFY that has not been looked into. */
  let notifier: string | undefined;
  let wake: (() => void) | undefined;
  /** The data, also while they have expired. */
  let current = zone.data;

  const take = (data: ZoneData): void => {
    current = data;
    zone.data = data;
  };

  /** Until the time (of `performance.now()`), a NOTIFY or the end. */
  const waitUntil = async (time: number): Promise<void> => {
    while (!signal.aborted && notifier === undefined && performance.now() < time) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.min(time - performance.now(), LONGEST_TIMER)).unref();
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    wake = undefined;
  };

  /** Fetches the zone from the first primary that gives it; why none does. */
  const transfer = async (): Promise<string | undefined> => {
    let failure = "";
    for (const primary of primaries) {
      const data = await fetchZone(zone.origin, primary, asking);
      if (signal.aborted) return "the server stops";
      const why = "error" in data ? data.error : settings.accept(data);
      if (why === undefined && !("error" in data)) {
        take(data);
        log.info(`Transferred: ${text} from ${primary.text}`);
        settings.onTransfer(data);
        return undefined;
      }
      failure = why ?? "";
      log.error(`Failed to transfer \`${text}' from ${JSON.stringify(primary.text)}: ${failure}`);
    }
    return failure;
  };

  /** Whether a primary has a newer version; why nobody can be asked. */
  const isOutdated = async (): Promise<boolean | { readonly error: string }> => {
    let failure = "";
    for (const primary of primaries) {
      const serial = await fetchSerial(zone.origin, primary, asking);
      if (typeof serial === "number") return current === undefined || isNewer(serial, zoneSerial(current));
      failure = serial.error;
    }
    return { error: failure };
  };

  /** Asks, and fetches what is newer. Whether that went well. */
  const check = async (why: string, from: string | undefined): Promise<boolean> => {
    const outdated = await isOutdated();
    if (signal.aborted) return false;
    if (typeof outdated !== "boolean") {
      log.warning(
        from === undefined
          ? `Failed ${why} check ${outdated.error}`
          : `Notify from ${from} for ${text}: failed primary check: ${outdated.error}`,
      );
      return false;
    }
    if (outdated) return (await transfer()) === undefined;
    if (from !== undefined) log.info(`Notify from ${from} for ${text}: no SOA serial increase seen`);
    if (zone.data === undefined && current !== undefined) take(current);
    return true;
  };

  const first = async (): Promise<void> => {
    for (let pause = FIRST_PAUSE; !signal.aborted; pause = Math.min(2 * pause, LONGEST_PAUSE)) {
      const failure = await transfer();
      if (failure === undefined || signal.aborted) return;
      log.warning(`All '${text}' masters failed to transfer, retrying in ${durationText(pause)}: ${failure}`);
      await waitUntil(performance.now() + pause);
      notifier = undefined;
    }
  };

  const run = async (): Promise<void> => {
    await first();
    let lastGood = performance.now();
    let isFailing = false;
    while (!signal.aborted && current !== undefined) {
      const { refresh, retry, expire } = timersOf(current);
      const pause = isFailing ? retry + random() * RETRY_SPREAD : refresh + random() * REFRESH_SPREAD;
      const due = performance.now() + pause;
      const expiry = isFailing && zone.data !== undefined ? lastGood + expire : Infinity;
      await waitUntil(Math.min(due, expiry));
      if (signal.aborted) return;
      if (performance.now() >= expiry) {
        zone.data = undefined;
        log.error(`Zone ${text} is expired`);
      }
      const from = notifier;
      notifier = undefined;
      if (from === undefined && performance.now() < due) continue;
      isFailing = !(await check(isFailing ? "retry" : "refresh", from));
      if (!isFailing) lastGood = performance.now();
    }
  };

  void run();
  return {
    zone,
    isPrimary: (address) => primaries.some((primary) => primary.address === address),
    notified(from) {
      log.info(`Notify from ${from} for ${text}: checking transfer`);
      notifier = from;
      wake?.();
    },
    close() {
      stop.abort();
      wake?.();
    },
  };
}

/** The SOA record's times in milliseconds, at least a second each. */
function timersOf({ soa }: ZoneData): { refresh: number; retry: number; expire: number } {
  const fields = rdataFields(TYPE.SOA, soa.rdata);
  const time = (seconds = 0): number => Math.max(seconds, 1) * 1000;
  return { refresh: time(fields?.refresh), retry: time(fields?.retry), expire: time(fields?.expire) };
}

/** Serial number arithmetic (RFC 1982 §3.2). */
const isNewer = (a: number, b: number): boolean => a !== b && (a - b) >>> 0 < 2 ** 31;
