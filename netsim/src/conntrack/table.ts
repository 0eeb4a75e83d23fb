/** The kernel's table of connections: what fits, what is forgotten, what is dropped. */
import { KUBE_PROXY_TIMEOUTS, type State, type Timeouts } from "./timeouts.ts";

/** One direction of a connection. */
export interface Tuple {
  readonly protocol: "tcp" | "udp" | "sctp";
  readonly source: string;
  readonly sourcePort: number;
  readonly destination: string;
  readonly destinationPort: number;
}

/** A connection. `reply` differs from the mirror image of `original` where an address was translated. */
export interface Entry {
  readonly original: Tuple;
  readonly reply: Tuple;
  readonly state: State;
  /** Seen in both directions for good: never dropped early. */
  readonly assured: boolean;
  readonly expires: number;
}

/** What a TCP packet is about; everything else, and all of UDP and SCTP, is `data`. */
export type Flag = "syn" | "data" | "fin" | "rst";

export type Tracked = "new" | "original" | "reply" | "dropped";

export interface TableOptions {
  /** `nf_conntrack_max`. */
  readonly max: number;
  /** `nf_conntrack_buckets`; kube-proxy leaves a quarter of `max`. */
  readonly buckets?: number;
  readonly timeouts?: Timeouts;
}

export interface ConntrackTable {
  /**
   * A packet at `now` (seconds, never falling). A first packet needs room: in a full table one unassured entry of the eight
   * buckets from its own is dropped early for it, or else the packet is dropped ("nf_conntrack: table full, dropping packet").
   * `reply`: the tuple that replies will have, where the destination or the source was translated.
   */
  packet(tuple: Tuple, now: number, flag?: Flag, reply?: Tuple): Tracked;
  find(tuple: Tuple, now: number): Entry | undefined;
  count(now: number): number;
  /** Deletes the entries that `which` takes, as `conntrack -D` does; how many. */
  flush(which: (entry: Entry) => boolean): number;
  readonly stats: { readonly inserted: number; readonly earlyDrops: number; readonly dropped: number };
}

interface Live {
  readonly original: Tuple;
  readonly reply: Tuple;
  readonly bucket: number;
  readonly since: number;
  state: State;
  assured: boolean;
  expires: number;
}

/** Buckets that are searched for a victim (`NF_CT_EVICTION_RANGE`). */
const EVICTION_RANGE = 8;

/** A UDP flow counts as a stream when it is still answered after so many seconds. */
const STREAM_AFTER = 2;

export function conntrackTable({
  max,
  buckets = Math.max(1, Math.ceil(max / 4)),
  timeouts = KUBE_PROXY_TIMEOUTS,
}: TableOptions): ConntrackTable {
  /** Both directions of every entry. */
  const byTuple = new Map<string, Live>();
  const byBucket = new Map<number, Set<Live>>();
  const stats = { inserted: 0, earlyDrops: 0, dropped: 0 };
  let size = 0;
  let swept = -Infinity;

  const remove = (entry: Live): void => {
    byTuple.delete(keyOf(entry.original));
    byTuple.delete(keyOf(entry.reply));
    byBucket.get(entry.bucket)?.delete(entry);
    size--;
  };
  /** Not more often than every `pause` seconds: in a full table every new flow would pay for it. */
  const sweep = (now: number, pause = 0): void => {
    if (now < swept + pause) return;
    swept = now;
    for (const entry of new Set(byTuple.values())) if (entry.expires <= now) remove(entry);
  };
  const find = (tuple: Tuple, now: number): Live | undefined => {
    const entry = byTuple.get(keyOf(tuple));
    if (entry === undefined || entry.expires > now) return entry;
    remove(entry);
    return undefined;
  };
  const makeRoom = (bucket: number, now: number): boolean => {
    if (size < max) return true;
    sweep(now, 1);
    if (size < max) return true;
    for (let i = 0; i < EVICTION_RANGE; i++) {
      const victim = [...(byBucket.get((bucket + i) % buckets) ?? [])].find(({ assured }) => !assured);
      if (victim === undefined) continue;
      remove(victim);
      stats.earlyDrops++;
      return true;
    }
    return false;
  };
  const insert = (original: Tuple, reply: Tuple, now: number): boolean => {
    const bucket = hash(keyOf(original)) % buckets;
    if (!makeRoom(bucket, now)) {
      stats.dropped++;
      return false;
    }
    const state = original.protocol === "tcp" ? "SYN_SENT" : "NEW";
    const lasts = timeouts[original.protocol][state] ?? 0;
    const entry: Live = { original, reply, bucket, since: now, state, assured: false, expires: now + lasts };
    byTuple.set(keyOf(original), entry);
    byTuple.set(keyOf(reply), entry);
    const neighbours = byBucket.get(bucket) ?? new Set();
    byBucket.set(bucket, neighbours.add(entry));
    size++;
    stats.inserted++;
    return true;
  };

  return {
    packet: (tuple, now, flag = "data", reply = mirror(tuple)) => {
      const known = find(tuple, now);
      if (known === undefined) return insert(tuple, reply, now) ? "new" : "dropped";
      const backwards = keyOf(known.original) !== keyOf(tuple);
      known.state = nextState(known, now, flag, backwards);
      known.assured ||= known.state === "ESTABLISHED" || known.state === "STREAM";
      known.expires = now + (timeouts[tuple.protocol][known.state] ?? 0);
      return backwards ? "reply" : "original";
    },
    find,
    count: (now) => {
      sweep(now);
      return size;
    },
    flush: (which) => {
      const gone = [...new Set(byTuple.values())].filter(which);
      for (const entry of gone) remove(entry);
      return gone.length;
    },
    stats,
  };
}

/** The tuple of replies where nothing is translated. */
export function mirror({ protocol, source, sourcePort, destination, destinationPort }: Tuple): Tuple {
  return {
    protocol,
    source: destination,
    sourcePort: destinationPort,
    destination: source,
    destinationPort: sourcePort,
  };
}

function nextState({ original, state, since }: Live, now: number, flag: Flag, backwards: boolean): State {
  if (original.protocol === "udp") {
    const answered = backwards || state !== "NEW";
    if (!answered) return "NEW";
    return state === "STREAM" || now - since > STREAM_AFTER ? "STREAM" : "REPLIED";
  }
  if (original.protocol === "sctp") return backwards || state === "ESTABLISHED" ? "ESTABLISHED" : state;
  if (flag === "rst") return "CLOSE";
  if (flag === "fin") return FIN[state] ?? state;
  if (state === "SYN_SENT") return backwards ? "SYN_RECV" : state;
  if (state === "SYN_RECV") return backwards ? state : "ESTABLISHED";
  // What follows the second FIN is its acknowledgement.
  if (state === "LAST_ACK") return "TIME_WAIT";
  return state === "FIN_WAIT" && backwards ? "CLOSE_WAIT" : state;
}

const FIN: Partial<Record<State, State>> = {
  ESTABLISHED: "FIN_WAIT",
  SYN_RECV: "FIN_WAIT",
  FIN_WAIT: "LAST_ACK",
  CLOSE_WAIT: "LAST_ACK",
};

function keyOf({ protocol, source, sourcePort, destination, destinationPort }: Tuple): string {
  return `${protocol} ${source} ${sourcePort} ${destination} ${destinationPort}`;
}

/** FNV-1a: the kernel's hash is keyed at random, so any even one will do. */
function hash(text: string): number {
  let value = 0x811c_9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x0100_0193);
  return value >>> 0;
}
