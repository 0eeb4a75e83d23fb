/** How long the doctor takes for a large cluster, made from a seed: `node netsim/dist/bench/doctor.js [PODS]`. */
import { doctor } from "../src/doctor/doctor.ts";
import { loadObjects } from "../src/model/load.ts";
import { generate } from "./generate.ts";

const pods = Number(process.argv[2] ?? 10_000);
const shape = {
  seed: 1,
  pods,
  policies: Math.ceil(pods / 10),
  namespaces: Math.max(1, Math.ceil(pods / 100)),
};
const objects = generate(shape);

/** Services for every tenth pod's labels, and names of the world outside in some environment. */
for (const object of objects.slice() as {
  kind: string;
  metadata: { name: string; namespace?: string; labels?: Record<string, string> };
  spec?: { containers?: { env?: object[] }[] };
}[]) {
  if (object.kind !== "Pod" || !object.metadata.name.endsWith("0")) continue;
  const { name, namespace, labels } = object.metadata;
  objects.push({
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace },
    spec: { selector: { app: labels?.["app"] ?? "" }, ports: [{ port: 80, targetPort: "http" }] },
  });
  const [container] = object.spec?.containers ?? [];
  if (container !== undefined)
    container.env = [{ name: "API_URL", value: `https://api-${name}.example.com/` }];
}

const begin = performance.now();
const cluster = loadObjects(objects);
const loaded = performance.now();
const { findings, failures, counts } = await doctor(cluster);
const done = performance.now();
const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
const memory = Math.round(process.memoryUsage().rss / 2 ** 20);
process.stdout.write(
  `${pods} pods, ${shape.policies} policies, ${shape.namespaces} namespaces, ${cluster.services.length} Services: loaded in ${seconds(loaded - begin)}, examined in ${seconds(done - loaded)}, ${memory} MiB\n`,
);
process.stdout.write(`${findings.length} findings ${JSON.stringify(counts)}, ${failures.length} failures\n`);
