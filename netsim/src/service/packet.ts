import type { Protocol } from "../model/types.ts";
import { parseAddress, type Address } from "./address.ts";

/** The first packet of a connection, as it arrives at a node's network stack (or leaves one of its sockets). */
export interface Packet {
  readonly source: Address;
  readonly destination: Address;
  readonly protocol: Protocol;
  readonly port: number;
  /** Matters to what hashes it (Maglev, IPVS). */
  readonly sourcePort: number;
}

/** One rule or lookup that matched: where, its text as the node's tool prints it, and what it did. */
export interface Step {
  readonly where: string;
  readonly rule: string;
  readonly effect: string;
}

/**
 * Where a node's service proxy sends a connection.
 *
 * - `forwarded`: out of the node's stack towards `destination` (a pod, or whatever is routed there);
 * - `local`: to the node itself, where `destination` is listened on or the kernel refuses;
 * - `rejected`: the client sees "connection refused"; `dropped`: it waits in vain.
 */
export interface Connection {
  readonly verdict: "forwarded" | "local" | "rejected" | "dropped";
  readonly destination: { readonly address: string; readonly port: number };
  /** The address that the destination sees. */
  readonly source: string;
  /** Was the destination a service address that was translated to an endpoint? */
  readonly translated: boolean;
  /** Was the source replaced by the node's address? */
  readonly masqueraded: boolean;
  /** `namespace/name:port` of the Service whose rules decided, as far as one did. */
  readonly service: string | undefined;
  readonly steps: readonly Step[];
  /** Rules that the packet was compared with, matching or not. */
  readonly rules: number;
  /** Lookups in sets, maps and hash tables. */
  readonly lookups: number;
}

/** Picks one of several ways: the index, given their probabilities (which sum to 1). */
export type Choose = (probabilities: readonly number[]) => number;

/** What a connection may leave behind for the next one: affinities, the scheduler's turn. `now` in seconds. */
export interface Situation {
  readonly choose: Choose;
  readonly now: number;
}

/** A node's service proxy as a program: text as the node's tool prints it, and what it does to a connection. */
export interface DataPlane {
  readonly mode: "iptables" | "nftables" | "ipvs" | "ebpf";
  readonly node: string;
  /** Not pure: session affinity and schedulers remember what was connected before; `reset` makes them forget. */
  connect(packet: Packet, situation: Situation): Connection;
  reset(): void;
}

/** A packet from texts; undefined when an address is none or the families differ. */
export function packet(
  from: string,
  to: string,
  port: number,
  protocol: Protocol = "TCP",
  sourcePort = 40000,
): Packet | undefined {
  const source = parseAddress(from);
  const destination = parseAddress(to);
  if (source === undefined || destination === undefined || source.family !== destination.family)
    return undefined;
  return { source, destination, protocol, port, sourcePort };
}
