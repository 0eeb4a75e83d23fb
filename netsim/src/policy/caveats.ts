/**
 * Policies that netsim reads but does not judge by, and whom they could touch. A verdict says so, rather than pass for
 * the whole truth.
 */
import { groupOf } from "../model/kinds.ts";
import { lineOf, objectName } from "../model/source.ts";
import type { AdminPeer, Cluster, KubeObject, OtherObject } from "../model/types.ts";
import type { Endpoint } from "./endpoint.ts";
import type { Enforcer } from "./engine.ts";

/** Something not evaluated; `touches` says whether it could change what happens at this end. */
export interface Caveat {
  readonly object: KubeObject;
  readonly text: string;
  touches(end: Endpoint): boolean;
}

/** Kinds that allow or deny connections and are not compiled, by group. */
const UNJUDGED: Readonly<Record<string, readonly string[]>> = {
  "security.istio.io": ["AuthorizationPolicy", "PeerAuthentication"],
  "policy.linkerd.io": ["AuthorizationPolicy", "Server", "ServerAuthorization"],
  "crd.antrea.io": ["NetworkPolicy", "ClusterNetworkPolicy"],
  "k8s.ovn.org": ["EgressFirewall", "AdminPolicyBasedExternalRoute"],
  "k8s.cni.cncf.io": ["MultiNetworkPolicy"],
  "networking.gke.io": ["FQDNNetworkPolicy"],
};

const unjudged = (o: OtherObject): boolean => UNJUDGED[groupOf(o.apiVersion)]?.includes(o.kind) === true;

const HOME = "istio-system";

function scope(object: KubeObject): (end: Endpoint) => boolean {
  const { namespace } = object.metadata;
  const wide = namespace === "" || namespace === HOME;
  return (end) => end.kind === "pod" && (wide || end.namespace === namespace);
}

const caveat = (object: KubeObject, why: string, touches = scope(object)): Caveat => {
  const { file, line } = object.source;
  return { object, text: `${objectName(object)} (${file}:${line}) ${why}`, touches };
};

const hasDomains = (peers: readonly AdminPeer[] | undefined): boolean =>
  (peers ?? []).some((p) => p.domainNames !== undefined);

function adminCaveats(cluster: Cluster): Caveat[] {
  return [...cluster.anps, ...cluster.clusterNetworkPolicies].flatMap((p) => {
    const index = (p.spec.egress ?? []).findIndex((r) => hasDomains(r.to));
    if (index < 0) return [];
    const why = `names domains in line ${lineOf(p.source, ["spec", "egress", index])}, which are not evaluated`;
    return [caveat(p, why)];
  });
}

function calicoCaveats(cluster: Cluster): Caveat[] {
  return cluster.calicoPolicies.flatMap((p) => {
    const { ingress = [], egress = [], doNotTrack, preDNAT } = p.spec;
    if (doNotTrack === true || preDNAT === true)
      return [caveat(p, "is about host endpoints, which are not evaluated", (e) => e.onHost)];
    const rules = [...ingress, ...egress];
    if (rules.some((r) => r.http !== undefined))
      return [caveat(p, "has HTTP rules, which are not evaluated")];
    if (rules.some((r) => (r.source?.ports ?? []).length > 0))
      return [caveat(p, "has source ports, which are not evaluated")];
    return rules.some((r) => (r.destination?.domains ?? []).length > 0)
      ? [caveat(p, "names domains, which are not evaluated")]
      : [];
  });
}

function ciliumCaveats(cluster: Cluster): Caveat[] {
  return cluster.ciliumPolicies.flatMap((p) => {
    const rules = [p.spec, ...(p.specs ?? [])].flatMap((s) => [...(s?.ingress ?? []), ...(s?.egress ?? [])]);
    const groups = rules.some((r) => (r.fromGroups ?? r.toGroups ?? []).length > 0);
    return groups ? [caveat(p, "names cloud groups, which are not evaluated")] : [];
  });
}

/** What of this cluster is not evaluated, given who enforces its policies. */
export function caveatsOf(cluster: Cluster, enforcer: Enforcer): readonly Caveat[] {
  const kinds = [...cluster.others.values()]
    .flat()
    .filter(unjudged)
    .map((o) => caveat(o, "is not evaluated"));
  const foreign =
    enforcer === "calico"
      ? []
      : cluster.calicoPolicies.map((p) => caveat(p, `is not evaluated beside ${enforcer}'s`));
  const absent =
    enforcer === "cilium"
      ? []
      : cluster.ciliumPolicies.map((p) => caveat(p, `is not evaluated by ${enforcer}`));
  return [
    ...kinds,
    ...foreign,
    ...absent,
    ...adminCaveats(cluster),
    ...(enforcer === "calico" ? calicoCaveats(cluster) : []),
    ...(enforcer === "cilium" ? ciliumCaveats(cluster) : []),
  ];
}
