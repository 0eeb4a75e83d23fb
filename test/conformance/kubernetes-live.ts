/** Plays the recorded changes of a live cluster to our server, whatever the cluster's source: `kubernetes-live.jsonl`. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import yaml from "js-yaml";
import type { Test } from "tap";
import { createServer } from "../../src/api/create-server.ts";
import type { Manifest } from "../support/apiserver-load.ts";
import { root } from "../support/paths.ts";
import { ask } from "./ask.ts";
import type { Comparison, QuerySpec, Recorded } from "./case.ts";
import { differences } from "./compare.ts";
import { freePorts } from "./scenario.ts";

const data = join(root, "test/conformance/data");

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

/** What a step does to the cluster. */
export interface Cluster {
  /** The two words of the Corefile that name it, such as `manifests` and a directory. */
  readonly source: string;
  readonly path: string;
  apply(object: Manifest): Promise<void> | void;
  remove(object: Manifest): Promise<void> | void;
  /** Takes a namespace away that was deleted and still ends. */
  finalize(namespace: string): Promise<void> | void;
}

export async function playLive(t: Test, cluster: Cluster): Promise<void> {
  const [port, http] = (await freePorts(2)) as [number, number];
  const server = createServer({
    file: join(data, "kubernetes-live.Corefile"),
    env: {
      PORT: String(port),
      HTTP_PORT: String(http),
      KUBE_SOURCE: cluster.source,
      KUBE_PATH: cluster.path,
    },
  });
  t.teardown(() => server.close());
  await server.listen();
  const serial = async (): Promise<number> =>
    Number((await ask({ name: "cluster.local.", type: "SOA" }, port, false)).answer![0]!.split(" ")[6]);
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
      await cluster.apply(yaml.load(step.apply) as Manifest);
    } else if (step.delete !== undefined) {
      await cluster.remove(named(step.delete));
    } else if (step.finalize !== undefined) {
      await cluster.finalize(step.finalize.split(" ")[1]!);
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
}

/** `KIND NAMESPACE/NAME` */
function named(text: string): Manifest {
  const [kind, where] = text.split(" ") as [string, string];
  const [namespace, name] = where.includes("/") ? where.split("/") : [undefined, where];
  return {
    apiVersion: kind === "EndpointSlice" ? "discovery.k8s.io/v1" : "v1",
    kind,
    metadata: { name: name!, ...(namespace === undefined ? {} : { namespace }) },
  };
}
