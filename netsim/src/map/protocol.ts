/** What a map's page and its engine, which runs in a worker, say to each other. */
import type { TraceOptions } from "../trace/trace.ts";
import type { Trace } from "../trace/types.ts";
import type { Reach } from "./reach.ts";
import type { MapView } from "./view.ts";

export interface Opened {
  readonly view: MapView;
  /** What a trace may be asked to go by. */
  readonly modes: readonly string[];
  readonly resolvers: readonly string[];
}

/** Each question by its kind, with what it is answered by. */
export interface Calls {
  /** `data`: the snapshot as gzipped JSON. */
  readonly open: { readonly ask: { readonly data: ArrayBuffer }; readonly answer: Opened };
  readonly trace: {
    readonly ask: { readonly from: string; readonly to: string; readonly options: TraceOptions };
    /** `article`: the trace as HTML; `text` as `netsim trace` prints it. */
    readonly answer: { readonly trace: Trace; readonly article: string; readonly text: string };
  };
  readonly reach: { readonly ask: { readonly pod: number }; readonly answer: Reach };
}

export type CallName = keyof Calls;

export interface Ask<K extends CallName = CallName> {
  readonly id: number;
  readonly call: K;
  readonly ask: Calls[K]["ask"];
}

export type Reply =
  { readonly id: number; readonly answer: unknown } | { readonly id: number; readonly error: string };
