import type { ClusterObject, Kind } from "./objects.ts";
import type { Selector } from "./selector.ts";

/**
 * Where the objects of a cluster come from: an API server, a directory of manifests, or objects at hand.
 * A source may be watched several times, by plugins that want different parts of it.
 */
export interface ClusterSource {
  /**
   * Begins to follow the cluster. Returns at once; what there is and what changes goes to `sink` from now on, also before
   * this returns. Failures are no exceptions: they show in `health`, and the source goes on trying.
   */
  watch(wanted: Wanted, sink: ClusterSink): ClusterWatch;
}

export interface ClusterWatch {
  /** How each wanted kind fares. */
  health(): readonly KindHealth[];
  /** Nothing reaches the sink afterwards. */
  close(): Promise<void>;
}

/** What is to be followed. */
export interface Wanted {
  readonly kinds: readonly Kind[];
  /** By their own labels: Services, EndpointSlices and Pods. */
  readonly labels: Selector | undefined;
  /** Namespaces. */
  readonly namespaceLabels: Selector | undefined;
  readonly fields: Fields;
}

/** Fields that cost memory and are kept only on request; see `trim`. */
export interface Fields {
  /** Name endpoints without a host name after their pods. */
  readonly podNames: boolean;
  /** Topology zones of endpoints. */
  readonly zones: boolean;
  /** Labels of pods. */
  readonly podLabels: boolean;
}

/** Where a source delivers to. Nothing here throws; equal objects may come any number of times. */
export interface ClusterSink {
  /** The object is there, and like this. `trigger`: what `changeTrigger` read from an EndpointSlice that a watch brought. */
  put(object: ClusterObject, trigger?: number): void;
  /** The object is gone. `namespace` is empty for kinds without one. */
  remove(kind: Kind, namespace: string, name: string): void;
  /**
   * Begins a complete list of a kind, the first or a later one; what it does not bring is removed when it ends. The list may come in
   * portions, over any number of turns, but no other `put` or `remove` of this kind comes in between. A new list of the kind takes
   * the place of one that did not end.
   */
  list(kind: Kind): Listing;
}

export interface Listing {
  put(object: ClusterObject): void;
  /** That was all: the kind counts as synchronised from now on. */
  end(): void;
}

/** One kind's connection to the truth. Times are milliseconds since 1970. */
export interface KindHealth {
  readonly kind: Kind;
  /** A complete list has been delivered. */
  readonly listed: boolean;
  /** Newest version that was delivered; undefined where the source has none (manifests). */
  readonly resourceVersion: string | undefined;
  /** When the source last heard that what it delivered is all there is: an event, a bookmark, a list, a probe. */
  readonly heardAt: number | undefined;
  /** Since when answers may be out of date; undefined while they are not. */
  readonly staleSince: number | undefined;
  /** What stands in the way, one line; undefined where nothing does. */
  readonly error: string | undefined;
}
