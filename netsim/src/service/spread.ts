/** Many connections of the same kind: where they would go, by chance and by calculation. */
import type { Choose, Connection, DataPlane, Packet } from "./packet.ts";

/** A way that a connection may go, and how likely. */
export interface Outcome {
  readonly probability: number;
  readonly connection: Connection;
}

/** Counts per destination (`address:port`), or per verdict where a connection went nowhere. */
export type Tally = ReadonlyMap<string, number>;

const MOST_OUTCOMES = 10_000;

/**
 * Every way that a packet can go with its exact probability, likeliest first. Affinities and schedulers' turns are forgotten
 * before each. At most 10,000 ways are looked at.
 */
export function outcomes(plane: DataPlane, packet: Packet, now = 0): Outcome[] {
  const found: Outcome[] = [];
  let script: number[] = [];
  for (let tries = 0; tries < MOST_OUTCOMES; tries++) {
    let probability = 1;
    const widths: number[] = [];
    const choose: Choose = (probabilities) => {
      const depth = widths.length;
      const pick = script[depth] ?? 0;
      script[depth] = pick;
      widths.push(probabilities.length);
      probability *= probabilities[pick] ?? 0;
      return pick;
    };
    plane.reset();
    const connection = plane.connect(packet, { choose, now });
    if (probability > 0) found.push({ probability, connection });
    script = script.slice(0, widths.length);
    while (script.length > 0 && (script.at(-1) as number) + 1 >= (widths[script.length - 1] as number))
      script.pop();
    if (script.length === 0) break;
    script[script.length - 1] = (script.at(-1) as number) + 1;
  }
  plane.reset();
  return found.sort((a, b) => b.probability - a.probability);
}

/** `count` connections, one after the other, `interval` seconds apart, each from a source port of its own. */
export function spread(
  plane: DataPlane,
  packet: Packet,
  count: number,
  random: () => number,
  interval = 0,
): { connections: Connection[]; tally: Tally } {
  const choose = chooser(random);
  const connections: Connection[] = [];
  const tally = new Map<string, number>();
  for (let i = 0; i < count; i++) {
    const sourcePort = 32768 + ((packet.sourcePort - 32768 + i) % 28232);
    const connection = plane.connect({ ...packet, sourcePort }, { choose, now: i * interval });
    connections.push(connection);
    const key = destinationOf(connection);
    tally.set(key, (tally.get(key) ?? 0) + 1);
  }
  return { connections, tally };
}

export function destinationOf({ verdict, destination }: Connection): string {
  if (verdict === "dropped" || verdict === "rejected") return verdict;
  const host = destination.address.includes(":") ? `[${destination.address}]` : destination.address;
  return `${host}:${destination.port}`;
}

/** A tally as text: a line and a bar for each destination, by name. */
export function bars(tally: Tally, width = 40): string {
  const total = [...tally.values()].reduce((sum, count) => sum + count, 0);
  const most = Math.max(1, ...tally.values());
  const name = Math.max(0, ...[...tally.keys()].map(({ length }) => length));
  const digits = String(most).length;
  return [...tally]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, count]) => {
      const share = `${((100 * count) / total).toFixed(1)} %`;
      const bar = "#".repeat(Math.round((width * count) / most));
      return `${key.padEnd(name)}  ${String(count).padStart(digits)}  ${share.padStart(7)}  ${bar}\n`;
    })
    .join("");
}

/** Chance from a source of numbers in [0, 1). */
export function chooser(random: () => number): Choose {
  return (probabilities) => {
    let left = random();
    for (let i = 0; i < probabilities.length - 1; i++) {
      left -= probabilities[i] as number;
      if (left < 0) return i;
    }
    return probabilities.length - 1;
  };
}

/** Numbers in [0, 1) that a seed determines (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
