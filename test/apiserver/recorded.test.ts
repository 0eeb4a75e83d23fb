/** What was recorded of CoreDNS on a real API server, with ours on one: the k8s scenarios, and changes as they happen. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import yaml from "js-yaml";
import t from "tap";
import { createServer } from "../../src/index.ts";
import { ask } from "../conformance/ask.ts";
import type { Comparison, QuerySpec, Recorded } from "../conformance/case.ts";
import { differences } from "../conformance/compare.ts";
import {
  freePorts,
  hasOwnCluster,
  missingPlugins,
  runScenario,
  scenarioNames,
} from "../conformance/scenario.ts";
import { noApiServer, startApiServer } from "../support/apiserver.ts";
import { apply, load, remove, type Manifest } from "../support/apiserver-load.ts";
import { fixtureCluster } from "../support/fixture-cluster.ts";
import { root } from "../support/paths.ts";

const data = join(root, "test/conformance/data");

t.test("the k8s scenarios with the API server", { skip: noApiServer, timeout: 300_000 }, async (t) => {
  t.setTimeout(300_000);
  const api = await startApiServer();
  t.teardown(() => api.close());
  await load(api, fixtureCluster());
  for (const name of scenarioNames()) {
    if (!/^(k8s-|kubeadm|pods-|fallthrough-|autopath-)/.test(name)) continue;
    // These hold what no API server takes, or want none at all.
    if (hasOwnCluster(name) || name.startsWith("k8s-api-unreachable")) continue;
    const missing = missingPlugins(name);
    await t.test(
      name,
      missing.length === 0 ? {} : { skip: `not built yet: ${missing.join(", ")}` },
      async (t) => {
        for (const outcome of await runScenario(name, "kubeconfig", api.kubeconfig))
          t.same(outcome.differences, [], outcome.id);
      },
    );
  }
});

interface Step {
  readonly apply?: string;
  readonly delete?: string;
  readonly finalize?: string;
  readonly assert?: string;
  readonly query?: QuerySpec;
  readonly within_ms?: number;
  readonly r?: Recorded;
  readonly compare?: Comparison;
  readonly note?: string;
}

t.test(
  "changes as they happen",
  {
    skip: noApiServer || (missingPlugins("k8s-external").length > 0 && "k8s_external is not built yet"),
    timeout: 120_000,
  },
  async (t) => {
    t.setTimeout(120_000);
    const api = await startApiServer();
    t.teardown(() => api.close());
    const [port, http] = (await freePorts(2)) as [number, number];
    const server = createServer({
      file: join(data, "kubernetes-live.Corefile"),
      env: {
        PORT: String(port),
        HTTP_PORT: String(http),
        KUBE_SOURCE: "kubeconfig",
        KUBE_PATH: api.kubeconfig,
      },
    });
    t.teardown(() => server.close());
    await server.listen();
    const serial = async (): Promise<number> =>
      Number((await ask({ name: "cluster.local.", type: "SOA" }, port, false)).answer![0]!.split(" ")[6]);
    const named = (text: string): Manifest => {
      const [kind, where] = text.split(" ") as [string, string];
      const [namespace, name] = where.includes("/") ? where.split("/") : [undefined, where];
      const apiVersion = kind === "EndpointSlice" ? "discovery.k8s.io/v1" : "v1";
      return {
        apiVersion,
        kind,
        metadata: { name: name!, ...(namespace === undefined ? {} : { namespace }) },
      };
    };
    let before = await serial();
    await sleep(1100);
    const steps = readFileSync(join(data, "kubernetes-live.jsonl"), "utf8")
      .split("\n")
      .filter((line) => line !== "");
    for (const step of steps.map((line) => JSON.parse(line) as Step)) {
      if (step.apply !== undefined) {
        if (step.note?.includes("annotation") === true) {
          before = await serial();
          await sleep(1100);
        }
        await apply(api, yaml.load(step.apply) as Manifest);
      } else if (step.delete !== undefined) {
        await remove(api, named(step.delete));
      } else if (step.finalize !== undefined) {
        const path = `/api/v1/namespaces/${step.finalize.split(" ")[1]}`;
        const { body } = await api.request("GET", path);
        await api.request("PUT", `${path}/finalize`, { ...body, spec: { ...body.spec, finalizers: [] } });
      } else if (step.assert !== undefined) {
        await sleep(300);
        const now = await serial();
        t.ok(step.assert.includes("has grown") ? now > before : now === before, step.assert);
        before = now;
      } else {
        const begin = performance.now();
        let wrong: string[];
        do {
          wrong = differences(step.r!, await ask(step.query!, port, false), step.compare ?? {});
        } while (wrong.length > 0 && performance.now() - begin < step.within_ms!);
        t.same(wrong, [], `${step.query!.name} ${step.query!.type} ${step.note ?? ""}`);
      }
    }
  },
);
