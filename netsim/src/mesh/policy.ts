/** Policy in a mesh: each cluster's own, of pods that other clusters have, too. */
import type { CiliumNetworkPolicy, CiliumRule, CiliumSpec, Cluster, LabelSelector } from "../model/types.ts";
import { CLUSTER, CLUSTER_NAME, parseKey } from "../policy/cilium/identity.ts";
import { createEngine, type Engine, type Enforcer } from "../policy/engine.ts";
import type { Endpoint } from "../policy/endpoint.ts";
import { isWorkload } from "../policy/peers.ts";
import type { MeshCluster } from "./types.ts";

/**
 * Selectors by which Cilium's policies name clusters (`io.cilium.k8s.policy.cluster`) are written with this cluster's own name;
 * the engine knows its pods as those of the cluster "default". Where policies mean any cluster unless they name one
 * (`policy-default-local-cluster: false`), that is said in every selector.
 */
export function meshPolicies({ name, config }: MeshCluster, cluster: Cluster): Cluster {
  const ownName = (value: string): string => (value === name ? CLUSTER_NAME : value);
  const isCluster = (key: string): boolean => parseKey(key).key === CLUSTER;
  const rename = (selector: LabelSelector): LabelSelector => {
    const { matchLabels = {}, matchExpressions = [] } = selector;
    const labels = Object.entries(matchLabels).map(([key, value]) => [
      key,
      isCluster(key) ? ownName(value) : value,
    ]);
    const expressions = matchExpressions.map((e) =>
      isCluster(e.key) && e.values !== undefined ? { ...e, values: e.values.map(ownName) } : e,
    );
    const named = Object.keys(matchLabels).some(isCluster) || matchExpressions.some((e) => isCluster(e.key));
    const any = named || config.policyLocal ? [] : [{ key: `k8s:${CLUSTER}`, operator: "Exists" as const }];
    return {
      ...selector,
      matchLabels: Object.fromEntries(labels),
      matchExpressions: [...expressions, ...any],
    };
  };
  const rule = (r: CiliumRule): CiliumRule => ({
    ...r,
    ...(r.fromEndpoints && { fromEndpoints: r.fromEndpoints.map(rename) }),
    ...(r.toEndpoints && { toEndpoints: r.toEndpoints.map(rename) }),
  });
  const spec = (s: CiliumSpec): CiliumSpec => ({
    ...s,
    ...(s.ingress && { ingress: s.ingress.map(rule) }),
    ...(s.ingressDeny && { ingressDeny: s.ingressDeny.map(rule) }),
    ...(s.egress && { egress: s.egress.map(rule) }),
    ...(s.egressDeny && { egressDeny: s.egressDeny.map(rule) }),
  });
  const policies = cluster.ciliumPolicies.map((p): CiliumNetworkPolicy => ({
    ...p,
    ...(p.spec !== undefined && { spec: spec(p.spec) }),
    ...(p.specs !== undefined && { specs: p.specs.map(spec) }),
  }));
  return { ...cluster, ciliumPolicies: policies };
}

/** Cilium enforces in a mesh; where there is no sign of it, who it is by the cluster's policies. */
export function meshEngine(home: MeshCluster, cluster: Cluster): Engine {
  const enforcer: { enforcer: Enforcer } | undefined =
    home.config.object === undefined ? undefined : { enforcer: "cilium" };
  return createEngine(meshPolicies(home, cluster), enforcer ?? {});
}

/** An end of another cluster as this one's policies know it: by its labels under Cilium, else as an address. */
export function seenFrom(engine: Engine, end: Endpoint, home: MeshCluster): Endpoint {
  const marked = { ...end, id: `${home.name}:${end.id}`, cluster: home.name };
  if (engine.enforcer === "cilium" || !isWorkload(end)) return marked;
  const { address, id } = marked;
  return { ...(engine.endpoints.external(address.text) ?? marked), id };
}
