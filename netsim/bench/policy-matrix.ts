/**
 * The full policy matrix of a made-up cluster: `node netsim/dist/bench/policy-matrix.js [PODS POLICIES NAMESPACES SEED]`,
 * 10,000 pods, 1,000 policies and 100 namespaces by default. Prints times in milliseconds and the peak of memory.
 */
import { loadObjects } from "../src/model/load.ts";
import { createEngine } from "../src/policy/engine.ts";
import { generate } from "./generate.ts";

const [pods = 10_000, policies = 1000, namespaces = 100, seed = 1] = process.argv.slice(2).map(Number);
const objects = generate({ seed, pods, policies, namespaces });

const started = performance.now();
const cluster = loadObjects(objects);
const loaded = performance.now();
const engine = createEngine(cluster);
const endpoints = cluster.pods.flatMap((p) => engine.endpoints.pod(p) ?? []);
const matrix = engine.matrix(endpoints);
const { members, sizes } = matrix.classes;
const classified = performance.now();

const probes = [
  ...new Map(
    endpoints
      .flatMap((e) => e.ports)
      .map((p) => [`${p.containerPort}/${p.protocol}`, { port: p.containerPort, protocol: p.protocol }]),
  ).values(),
];
let open = 0;
let total = 0;
for (const probe of probes) {
  const port = matrix.port(probe);
  for (let from = 0; from < members.length; from++) {
    const reached = port.reaches(from);
    let all = 0;
    for (let w = 0; w < reached.length; w++) {
      for (let word = reached[w] as number; word !== 0; word &= word - 1) {
        all += sizes[w * 32 + 31 - Math.clz32(word & -word)] as number;
      }
    }
    const reflexive = (((reached[from >>> 5] as number) >>> (from & 31)) & 1) === 1 ? 1 : 0;
    open += (sizes[from] as number) * (all - reflexive);
    total += (sizes[from] as number) * (endpoints.length - 1);
  }
}
const done = performance.now();
const ms = (from: number, to: number): number => Math.round(to - from);
const peak = Math.round(process.resourceUsage().maxRSS / 1024);
console.log(
  JSON.stringify({
    pods: endpoints.length,
    policies: cluster.networkPolicies.length,
    namespaces: cluster.namespaces.length,
    classes: members.length,
    ports: probes.length,
    verdicts: total,
    open,
    msLoad: ms(started, loaded),
    msClasses: ms(loaded, classified),
    msMatrix: ms(classified, done),
    msTotal: ms(started, done),
    peakMiB: peak,
    problems: cluster.problems.length,
  }),
);
