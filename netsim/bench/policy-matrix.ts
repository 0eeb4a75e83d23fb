/**
 * The full policy matrix of a made-up cluster, over every port that some pod serves:
 * `node netsim/dist/bench/policy-matrix.js [PODS POLICIES NAMESPACES SEED REPEAT]`, by default 10,000 pods, 1,000 policies,
 * 100 namespaces, once. Prints milliseconds of the first and of the best run, and the peak of memory.
 */
import { loadObjects } from "../src/model/load.ts";
import type { Cluster } from "../src/model/types.ts";
import { createEngine } from "../src/policy/engine.ts";
import type { Matrix } from "../src/policy/matrix.ts";
import type { Probe } from "../src/policy/rule.ts";
import { generate } from "./generate.ts";

const [pods = 10_000, policies = 1000, namespaces = 100, seed = 1, repeat = 1] = process.argv
  .slice(2)
  .map(Number);

function portsOf({ endpoints }: Matrix): Probe[] {
  const all = endpoints.flatMap((e) =>
    e.ports.map((p): Probe => ({ port: p.containerPort, protocol: p.protocol })),
  );
  return [...new Map(all.map((p) => [`${p.port}/${p.protocol}`, p])).values()];
}

/** Counts the open ones among all pairs of pods and all ports. */
function openPairs(matrix: Matrix, probes: readonly Probe[]): number {
  const { members, sizes } = matrix.classes;
  let open = 0;
  for (const probe of probes) {
    const port = matrix.port(probe);
    for (let from = 0; from < members.length; from++) {
      const reached = port.reaches(from);
      let pods = 0;
      for (let w = 0; w < reached.length; w++) {
        for (let word = reached[w] as number; word !== 0; word &= word - 1) {
          pods += sizes[w * 32 + 31 - Math.clz32(word & -word)] as number;
        }
      }
      const itself = ((reached[from >>> 5] as number) >>> (from & 31)) & 1;
      open += (sizes[from] as number) * (pods - itself);
    }
  }
  return open;
}

function once(cluster: Cluster) {
  const started = performance.now();
  const engine = createEngine(cluster);
  const matrix = engine.matrix(cluster.pods.flatMap((p) => engine.endpoints.pod(p) ?? []));
  const classified = performance.now();
  const probes = portsOf(matrix);
  const open = openPairs(matrix, probes);
  const done = performance.now();
  const [n, classes] = [matrix.endpoints.length, matrix.classes.members.length];
  const ms = {
    compile: Math.round(classified - started),
    matrix: Math.round(done - classified),
    both: Math.round(done - started),
  };
  return { ms, classes, ports: probes.length, verdicts: n * (n - 1) * probes.length, open };
}

const objects = generate({ seed, pods, policies, namespaces });
const begin = performance.now();
const cluster = loadObjects(objects);
const load = Math.round(performance.now() - begin);
const runs = Array.from({ length: Math.max(1, repeat) }, () => once(cluster));
const { ms: first, ...figures } = runs[0] as ReturnType<typeof once>;
const best = Math.min(...runs.map((r) => r.ms.both));
const peakMiB = Math.round(process.resourceUsage().maxRSS / 1024);
console.log(
  JSON.stringify({
    pods,
    policies,
    namespaces,
    ...figures,
    ms: { load, ...first, best },
    peakMiB,
    problems: cluster.problems.length,
  }),
);
