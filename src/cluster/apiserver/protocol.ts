/** What the main thread and the worker with the API server's client say to each other. */
import type { Kind, ClusterObject } from "../objects.ts";
import type { Fields } from "../source.ts";
import type { Access } from "./access.ts";
import type { State, Timings } from "./freshness.ts";
import type { Limits } from "./limits.ts";
import type { Change } from "./outbox.ts";
import type { Resource } from "./resources.ts";

/** With what the worker starts (`workerData`). */
export interface Setup {
  readonly access: Access;
  readonly limits: Limits;
  readonly timings: Timings;
  readonly userAgent: string;
}

/** One consumer's wish, known by a number from then on. */
export interface Watch {
  readonly id: number;
  readonly resources: readonly Resource[];
  readonly fields: Fields;
}

export type Command =
  | { readonly type: "watch"; readonly watch: Watch }
  | { readonly type: "unwatch"; readonly id: number }
  /** Let go of everything, and end. */
  | { readonly type: "close" }
  /** A portion has been dealt with: the worker may send one more. */
  | { readonly type: "done" };

/** Deliveries of one kind come in their order; each of them takes a place in the window until `done`. */
export type Portion =
  | { readonly type: "list" }
  | { readonly type: "objects"; readonly objects: readonly ClusterObject[] }
  | { readonly type: "end"; readonly version: string }
  | { readonly type: "changes"; readonly changes: readonly Change[]; readonly version: string | undefined };

export type Report =
  | { readonly type: "portion"; readonly id: number; readonly kind: Kind; readonly portion: Portion }
  | { readonly type: "state"; readonly id: number; readonly kind: Kind; readonly state: State }
  | { readonly type: "log"; readonly level: "info" | "warning"; readonly text: string }
  | {
      readonly type: "request";
      readonly code: string;
      readonly method: string;
      readonly host: string;
      readonly seconds: number | undefined;
    }
  | { readonly type: "limited"; readonly method: string; readonly host: string; readonly seconds: number };

/**
 * Portions on their way at a time. With more of them the main thread would find too much work in one turn of its loop, and
 * what it has no time for would stand in memory; with one, each would wait for the thread that is not its turn.
 */
export const WINDOW = 2;
