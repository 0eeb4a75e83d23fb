/** All policies of a cluster, compiled, and the questions that can be asked of them. */
import type { Cluster, Problem } from "../model/types.ts";
import { adminLayer, baselineLayer } from "./admin.ts";
import { calicoLayers } from "./calico/compile.ts";
import { ciliumLayer } from "./cilium/compile.ts";
import { identityKey } from "./cilium/identity.ts";
import type { CiliumOptions } from "./cilium/peers.ts";
import { endpointsOf } from "./endpoint.ts";
import type { Endpoint, Endpoints } from "./endpoint.ts";
import { createJudge } from "./judge.ts";
import type { Judge, Side } from "./judge.ts";
import { networkPolicyLayer, ownNodeLayer } from "./kubernetes.ts";
import { createMatrix } from "./matrix.ts";
import type { Matrix } from "./matrix.ts";
import { isWorkload } from "./peers.ts";
import type { Action, Probe } from "./rule.ts";

/** Who enforces: it decides how kinds act together (Cilium's ipBlock selects no pods, Calico has an order of its own). */
export type Enforcer = "kubernetes" | "cilium" | "calico";

export interface PolicyOptions {
  /** By default the one whose policies there are. */
  readonly enforcer?: Enforcer;
  readonly cilium?: CiliumOptions;
}

export interface Verdict {
  readonly egress: Side;
  readonly ingress: Side;
  /** Deny when either end denies, redirect when either sends it through a proxy. */
  readonly verdict: Action;
}

export interface Engine {
  readonly cluster: Cluster;
  readonly enforcer: Enforcer;
  readonly endpoints: Endpoints;
  readonly judge: Judge;
  /** What the policy engine itself would refuse, beyond what the API server does. */
  readonly problems: readonly Problem[];
  connect(from: Endpoint, to: Endpoint, probe: Probe): Verdict;
  matrix(endpoints: readonly Endpoint[]): Matrix;
}

export function createEngine(cluster: Cluster, options: PolicyOptions = {}): Engine {
  const enforcer = options.enforcer ?? enforcerOf(cluster);
  const endpoints = endpointsOf(cluster);
  const { judge, problems } = compile(cluster, enforcer, endpoints, options);
  return {
    cluster,
    enforcer,
    endpoints,
    judge,
    problems,
    connect: (from, to, probe) => connect(judge, from, to, probe),
    matrix: (list) => createMatrix(judge, list),
  };
}

function compile(
  cluster: Cluster,
  enforcer: Enforcer,
  endpoints: Endpoints,
  options: PolicyOptions,
): Compiled {
  if (enforcer === "cilium") return cilium(cluster, endpoints, options.cilium);
  return enforcer === "calico" ? calico(cluster) : kubernetes(cluster);
}

/** Where there are policies of both, Cilium's count; Calico's are said to be left out (caveats.ts). */
function enforcerOf(cluster: Cluster): Enforcer {
  if (cluster.ciliumPolicies.length > 0) return "cilium";
  return cluster.calicoPolicies.length > 0 ? "calico" : "kubernetes";
}

interface Compiled {
  readonly judge: Judge;
  readonly problems: readonly Problem[];
}

function kubernetes(cluster: Cluster): Compiled {
  const layers = [
    ownNodeLayer("own node", ["ingress", "egress"]),
    adminLayer(cluster),
    networkPolicyLayer(cluster.networkPolicies),
    baselineLayer(cluster),
  ];
  return { judge: createJudge(layers), problems: [] };
}

function calico(cluster: Cluster): Compiled {
  const { layers, problems } = calicoLayers(cluster);
  return { judge: createJudge(layers), problems };
}

function cilium(cluster: Cluster, endpoints: Endpoints, options: CiliumOptions = {}): Compiled {
  const { layer, problems } = ciliumLayer(cluster, options);
  const hosts = options.hostFirewall === true && options.enforcement !== "never";
  const enforces = (e: Endpoint) => isWorkload(e) || (hosts && e.kind === "node");
  const ports = identityPorts(cluster, endpoints);
  return {
    judge: createJudge([adminLayer(cluster), layer, baselineLayer(cluster)], enforces, ports),
    problems,
  };
}

/** An identity's named ports are those of all its pods: that is how the agent looks them up for egress. */
function identityPorts(cluster: Cluster, endpoints: Endpoints): (e: Endpoint) => Endpoint["ports"] {
  let byIdentity: Map<string, Endpoint["ports"]> | undefined;
  return (e) => {
    if (!isWorkload(e)) return e.ports;
    if (byIdentity === undefined) {
      byIdentity = new Map();
      for (const pod of cluster.pods) {
        const endpoint = endpoints.pod(pod);
        if (endpoint === undefined || !isWorkload(endpoint)) continue;
        const key = identityKey(endpoint);
        byIdentity.set(key, [...(byIdentity.get(key) ?? []), ...endpoint.ports]);
      }
    }
    return byIdentity.get(identityKey(e)) ?? e.ports;
  };
}

function connect(judge: Judge, from: Endpoint, to: Endpoint, probe: Probe): Verdict {
  const egress = judge.side(from, to, probe, "egress");
  const ingress = judge.side(to, from, probe, "ingress");
  const actions = [egress.action, ingress.action];
  const verdict = actions.includes("deny") ? "deny" : actions.includes("redirect") ? "redirect" : "allow";
  return { egress, ingress, verdict };
}
