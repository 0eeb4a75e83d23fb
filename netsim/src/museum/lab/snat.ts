/**
 * How netfilter finds a source port for a connection that it masquerades (nf_nat, kernels up to 5.0): the packet's own if the
 * table has no reply tuple with it, else the next free one from a position that all share; with `--random-fully` one by
 * chance. The choice is made before the entry is confirmed: of two that choose the same the second is dropped.
 */
import { conntrackTable, mirror, type ConntrackTable, type Tuple } from "../../conntrack/table.ts";

export interface Snat {
  readonly table: ConntrackTable;
  /** Connections whose first packets pass at one instant, on several CPUs; for each whether its packet came through. */
  together(connections: readonly Tuple[], now: number): boolean[];
}

const FIRST = 1024;
const PORTS = 65_536 - FIRST;

export function snat(node: string, random: (() => number) | undefined): Snat {
  const table = conntrackTable({ max: 262_144 });
  let rover = 0;

  const replyWith = (original: Tuple, port: number): Tuple => ({
    ...mirror(original),
    destination: node,
    destinationPort: port,
  });
  const isFree = (original: Tuple, port: number, now: number): boolean =>
    table.find(replyWith(original, port), now) === undefined;

  /** The port, and where the search went on from the shared position. */
  function choose(original: Tuple, from: number, now: number): { port: number; next: number } | undefined {
    if (random === undefined && isFree(original, original.sourcePort, now))
      return { port: original.sourcePort, next: from };
    const start = random === undefined ? from : Math.floor(random() * PORTS);
    for (let i = 0; i < PORTS; i++) {
      const port = FIRST + ((start + i) % PORTS);
      if (isFree(original, port, now)) return { port, next: (start + i) % PORTS };
    }
    return undefined;
  }

  return {
    table,
    together(connections, now) {
      // All look before any of them is in the table.
      const chosen = connections.map((original) => choose(original, rover, now));
      rover = chosen.findLast((one) => one !== undefined)?.next ?? rover;
      return connections.map((original, i) => {
        const one = chosen[i];
        if (one === undefined || !isFree(original, one.port, now)) return false;
        return table.packet(original, now, "syn", replyWith(original, one.port)) === "new";
      });
    },
  };
}
