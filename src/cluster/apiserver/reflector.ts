/**
 * One kind of an API server's objects, listed and then watched for as long as it is wanted.
 *
 *     version unknown --- watch list, or pages where the server has none ---> version known --- watch from it ---+
 *          ^                                                                       ^  the watch ended, broke    |
 *          |                                                                       +-----------------------------+
 *          +--- 410 (the version is too old), or frozen (see freshness.ts) ---------------------------------------+
 *
 * Nothing of the objects stays here: they are trimmed as they stream in, and delivered.
 */
import { changeTrigger, trim } from "../trim.ts";
import type { ClusterObject } from "../objects.ts";
import type { Wanted } from "../source.ts";
import { ApiError, brokenOff, type Client } from "./client.ts";
import { type ApiObject, eventsOf, INITIAL_EVENTS_END, type WatchEvent } from "./events.ts";
import { type Freshness, keepFresh, type StateSink, type Timings } from "./freshness.ts";
import { createBackoff, pause } from "./limits.ts";
import { createOutbox, type Delivery } from "./outbox.ts";
import { pathOf, type Resource, resourceName } from "./resources.ts";

export interface ReflectorOptions {
  readonly resource: Resource;
  readonly wanted: Wanted;
  readonly client: Client;
  readonly delivery: Delivery & StateSink;
  readonly timings: Timings;
  readonly now: () => number;
  readonly random: () => number;
  readonly log: (level: "info" | "warning", text: string) => void;
}

/** How long a request may take until its head is here: a server that has just started fills its caches before it answers. */
const PATIENCE_MS = 30_000;
/** How long a list may pause. */
const PAUSE_MS = 15_000;
const PAGE = 500;

/** Follows the resource until `signal` is aborted. Never rejects. */
export async function reflect(options: ReflectorOptions, signal: AbortSignal): Promise<void> {
  const { resource, wanted, client, delivery, now, random, log } = options;
  const outbox = createOutbox(delivery);
  const backoff = createBackoff(random);
  let hasWatchList = true;
  let version: string | undefined;
  let attempt = new AbortController();

  const freshness: Freshness = keepFresh(
    {
      ...options,
      version: () => version,
      // Another watch from our version brought nothing until there: so this one has missed nothing.
      advance: (to) => {
        version = to;
      },
      hasWatchList: () => hasWatchList,
      relist: () => {
        version = undefined;
        client.renew();
        attempt.abort(new Error("frozen"));
      },
    },
    signal,
  );

  const listed = async (at: string): Promise<void> => {
    await outbox.flush();
    await delivery.end(at);
    version = at;
    freshness.listed();
  };

  /** Pages, each of them in memory for as long as it takes to trim it. */
  const listPages = async (abort: AbortSignal): Promise<void> => {
    await delivery.list();
    let at = "";
    for (let next: string | undefined = ""; next !== undefined;) {
      const query = { limit: String(PAGE), ...(next === "" ? {} : { continue: next }) };
      const page = (await client.get(pathOf(resource, query), {
        signal: abort,
        timeout: PATIENCE_MS,
      })) as ApiList;
      freshness.answered();
      for (const item of page.items ?? []) outbox.object(trim(resource.kind, item, wanted));
      await outbox.flush();
      at ||= page.metadata.resourceVersion;
      next = page.metadata.continue || undefined;
    }
    await listed(at);
  };

  /** One watch until it ends. Where no version is known it begins with all that there is. */
  const watch = async (abort: AbortSignal): Promise<void> => {
    const from: Record<string, string> =
      version === undefined
        ? { sendInitialEvents: "true", resourceVersionMatch: "NotOlderThan" }
        : { resourceVersion: version };
    // Each replica asks anew at another time, as client-go does.
    const timeoutSeconds = String(300 + Math.floor(random() * 300));
    const query = { watch: "1", allowWatchBookmarks: "true", timeoutSeconds, ...from };
    const response = await client.open(pathOf(resource, query), {
      signal: abort,
      timeout: PATIENCE_MS,
      isWatch: true,
    });
    freshness.failed(undefined);
    let initial: Initial | undefined;
    if (version === undefined) {
      initial = new Map();
      await delivery.list();
      // From the list's end on it is the business of `freshness` to see that a watch is silent.
      response.setTimeout(PAUSE_MS, () => {
        // Servers before 1.27 don't know the parameter: they never say that the list has ended.
        hasWatchList = false;
        response.destroy(new Error(`the list paused for ${PAUSE_MS / 1000} s`));
      });
    }
    for await (const events of eventsOf(response)) {
      freshness.answered();
      // What is not delivered when something breaks is asked for again, so the version must not run ahead.
      let reached = version;
      for (const event of events) {
        throwIfError(event);
        const at = event.object.metadata.resourceVersion;
        if (event.type !== "BOOKMARK") collect(event.object, event.type === "DELETED", initial);
        if (initial === undefined) {
          reached = at;
        } else if (isInitialEnd(event)) {
          response.setTimeout(0);
          await listed(at);
          for (const [namespace, name] of initial.values()) outbox.removal(namespace, name);
          initial = undefined;
          reached = at;
        }
        if (outbox.isFull()) await outbox.flush(reached);
      }
      if (initial !== undefined) continue;
      await outbox.flush(reached);
      version = reached;
      freshness.proceeded();
      backoff.reset();
    }
    if (initial !== undefined) throw new Error("the list ended before its end");
  };

  const collect = (object: ApiObject, deleted: boolean, initial: Initial | undefined): void => {
    const { name, namespace = "" } = object.metadata;
    const trimmed = deleted ? undefined : trim(resource.kind, object, wanted);
    if (initial !== undefined) {
      // Changes may come in among the objects that there were; a listing knows no removal, so it waits for the end.
      const key = `${namespace}/${name}`;
      if (trimmed === undefined) initial.set(key, [namespace, name]);
      else initial.delete(key);
      outbox.object(trimmed);
    } else if (trimmed === undefined) {
      outbox.removal(namespace, name);
    } else {
      outbox.change(trimmed, resource.kind === "EndpointSlice" ? changeTrigger(object) : undefined);
    }
  };

  const once = async (abort: AbortSignal): Promise<void> => {
    if (version === undefined && !hasWatchList) await listPages(abort);
    const started = now();
    await watch(abort);
    // A server or a proxy that ends every watch at once must not be asked in a tight loop.
    if (now() - started < 1000) throw new Error("the watch ended at once");
  };

  // Not AbortSignal.any: on Node 20 each of them would stay in memory as long as `signal` does.
  signal.addEventListener("abort", () => attempt.abort(signal.reason), { once: true });
  while (!signal.aborted) {
    attempt = new AbortController();
    outbox.clear();
    try {
      await once(attempt.signal);
      backoff.reset();
    } catch (error) {
      if (signal.aborted) return;
      if (attempt.signal.aborted) continue;
      const { status, retryAfter } = error as ApiError;
      const message = brokenOff(error as Error);
      if (status === 410) {
        version = undefined;
        log("info", `${resourceName(resource.kind)}: ${message}: listing anew`);
      } else if ((status === 400 || status === 422) && version === undefined && hasWatchList) {
        hasWatchList = false;
        continue;
      } else {
        freshness.failed(message);
      }
      await pause(Math.max(backoff.next(error instanceof ApiError), retryAfter ?? 0), attempt.signal).catch(
        () => undefined,
      );
    }
  }
}

/** What was deleted while the initial objects came in, by `NAMESPACE/NAME`. */
type Initial = Map<string, readonly [namespace: string, name: string]>;

interface ApiList {
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string };
  readonly items: readonly ClusterObject[] | null;
}

const isInitialEnd = ({ type, object }: WatchEvent): boolean =>
  type === "BOOKMARK" && object.metadata.annotations?.[INITIAL_EVENTS_END] === "true";

function throwIfError(event: WatchEvent): asserts event is Exclude<WatchEvent, { type: "ERROR" }> {
  if (event.type === "ERROR")
    throw new ApiError(event.object.code ?? 0, event.object.message ?? "the watch broke");
}
