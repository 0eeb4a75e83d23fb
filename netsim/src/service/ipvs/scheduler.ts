/** IPVS's schedulers as net/netfilter/ipvs/ip_vs_*.c has them: who gets the next connection of a virtual server. */
import { parseAddress, type Address } from "../address.ts";
import type { Choose } from "../packet.ts";

export interface RealServer {
  readonly address: string;
  readonly port: number;
  /** 0: no new connections. kube-proxy always writes 1. */
  readonly weight: number;
}

/** A real server's connections, as ipvsadm counts them. */
export interface Load {
  active: number;
  inactive: number;
}

export interface Request {
  readonly source: Address;
  readonly destination: Address;
  readonly choose: Choose;
}

/** The index of the server, or undefined when none may be used. Remembers whose turn it is. */
export type Scheduler = (
  servers: readonly RealServer[],
  loads: readonly Load[],
  request: Request,
) => number | undefined;

/** A scheduler by its name, in its state after start; undefined for a name that is not here. */
export function scheduler(name: string): Scheduler | undefined {
  return SCHEDULERS.get(name)?.();
}

const SCHEDULERS = new Map<string, () => Scheduler>([
  ["rr", roundRobin],
  ["wrr", weightedRoundRobin],
  ["lc", () => least(({ active, inactive }) => active * 256 + inactive, false)],
  ["wlc", () => least(({ active, inactive }) => active * 256 + inactive, true)],
  ["sed", () => least(({ active }) => active + 1, true)],
  ["nq", neverQueue],
  [
    "sh",
    () =>
      (servers, _, { source }) =>
        fromTable(servers, source, true),
  ],
  [
    "dh",
    () =>
      (servers, _, { destination }) =>
        fromTable(servers, destination, false),
  ],
]);

/** The schedulers' names. */
export const SCHEDULER_NAMES: readonly string[] = [...SCHEDULERS.keys()];

/** The traffic before ours is unknown: whose turn it is at first is left to chance. */
function firstTurn(servers: readonly RealServer[], choose: Choose): number {
  return servers.length === 0 ? 0 : choose(servers.map(() => 1 / servers.length));
}

function roundRobin(): Scheduler {
  let last: number | undefined;
  return (servers, _, { choose }) => {
    last ??= firstTurn(servers, choose) - 1;
    for (let step = 1; step <= servers.length; step++) {
      const index = (last + step) % servers.length;
      if ((servers[index] as RealServer).weight > 0) return (last = index);
    }
    return undefined;
  };
}

/** Rounds with a falling bar: in each, those whose weight reaches it have their turn. */
function weightedRoundRobin(): Scheduler {
  let last = -1;
  let bar = 0;
  let started = false;
  const next = (servers: readonly RealServer[]): number | undefined => {
    const weights = servers.map(({ weight }) => weight);
    const highest = Math.max(0, ...weights);
    if (highest === 0) return undefined;
    const step = weights.filter((weight) => weight > 0).reduce(gcd);
    if (bar <= 0 || bar > highest) bar = highest;
    for (;;) {
      if (++last >= servers.length) {
        last = -1;
        bar -= step;
        if (bar <= 0) bar = highest;
      } else if ((weights[last] as number) >= bar) return last;
    }
  };
  return (servers, _, { choose }) => {
    if (!started) for (let turns = firstTurn(servers, choose); turns > 0; turns--) next(servers);
    started = true;
    return next(servers);
  };
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}

/** The first server with the least load, or the least load for its weight. */
function least(load: (load: Load) => number, weighted: boolean): Scheduler {
  return (servers, loads) => {
    let best: number | undefined;
    for (const [index, server] of servers.entries()) {
      if (server.weight <= 0) continue;
      if (best === undefined) {
        best = index;
        continue;
      }
      const [ours, theirs] = weighted ? [server.weight, (servers[best] as RealServer).weight] : [1, 1];
      if (load(loads[best] as Load) * ours > load(loads[index] as Load) * theirs) best = index;
    }
    return best;
  };
}

/** An idle server at once, or else the one with the shortest expected delay. */
function neverQueue(): Scheduler {
  const shortest = least(({ active }) => active + 1, true);
  return (servers, loads, request) => {
    const idle = servers.findIndex(({ weight }, index) => weight > 0 && (loads[index] as Load).active === 0);
    return idle >= 0 ? idle : shortest(servers, loads, request);
  };
}

const TABLE_BITS = 8;
const GOLDEN_RATIO_32 = 0x61c8_8647;

/** 256 buckets, dealt out to the servers in turn (`sh`: as many in a row as their weight says), found by an address's hash. */
function fromTable(servers: readonly RealServer[], address: Address, byWeight: boolean): number | undefined {
  if (servers.length === 0) return undefined;
  const bucket = Math.imul(fold(address), GOLDEN_RATIO_32) >>> (32 - TABLE_BITS);
  const runs = servers.map(({ weight }) => (byWeight ? Math.max(1, weight) : 1));
  let left = bucket % runs.reduce((sum, run) => sum + run, 0);
  const index = runs.findIndex((run) => (left -= run) < 0);
  return (servers[index] as RealServer).weight > 0 ? index : undefined;
}

/** An address as 32 bits: IPv6's four words, exclusively or'ed. */
function fold({ value }: Address): number {
  let word = 0n;
  for (let rest = value; rest > 0n; rest >>= 32n) word ^= rest & 0xffff_ffffn;
  return Number(word);
}

/** Servers in the order that `ipvsadm -Ln` shows them, which is the one we give them in. */
export function byAddress(a: RealServer, b: RealServer): number {
  return compareAddresses(a.address, b.address) || a.port - b.port;
}

/**
 * ipvsadm compares IPv4 addresses (and IPv6's 32-bit words) by a signed difference, so that far apart ones come out the
 * other way round.
 */
export function compareAddresses(a: string, b: string): number {
  const words = (text: string) => {
    const address = parseAddress(text);
    const value = address?.value ?? 0n;
    return address?.family === "IPv6"
      ? [96n, 64n, 32n, 0n].map((shift) => Number((value >> shift) & 0xffff_ffffn))
      : [Number(value)];
  };
  const right = words(b);
  return words(a).reduce((order, word, index) => order || (word - (right[index] ?? 0)) | 0, 0);
}
