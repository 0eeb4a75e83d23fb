/**
 * What an agent remembers of its pods' DNS answers: names and addresses until their TTL ends, and afterwards as zombies for
 * as long as a connection may still use them (Cilium 1.20, pkg/fqdn). TTLs count only when the collector runs, every minute;
 * an address is dropped from policy only then. Times are seconds of any clock; names are lower case with their final dot.
 */

export interface DnsCacheOptions {
  /** Shortest time for which an answer counts, in seconds (tofqdns-min-ttl, default 0). */
  readonly minTTL?: number;
  /** Addresses kept for one name (tofqdns-endpoint-max-ip-per-hostname); 0: no limit. The agent's default is 1000. */
  readonly maxIPsPerHost?: number;
  /** tofqdns-max-deferred-connection-deletes. */
  readonly maxZombies?: number;
  /** tofqdns-idle-connection-grace-period, seconds. */
  readonly idleGrace?: number;
}

/** An address whose answers have expired, and what it was the answer to. */
export interface Zombie {
  readonly ip: string;
  readonly names: readonly string[];
}

export interface DnsCache {
  /** Takes an answer. `updated`: some address's expiry moved; `newMapping`: an address that the name did not have. */
  lookup(
    time: number,
    name: string,
    ips: readonly string[],
    ttl: number,
  ): { updated: boolean; newMapping: boolean };
  /** The collector: expires answers into zombies, and lets zombies die. */
  gc(time: number): { affectedNames: string[]; alive: Zombie[]; dead: Zombie[] };
  /** A collection of the connection table that began at `time` and saw connections to these addresses. */
  conntrackGc(time: number, alive: readonly string[]): void;
  /** The name's addresses that have not expired, as of the last collection. */
  addresses(name: string): string[];
  names(): string[];
  zombies(): Zombie[];
}

interface Entry {
  readonly name: string;
  readonly expires: number;
}

interface Undead {
  readonly ip: string;
  names: string[];
  aliveAt: number;
  deleteAt: number;
  readonly round: number;
}

/** Earlier than any time: nothing has been collected yet. */
const NEVER = -Infinity;

export function createDnsCache(options: DnsCacheOptions = {}): DnsCache {
  const { minTTL = 0, maxIPsPerHost = 1000 } = options;
  const forward = new Map<string, Map<string, Entry>>();
  /** Names by the second in which something of theirs expires. */
  const cleanup = new Map<number, Set<string>>();
  const overLimit = new Set<string>();
  let lastCleanup: number | undefined;
  const undead = createZombies(options);

  function note(entry: Entry): void {
    if (lastCleanup === undefined || entry.expires < lastCleanup) lastCleanup = entry.expires;
    const second = Math.floor(entry.expires);
    const names = cleanup.get(second);
    if (names === undefined) cleanup.set(second, new Set([entry.name]));
    else names.add(entry.name);
  }

  function lookup(time: number, name: string, ips: readonly string[], ttl: number) {
    const entry: Entry = { name, expires: time + Math.max(ttl, minTTL) };
    let entries = forward.get(name);
    if (entries === undefined) forward.set(name, (entries = new Map<string, Entry>()));
    let updated = false;
    let newMapping = false;
    for (const ip of ips) {
      const old = entries.get(ip);
      if (old === undefined) newMapping = true;
      if (old !== undefined && entry.expires <= old.expires) continue;
      entries.set(ip, entry);
      note(entry);
      updated = true;
    }
    if (maxIPsPerHost > 0 && entries.size > maxIPsPerHost) overLimit.add(name);
    return { updated, newMapping };
  }

  function drop(name: string, ip: string): void {
    const entries = forward.get(name);
    entries?.delete(ip);
    if (entries?.size === 0) forward.delete(name);
  }

  /** Expires what is due before `time`; gives the names looked at and what was taken out. */
  function expire(time: number): { names: Set<string>; removed: [ip: string, entry: Entry][] } {
    const due = new Set<string>();
    if (lastCleanup !== undefined && lastCleanup < time) {
      for (const [second, names] of cleanup) {
        if (second < Math.floor(lastCleanup) || second >= Math.ceil(time)) continue;
        for (const name of names) due.add(name);
        cleanup.delete(second);
      }
      lastCleanup = Math.max(Math.floor(lastCleanup) + 1, Math.ceil(time));
    }
    const now = lastCleanup ?? time;
    const removed: [string, Entry][] = [];
    const names = new Set([...due].filter((name) => forward.has(name)));
    for (const name of names) {
      for (const [ip, entry] of [...(forward.get(name) ?? [])]) {
        if (now <= entry.expires) continue;
        removed.push([ip, entry]);
        drop(name, ip);
      }
    }
    return { names, removed };
  }

  /** Takes the earliest-expiring addresses of names that have too many. */
  function cutOverLimit(): { names: Set<string>; removed: [ip: string, entry: Entry][] } {
    const names = new Set<string>();
    const removed: [string, Entry][] = [];
    for (const name of overLimit) {
      const entries = [...(forward.get(name) ?? [])];
      const excess = entries.length - maxIPsPerHost;
      if (excess <= 0) continue;
      entries.sort((a, b) => a[1].expires - b[1].expires);
      for (const [ip, entry] of entries.slice(0, excess)) {
        removed.push([ip, entry]);
        drop(name, ip);
      }
      names.add(name);
    }
    overLimit.clear();
    return { names, removed };
  }

  function gc(time: number) {
    const expired = expire(time);
    const cut = cutOverLimit();
    for (const [ip, entry] of [...expired.removed, ...cut.removed])
      undead.add(Math.max(time, entry.expires), ip, entry.name);
    const affectedNames = [...new Set([...expired.names, ...cut.names])];
    return { affectedNames, ...undead.collect() };
  }

  const unexpired = (entries: ReadonlyMap<string, Entry> | undefined): string[] =>
    [...(entries ?? [])].filter(([, e]) => (lastCleanup ?? NEVER) <= e.expires).map(([ip]) => ip);

  return {
    lookup,
    gc,
    conntrackGc: undead.conntrackGc,
    addresses: (name) => unexpired(forward.get(name)),
    names: () => [...forward.keys()],
    zombies: undead.alive,
  };
}

function createZombies({ maxIPsPerHost = 1000, maxZombies = 10_000, idleGrace = 0 }: DnsCacheOptions) {
  const all = new Map<string, Undead>();
  let lastConntrack = NEVER;
  let round = 0;

  function add(deleteAt: number, ip: string, name: string): void {
    const known = all.get(ip);
    if (known === undefined) {
      all.set(ip, { ip, names: [name], aliveAt: lastConntrack, deleteAt, round });
      return;
    }
    if (!known.names.includes(name)) known.names.push(name);
    known.deleteAt = Math.max(known.deleteAt, deleteAt);
    known.aliveAt = Math.max(known.aliveAt, lastConntrack);
  }

  /** Dead: two collections of the connection table since it was made, the last after its time and without seeing it. */
  const connected = (z: Undead): boolean =>
    lastConntrack <= z.deleteAt + idleGrace || lastConntrack <= z.aliveAt || round < z.round + 2;

  /** All zombies, connected or not, of the names of which one zombie is. */
  function namesAlive(): Map<string, Undead[]> {
    const names = new Map<string, Undead[]>();
    for (const z of all.values()) {
      if (!connected(z)) continue;
      for (const name of z.names) names.set(name, [...(names.get(name) ?? []), z]);
    }
    for (const z of all.values()) if (!connected(z)) for (const name of z.names) names.get(name)?.push(z);
    return names;
  }

  const show = (z: Undead): Zombie => ({ ip: z.ip, names: [...z.names] });
  /** What goes first when there are too many. */
  const byWorth = (a: Undead, b: Undead) =>
    compare(a.aliveAt, b.aliveAt) || compare(a.deleteAt, b.deleteAt) || a.names.length - b.names.length;

  function collect(): { alive: Zombie[]; dead: Zombie[] } {
    const names = namesAlive();
    const limited = (name: string) => maxIPsPerHost > 0 && (names.get(name)?.length ?? 0) > maxIPsPerHost;
    const dead = new Set<Undead>();
    let alive: Undead[] = [];
    for (const z of all.values()) {
      if (z.names.some(limited)) continue; // decided below
      if (connected(z) || z.names.some((name) => names.has(name))) alive.push(z);
      else dead.add(z);
    }
    const kept = new Set<Undead>();
    for (const [name, zombies] of names) {
      if (!limited(name)) continue;
      const sorted = [...zombies].sort(byWorth);
      const excess = sorted.length - maxIPsPerHost;
      for (const [i, z] of sorted.entries()) (i < excess ? dead : kept).add(z);
    }
    alive.push(...[...kept].filter((z) => !dead.has(z)));
    if (alive.length > maxZombies) {
      alive.sort(byWorth);
      const excess = alive.length - maxZombies;
      for (const z of alive.slice(0, excess)) dead.add(z);
      alive = alive.slice(excess);
    }
    for (const z of dead) all.delete(z.ip);
    return { alive: alive.map(show), dead: [...dead].map(show) };
  }

  function conntrackGc(time: number, alive: readonly string[]): void {
    for (const ip of alive) {
      const z = all.get(ip);
      if (z !== undefined) z.aliveAt = time;
    }
    lastConntrack = time;
    round++;
  }

  function alive(): Zombie[] {
    const names = namesAlive();
    return [...all.values()].filter((z) => connected(z) || z.names.some((name) => names.has(name))).map(show);
  }

  return { add, collect, conntrackGc, alive };
}

const compare = (a: number, b: number): number => (a < b ? -1 : a > b ? 1 : 0);
