/**
 * The staleness clock of one watched kind: a watch that stands still looks like a cluster in which nothing happens.
 *
 * Every few seconds a list of one object is asked for: its version is the newest of the store, and the server's own cache of the
 * kind has to reach it before it answers. The version of a quiet kind grows as well (all kinds share one counter, and leases are
 * renewed all the time), so to be behind is no proof yet: after 5 s a second watch is opened from the version at which the first one
 * stands. A change that it brings is one that the first has missed. A bookmark says that there was none.
 */
import { ApiError, type Client } from "./client.ts";
import { eventsOf } from "./events.ts";
import { pause } from "./limits.ts";
import { isOlder, pathOf, probePath, type Resource, resourceName } from "./resources.ts";

/** Milliseconds. */
export interface Timings {
  /** Between two questions for the newest version. */
  readonly probe: number;
  /** How long a watch may lag behind a version. */
  readonly behind: number;
  /** How long the API server may be silent. */
  readonly silence: number;
  /** How long the server's own cache of the kind may stand still while the store moves on. */
  readonly still: number;
}

/** Silence is noticed within 15 s, whatever the clock's tick and a busy machine add. */
export const TIMINGS: Timings = { probe: 3000, behind: 5000, silence: 13_000, still: 60_000 };

/** `timings`, as slow as a limit of `qps` requests a second for `kinds` kinds makes them: else the limit would look like silence. */
export function timingsFor(timings: Timings, qps: number, kinds: number): Timings {
  const probe = Math.max(timings.probe, qps > 0 ? (2000 * kinds) / qps : 0);
  return {
    ...timings,
    probe,
    silence: Math.max(timings.silence, 3 * probe),
    still: Math.max(timings.still, 10 * probe),
  };
}

/** How one kind fares; times are milliseconds since 1970. */
export interface State {
  readonly resourceVersion: string | undefined;
  readonly heardAt: number | undefined;
  readonly staleSince: number | undefined;
  readonly error: string | undefined;
}

export interface StateSink {
  /** Called every second, and at once when `staleSince` or `error` change. */
  state(state: State): void;
}

export interface Freshness {
  /** The API server said something, whatever it was. */
  answered(): void;
  /** A complete list was delivered. */
  listed(): void;
  /** The watch brought something. */
  proceeded(): void;
  /** What stands in the way of the watch; undefined: nothing any more. */
  failed(error: string | undefined): void;
}

export interface FreshnessOptions {
  readonly resource: Resource;
  readonly client: Client;
  readonly timings: Timings;
  readonly now: () => number;
  readonly log: (level: "info" | "warning", text: string) => void;
  readonly delivery: StateSink;
  /** The version that the watch has reached; undefined while there is none. */
  version(): string | undefined;
  advance(version: string): void;
  /** The server can stream lists: then its caches become as new as its store when they are asked (both from 1.34 on for all). */
  hasWatchList(): boolean;
  /** Forgets the version, opens new connections, lists. */
  relist(): void;
}

const PROBE_PATIENCE_MS = 5000;
/** A watch's last bookmark comes 2 s before its time is over, give or take one. */
const COMPARE_SECONDS = 4;
const TICK_MS = 1000;

export function keepFresh(options: FreshnessOptions, signal: AbortSignal): Freshness {
  const { resource, client, timings, now, log } = options;
  const name = resourceName(resource.kind);
  let heardAt: number | undefined;
  let staleSince: number | undefined;
  /** Why the answers may be out of date, and what the last attempt of anything failed with. */
  let reason: string | undefined;
  let failure: string | undefined;
  let answeredAt = now();
  /** A version that the watch has not reached, and since when that is known. */
  let behind: { version: string; since: number } | undefined;

  const publish = (): void => {
    const resourceVersion = options.version();
    options.delivery.state({
      resourceVersion,
      heardAt,
      staleSince,
      error: reason ?? (failure && `${name}: ${failure}`),
    });
  };
  const heard = (): void => {
    heardAt = answeredAt = now();
    behind = undefined;
  };
  const stale = (why: string): void => {
    if (staleSince !== undefined || heardAt === undefined) return;
    staleSince = heardAt;
    reason = `${name}: ${why}`;
    log("warning", `${reason}: answers may be out of date`);
    publish();
  };
  const frozen = (why: string): void => {
    stale(why);
    behind = undefined;
    options.relist();
  };

  const tick = (): void => {
    if (staleSince === undefined && heardAt !== undefined) {
      if (now() - answeredAt >= timings.silence)
        frozen(`no answer for ${Math.round((now() - answeredAt) / 1000)} s`);
      // Refusals are answers, and a watch that goes on under them is not broken off for it.
      else if (now() - heardAt >= 2 * timings.silence) stale(failure ?? "not confirmed");
    }
    publish();
  };

  const newest = async (): Promise<string> => {
    const timeout = Math.min(PROBE_PATIENCE_MS, timings.silence);
    const list = await client.get(probePath(resource), { signal, timeout });
    return (list as { metadata: { resourceVersion: string } }).metadata.resourceVersion;
  };

  /**
   * Whether a second watch, from where the first one stands, sees what the first one has not. A bookmark that is newer than that
   * will do, though it be older than `until`: where there are several servers, another one may have been asked for the newest version.
   */
  const compare = async (until: string): Promise<"missed" | "reached" | "unknown"> => {
    const from = options.version();
    if (from === undefined) return "unknown";
    const query = {
      watch: "1",
      allowWatchBookmarks: "true",
      timeoutSeconds: String(COMPARE_SECONDS),
      resourceVersion: from,
    };
    const response = await client.open(pathOf(resource, query), {
      signal,
      timeout: PROBE_PATIENCE_MS,
      isWatch: true,
    });
    const overdue = setTimeout(() => response.destroy(new Error("no end")), (COMPARE_SECONDS + 2) * 1000);
    try {
      for await (const events of eventsOf(response)) {
        for (const { type, object } of events) {
          if (type === "ERROR") return object.code === 410 ? "missed" : "unknown";
          const at = object.metadata.resourceVersion;
          const reached = options.version();
          if (reached === undefined) return "unknown";
          if (type === "BOOKMARK") {
            const isCloser = isOlder(reached, at);
            if (isCloser) options.advance(at);
            return isCloser || !isOlder(at, until) ? "reached" : "unknown";
          }
          if (!isOlder(until, at) && isOlder(reached, at)) return "missed";
        }
      }
      return options.hasWatchList() ? "unknown" : "reached";
    } finally {
      clearTimeout(overdue);
      response.destroy();
    }
  };

  const probe = async (): Promise<void> => {
    const before = options.version();
    if (before === undefined) return;
    const version = await newest();
    answeredAt = now();
    const reached = options.version();
    if (reached === undefined) return;
    if (isOlder(version, before)) return frozen(`the store went back from version ${before} to ${version}`);
    if (!isOlder(reached, version)) return confirm();
    if (behind !== undefined && !isOlder(reached, behind.version)) behind = undefined;
    behind ??= { version, since: now() };
    if (now() - behind.since < timings.behind) return;
    const verdict = await compare(behind.version);
    if (verdict === "reached") confirm();
    else if (verdict === "missed" || now() - behind.since >= timings.still) {
      frozen(
        `the watch has not reached version ${behind.version} within ${Math.round((now() - behind.since) / 1000)} s`,
      );
    }
  };

  const confirm = (): void => {
    heard();
    if (staleSince === undefined) return;
    staleSince = reason = undefined;
    log("info", `${name}: up to date again`);
    publish();
  };

  const run = async (): Promise<void> => {
    for (;;) {
      await pause(timings.probe, signal);
      try {
        await probe();
      } catch (cause) {
        if (cause instanceof ApiError) answeredAt = now();
        failure = (cause as Error).message;
      }
    }
  };
  const timer = setInterval(tick, Math.min(TICK_MS, timings.probe));
  signal.addEventListener("abort", () => clearInterval(timer), { once: true });
  run().catch(() => undefined);

  return {
    answered: () => {
      answeredAt = now();
    },
    listed: () => {
      failure = undefined;
      confirm();
    },
    proceeded: () => {
      answeredAt = heardAt = now();
    },
    failed: (why) => {
      if (why === undefined) answeredAt = now();
      else if (failure === undefined) log("warning", `${name}: ${why}`);
      const isNews = why !== failure;
      failure = why;
      if (isNews) publish();
    },
  };
}
