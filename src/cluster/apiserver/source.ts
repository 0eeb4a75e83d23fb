/** An API server as the source of a cluster. */
import { once } from "node:events";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import type { ClusterObject, Kind } from "../objects.ts";
import type { ClusterSink, ClusterSource, ClusterWatch, KindHealth, Listing, Wanted } from "../source.ts";
import { type AccessOptions, readAccess } from "./access.ts";
import type { ApiObserver } from "./client.ts";
import { type State, TIMINGS, type Timings } from "./freshness.ts";
import type { Limits } from "./limits.ts";
import type { Command, Portion, Report, Setup, Watch } from "./protocol.ts";
import type { Resource } from "./resources.ts";

export interface ApiServerOptions {
  readonly access: AccessOptions;
  /** Default: those of client-go, 5 requests a second, 10 at once. */
  readonly limits?: Partial<Limits>;
  readonly userAgent?: string;
  readonly observer?: ApiObserver;
  readonly log?: (level: "info" | "warning", text: string) => void;
  readonly timings?: Partial<Timings>;
}

/** A worker that says nothing for so long, though it has to every second, is held for stuck. */
const WORKER_SILENCE_MS = 20_000;
const RESTART_MS = 1000;
const LAST_RESORT_MS = 5000;

/**
 * The cluster behind an API server, followed by a worker thread that lives as long as anything is watched. Throws an Error
 * of one line where `access` can't work (no such file, no such context, no service account); all later failures show in `health`.
 */
export function apiServerSource(options: ApiServerOptions): ClusterSource {
  const setup: Setup = {
    access: readAccess(options.access),
    limits: { qps: 0, burst: 0, maxInflight: 0, ...options.limits },
    timings: { ...TIMINGS, ...options.timings },
    userAgent: options.userAgent ?? "clusterdns",
  };
  const followers = new Map<number, Follower>();
  let lastId = 0;
  let worker: Worker | undefined;

  const send = (command: Command): void => worker?.postMessage(command);

  const start = (): Worker => {
    // Portions are small and soon gone: a young generation of the usual 48 MiB would only be filled with them.
    const resourceLimits = { maxYoungGenerationSizeMb: 8 };
    const started = new Worker(workerFile, { workerData: setup, resourceLimits, execArgv: [] });
    started.on("message", receive);
    started.on("error", (error) =>
      options.log?.("warning", `the API server's client failed: ${error.message}`),
    );
    started.on("exit", () => {
      if (worker !== started) return;
      worker = undefined;
      setTimeout(() => {
        if (worker !== undefined || followers.size === 0) return;
        worker = start();
        for (const { watch } of followers.values()) send({ type: "watch", watch });
      }, RESTART_MS);
    });
    return started;
  };

  const receive = (report: Report): void => {
    switch (report.type) {
      case "portion":
        followers.get(report.id)?.take(report.kind, report.portion);
        return send({ type: "done" });
      case "state":
        return followers.get(report.id)?.note(report.kind, report.state);
      case "log":
        return options.log?.(report.level, report.text);
      case "request":
        return options.observer?.request(report.code, report.method, report.host, report.seconds);
      case "limited":
        return options.observer?.limited(report.method, report.host, report.seconds);
    }
  };

  return {
    watch: (wanted, sink): ClusterWatch => {
      const watch: Watch = { id: ++lastId, resources: resourcesOf(wanted), fields: wanted.fields };
      const follower = new Follower(watch, sink);
      followers.set(watch.id, follower);
      worker ??= start();
      send({ type: "watch", watch });
      return {
        health: () => follower.health(Date.now()),
        close: async () => {
          if (!followers.delete(watch.id)) return;
          send({ type: "unwatch", id: watch.id });
          if (followers.size > 0) return;
          send({ type: "close" });
          const last = worker;
          worker = undefined;
          if (last !== undefined) await ended(last);
        },
      };
    },
  };
}

/**
 * The thread's end. It ends by itself when nothing is left to do: to terminate it while it is inside a socket's native code can
 * abort the whole process (seen on Node 20), so that is the last resort.
 */
async function ended(worker: Worker): Promise<void> {
  const timer = setTimeout(() => void worker.terminate(), LAST_RESORT_MS);
  await once(worker, "exit");
  clearTimeout(timer);
}

/** Beside this file, in the sources as in the compiled tree. */
const workerFile = new URL(`./worker${extname(fileURLToPath(import.meta.url))}`, import.meta.url);

function resourcesOf({ kinds, labels, namespaceLabels }: Wanted): Resource[] {
  const selectorOf = (kind: Kind): string => {
    if (kind === "ServiceImport") return "";
    return (kind === "Namespace" ? namespaceLabels : labels)?.text ?? "";
  };
  return kinds.map((kind) => ({ kind, labelSelector: selectorOf(kind) }));
}

const UNKNOWN: State = {
  resourceVersion: undefined,
  heardAt: undefined,
  staleSince: undefined,
  error: undefined,
};

/** Hands what comes for one watch to its sink. */
class Follower {
  readonly watch: Watch;
  readonly #sink: ClusterSink;
  readonly #listings = new Map<Kind, Listing>();
  readonly #listed = new Set<Kind>();
  readonly #states = new Map<Kind, State>();
  /** One string for each namespace, however many objects it has. */
  readonly #namespaces = new Map<string, string>();
  #reportedAt: number;

  constructor(watch: Watch, sink: ClusterSink) {
    this.watch = watch;
    this.#sink = sink;
    this.#reportedAt = Date.now();
  }

  take(kind: Kind, portion: Portion): void {
    switch (portion.type) {
      case "list":
        this.#listings.set(kind, this.#sink.list(kind));
        return;
      case "objects": {
        const listing = this.#listings.get(kind)!;
        for (const object of portion.objects) listing.put(this.#shared(kind, object));
        return;
      }
      case "end":
        this.#listings.get(kind)!.end();
        this.#listings.delete(kind);
        this.#listed.add(kind);
        this.#reached(kind, portion.version);
        return;
      case "changes":
        for (const change of portion.changes) {
          if ("put" in change) this.#sink.put(this.#shared(kind, change.put), change.trigger);
          else this.#sink.remove(kind, ...change.remove);
        }
        this.#reached(kind, portion.version);
    }
  }

  #reached(kind: Kind, resourceVersion: string | undefined): void {
    this.#states.set(kind, { ...(this.#states.get(kind) ?? UNKNOWN), resourceVersion, heardAt: Date.now() });
  }

  note(kind: Kind, state: State): void {
    this.#reportedAt = Date.now();
    this.#states.set(kind, state);
  }

  health(now: number): KindHealth[] {
    const isStuck = now - this.#reportedAt > WORKER_SILENCE_MS;
    return this.watch.resources.map(({ kind }) => {
      const state = this.#states.get(kind) ?? UNKNOWN;
      const health = { kind, listed: this.#listed.has(kind), ...state };
      if (!isStuck || state.staleSince !== undefined) return health;
      return {
        ...health,
        staleSince: state.heardAt,
        error: "the thread with the API server's client does not answer",
      };
    });
  }

  /** Every object was posted with strings of its own; those that are alike need to be there but once. */
  #shared<T extends ClusterObject>(kind: Kind, object: T): T {
    const own = object as { kind: Kind; namespace?: string };
    own.kind = kind;
    if (own.namespace !== undefined) {
      const known = this.#namespaces.get(own.namespace);
      if (known === undefined) this.#namespaces.set(own.namespace, own.namespace);
      else own.namespace = known;
    }
    return object;
  }
}
