/** All policies of a cluster, compiled, and the questions that can be asked of them. */
import type { Cluster, Problem } from "../model/types.ts";
import { adminLayer, baselineLayer } from "./admin.ts";
import { endpointsOf } from "./endpoint.ts";
import type { Endpoint, Endpoints } from "./endpoint.ts";
import { createJudge } from "./judge.ts";
import type { Judge, Side } from "./judge.ts";
import { networkPolicyLayer, ownNodeLayer } from "./kubernetes.ts";
import { createMatrix } from "./matrix.ts";
import type { Matrix } from "./matrix.ts";
import type { Action, Probe } from "./rule.ts";

export interface Verdict {
  readonly egress: Side;
  readonly ingress: Side;
  /** Deny when either end denies, redirect when either sends it through a proxy. */
  readonly verdict: Action;
}

export interface Engine {
  readonly cluster: Cluster;
  readonly endpoints: Endpoints;
  readonly judge: Judge;
  /** What the policy engine itself would refuse, beyond what the API server does. */
  readonly problems: readonly Problem[];
  connect(from: Endpoint, to: Endpoint, probe: Probe): Verdict;
  matrix(endpoints: readonly Endpoint[]): Matrix;
}

export function createEngine(cluster: Cluster): Engine {
  const layers = [
    ownNodeLayer("own node", ["ingress", "egress"]),
    adminLayer(cluster),
    networkPolicyLayer(cluster.networkPolicies),
    baselineLayer(cluster),
  ];
  const judge = createJudge(layers);
  return {
    cluster,
    endpoints: endpointsOf(cluster),
    judge,
    problems: [],
    connect: (from, to, probe) => connect(judge, from, to, probe),
    matrix: (endpoints) => createMatrix(judge, endpoints),
  };
}

function connect(judge: Judge, from: Endpoint, to: Endpoint, probe: Probe): Verdict {
  const egress = judge.side(from, to, probe, "egress");
  const ingress = judge.side(to, from, probe, "ingress");
  const actions = [egress.action, ingress.action];
  const verdict = actions.includes("deny") ? "deny" : actions.includes("redirect") ? "redirect" : "allow";
  return { egress, ingress, verdict };
}
