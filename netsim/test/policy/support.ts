import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { loadObjects } from "../../src/model/load.ts";
import type { Cluster } from "../../src/model/types.ts";
import { createEngine } from "../../src/policy/engine.ts";
import type { Engine, PolicyOptions } from "../../src/policy/engine.ts";
import type { Endpoint } from "../../src/policy/endpoint.ts";
import type { Direction, Probe } from "../../src/policy/rule.ts";

const find = (dir: string): string =>
  existsSync(join(dir, "test/policy/data")) && existsSync(join(dir, "package.json"))
    ? dir
    : find(dirname(dir));
/** The folder of this test's data, from the sources as from the compiled tree. */
export const DATA = join(find(dirname(fileURLToPath(import.meta.url))), "test/policy/data");

export const json = <T>(path: string): T => JSON.parse(readFileSync(path, "utf8")) as T;
export const lines = <T>(path: string): T[] =>
  readFileSync(path, "utf8")
    .split("\n")
    .filter((l) => l !== "")
    .map((l) => JSON.parse(l) as T);

/** A recorded matrix: rows are sources, columns destinations. */
export interface Recorded {
  readonly ingress: readonly string[];
  readonly egress: readonly string[];
}

const WORDS: Readonly<Record<string, string>> = { ".": "allow", X: "deny", D: "deny", R: "redirect" };

export interface Compared {
  right: number;
  /** The first few that differ, and where `judge` and `matrix` do. */
  wrong: string[];
}

/** Holds both ways of evaluation against recorded matrices. Cells of `-` and the diagonal are not compared. */
export function compare(
  engine: Engine,
  endpoints: readonly Endpoint[],
  recorded: Recorded,
  probe: Probe,
  into: Compared,
): void {
  const matrix = engine.matrix(endpoints);
  const port = matrix.port(probe);
  for (const direction of ["ingress", "egress"] as const) {
    for (const [i, row] of recorded[direction].entries()) {
      for (const [j, cell] of [...row].entries()) {
        const want = WORDS[cell];
        if (i === j || want === undefined) continue;
        const bits = port.side(
          direction,
          matrix.classes.classOf[i] as number,
          matrix.classes.classOf[j] as number,
        );
        const single = oneSide(engine, direction, endpoints[i] as Endpoint, endpoints[j] as Endpoint, probe);
        if (bits === want && single === want) into.right++;
        else if (into.wrong.length < 5) {
          into.wrong.push(
            `${endpoints[i]?.id} -> ${endpoints[j]?.id} ${probe.port}/${probe.protocol} ${direction}: ${bits}, ${single}, not ${want}`,
          );
        }
      }
    }
  }
}

export function oneSide(
  engine: Engine,
  direction: Direction,
  from: Endpoint,
  to: Endpoint,
  probe: Probe,
): string {
  const [subject, peer] = direction === "ingress" ? [to, from] : [from, to];
  return engine.judge.side(subject, peer, probe, direction).action;
}

/** Pods, then nodes, by the names that a recording gives them; other names are addresses. */
export function endpointsNamed(
  engine: Engine,
  names: readonly string[],
  addresses: Readonly<Record<string, string>>,
): Endpoint[] {
  const { cluster, endpoints } = engine;
  const pods = new Map(
    cluster.pods.map((p) => [`${p.metadata.namespace}/${p.metadata.name}`, endpoints.pod(p)]),
  );
  const nodes = new Map(cluster.nodes.map((n) => [n.metadata.name, endpoints.node(n)]));
  return names.map(
    (name) => (pods.get(name) ?? nodes.get(name) ?? endpoints.external(addresses[name] ?? name)) as Endpoint,
  );
}

/** An engine over a base of objects and more of them. */
export function engineOf(
  objects: readonly object[],
  options: PolicyOptions = {},
): Engine & { readonly cluster: Cluster } {
  return createEngine(loadObjects(objects), options);
}
