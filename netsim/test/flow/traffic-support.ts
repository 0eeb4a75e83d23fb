import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createFlowObserver } from "../../src/flow/observe.ts";
import { readArguments } from "../../src/flow/arguments.ts";
import { simulate } from "../../src/flow/traffic/simulate.ts";
import { readWorkload } from "../../src/flow/traffic/workload.ts";
import type { Flow, FlowsResponse } from "../../src/flow/types.ts";
import { loadText } from "../../src/model/load.ts";
import { PACKAGE } from "./support.ts";

export const example = (name: string): string => readFileSync(join(PACKAGE, "examples/flows", name), "utf8");
export const MANIFESTS = `${example("prod.yaml")}\n---\n${example("policy.yaml")}`;

export async function responses(traffic: string, manifests = MANIFESTS): Promise<FlowsResponse[]> {
  const out: FlowsResponse[] = [];
  for await (const batch of simulate(loadText(manifests, "k8s.yaml"), readWorkload(traffic, "traffic.yaml")))
    out.push(...batch.responses);
  return out;
}

export const flows = async (traffic: string, manifests?: string): Promise<Flow[]> =>
  (await responses(traffic, manifests)).map((r) => r.flow!);

/** As `netsim observe` prints them with these options. */
export async function shown(traffic: string, args: string, manifests?: string): Promise<string> {
  const observer = createFlowObserver(readArguments(args.split(" "), 0n), false);
  const lines = (await responses(traffic, manifests)).map((r) => observer.take(r).out);
  return lines.join("") + observer.caughtUp().out + observer.end();
}

export const one = (more: string): string => `traffic: [{ from: prod/frontend-xxx, ${more} }]`;
