/** What plugins of one block offer one another: see `capability` of the contract. */
import type { ClusterIndex } from "./cluster/cluster-index.ts";
import type { Settings } from "./cluster/settings.ts";
import type { Name } from "./dns/name.ts";
import type { Query } from "./dns/query.ts";
import type { RR } from "./dns/rr.ts";
import { capability, type Capability } from "./plugin.ts";

/**
 * Tells when answers that are kept somewhere are out of date. Whoever keeps an answer keeps its slot and the number that
 * stood there before the answer was asked for: once another number stands there, the answer counts no more.
 */
export interface AnswerGenerations {
  /** By slot. A change counts up the numbers of the slots that it concerns. */
  readonly numbers: Uint32Array;
  /**
   * The slot of whatever the answer to this question is made of, found or not; undefined where it does not depend on
   * anything that is watched. `name` in lower case.
   */
  slotFor(name: Name, type: number): number | undefined;
}

/** Of the cluster's index: `kubernetes` offers it, `cache` heeds it. */
export const GENERATIONS: Capability<AnswerGenerations> = capability("generations");

/** Zones that can be handed over whole (RFC 5936). */
export interface ZoneTransfer {
  /**
   * All records of the zone `name` (in lower case) from SOA to SOA, or the SOA alone where `serial`, the one that the client has, is up
   * to date; nothing at all where the zone has not been loaded; undefined where the plugin is not authoritative for it. Taken while the
   * connection takes them.
   */
  records(name: Name, serial: number | undefined): Iterable<RR> | undefined;
}

/** Offered by the plugins that have zones, asked by `transfer`. */
export const TRANSFER: Capability<ZoneTransfer> = capability("transfer");

/**
 * Tells the other servers of a zone, in lower case, that it has changed (RFC 1996), and why some did not take it: `transfer` offers
 * it to the plugins that have zones.
 */
export const NOTIFIER: Capability<(zone: Name) => Promise<string | undefined>> = capability("notifier");

/** How long a query may take, in milliseconds: `cancel` offers it, plugins that wait for others heed it. */
export const QUERY_TIME: Capability<number> = capability("query-time");

/** One exchange with an upstream. */
export interface UpstreamExchange {
  readonly query: Query;
  readonly protocol: "udp" | "tcp";
  /** `address:port` of our end, where it is known, and of the upstream's. */
  readonly local: string | undefined;
  readonly remote: string;
  /** As it was sent, but for the id. */
  readonly packet: Buffer;
  /** As it came; undefined where nothing did. Good only until the function returns. */
  readonly reply: Buffer | undefined;
  /** Seconds since 1970. */
  readonly sent: number;
  readonly received: number;
}

/** Told of every exchange with an upstream: `dnstap` offers it, `forward` calls it. */
export const UPSTREAM_TAP: Capability<(exchange: UpstreamExchange) => void> = capability("upstream-tap");

/** What `kubernetes` knows and how it shows it: for autopath, k8s_external, searchpath. */
export interface ClusterView {
  readonly index: ClusterIndex;
  readonly settings: Settings;
}

export const CLUSTER: Capability<ClusterView> = capability("cluster");
