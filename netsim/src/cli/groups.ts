/** Endpoints in groups (pods, workloads, namespaces), and how much of each group reaches how much of each other. */
import { eachBit } from "../select/bitset.ts";
import type { Endpoint } from "../policy/endpoint.ts";
import type { Matrix } from "../policy/matrix.ts";
import { workloadOf } from "../policy/parties.ts";
import type { Probe } from "../policy/rule.ts";
import { UsageError } from "./usage.ts";

export const GROUPINGS = ["pod", "workload", "namespace"] as const;
export type Grouping = (typeof GROUPINGS)[number];

export function groupName(e: Endpoint, by: Grouping): string {
  if (e.pod === undefined || by === "pod") return e.id;
  return by === "namespace" ? e.namespace : `${e.namespace}/${workloadOf(e.pod)}`;
}

/** How many of the connections from one group to another are open; a connection is two pods and a port. */
export interface Cell {
  open: number;
  total: number;
}

export interface Table {
  readonly names: readonly string[];
  /** Row: from, column: to. */
  cell(from: number, to: number): Cell;
}

const MAX_GROUPS = 2000;

/** Ports of a destination: those given, or those that its containers name. */
export const probesOf = (to: Endpoint, given: readonly Probe[]): readonly Probe[] =>
  given.length > 0 ? given : to.ports.map((p) => ({ port: p.containerPort, protocol: p.protocol }));

export function reachTable(matrix: Matrix, by: Grouping, given: readonly Probe[]): Table {
  const { endpoints, classes } = matrix;
  const ids = new Map<string, number>();
  const groupOf = endpoints.map((e) => {
    const name = groupName(e, by);
    const id = ids.get(name) ?? ids.size;
    ids.set(name, id);
    return id;
  });
  const n = ids.size;
  if (n > MAX_GROUPS)
    throw new UsageError(`${n} rows are too many for a table: use --by workload or --by namespace`);
  // A class's members by group: verdicts are of classes, counts of pods.
  const spread = classes.members.map(() => new Map<number, number>());
  endpoints.forEach((_, i) => {
    const of = spread[classes.classOf[i] as number] as Map<number, number>;
    const group = groupOf[i] as number;
    of.set(group, (of.get(group) ?? 0) + 1);
  });
  const open = new Float64Array(n * n);
  const total = new Float64Array(n * n);
  const add = (into: Float64Array, from: number, to: number, times: number) => {
    for (const [a, x] of spread[from] as Map<number, number>) {
      for (const [b, y] of spread[to] as Map<number, number>)
        into[a * n + b] = (into[a * n + b] as number) + x * y * times;
    }
  };
  const served = new Map<string, { probe: Probe; classes: number[] }>();
  for (const [c, member] of classes.members.entries()) {
    for (const probe of probesOf(member, given)) {
      const key = `${probe.port}/${probe.protocol}`;
      const entry = served.get(key) ?? { probe, classes: [] };
      if (entry.classes[entry.classes.length - 1] !== c) entry.classes.push(c);
      served.set(key, entry);
    }
  }
  for (const { probe, classes: serving } of served.values()) {
    const port = matrix.port(probe);
    const serves = new Set(serving);
    for (let from = 0; from < classes.members.length; from++) {
      for (const to of serving) add(total, from, to, 1);
      for (const to of eachBit(port.reaches(from))) if (serves.has(to)) add(open, from, to, 1);
    }
    // A pod and itself are no connection.
    for (const c of serving) {
      const reflexive = port.verdict(c, c) === "deny" ? 0 : 1;
      for (const [g, count] of spread[c] as Map<number, number>) {
        total[g * n + g] = (total[g * n + g] as number) - count;
        open[g * n + g] = (open[g * n + g] as number) - count * reflexive;
      }
    }
  }
  return {
    names: [...ids.keys()],
    cell: (from, to) => ({ open: open[from * n + to] as number, total: total[from * n + to] as number }),
  };
}
