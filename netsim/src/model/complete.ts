/** From the objects that were read to a cluster: what the control plane would have added is filled in. */
import { deriveEndpointSlices } from "./derive-endpoints.ts";
import { MAX_REPLICAS, derivePods } from "./derive-pods.ts";
import { groupOf } from "./kinds.ts";
import type { Slot } from "./kinds.ts";
import type { Draft } from "./reader.ts";
import { familiesOf, stackOf, subnetsOf } from "./stack.ts";
import { lineOf, objectName } from "./source.ts";
import type { Cluster, KubeObject, Namespace, OtherObject } from "./types.ts";

const NAME_LABEL = "kubernetes.io/metadata.name";

/** Every namespace that is used exists, and has its name as a label, as the API server sees to it. */
function completeNamespaces(given: readonly Namespace[], used: Iterable<KubeObject>): Namespace[] {
  const labelled = (n: Namespace): Namespace => {
    const labels = { ...n.metadata.labels, [NAME_LABEL]: n.metadata.name };
    return { ...n, metadata: { ...n.metadata, labels } };
  };
  const all = new Map(given.map((n) => [n.metadata.name, labelled(n)]));
  for (const { metadata, source } of used) {
    const name = metadata.namespace;
    if (name === "" || all.has(name)) continue;
    const meta = { name, namespace: "", labels: { [NAME_LABEL]: name }, annotations: {} };
    all.set(name, { apiVersion: "v1", kind: "Namespace", metadata: meta, source, derived: "its objects" });
  }
  return [...all.values()];
}

export function complete(draft: Draft): Cluster {
  const list = <T extends KubeObject>(slot: Slot): readonly T[] =>
    [...(draft.objects.get(slot)?.values() ?? [])] as T[];
  const namespaced = [
    "pods",
    "workloads",
    "services",
    "endpointSlices",
    "networkPolicies",
    "ciliumPolicies",
    "calicoPolicies",
  ];
  const used = namespaced.flatMap((slot) => list(slot as Slot));
  const workloads = list<Cluster["workloads"][number]>("workloads");
  for (const w of workloads.filter((x) => (x.spec.replicas ?? 1) > MAX_REPLICAS)) {
    const { file } = w.source;
    const message = `asks for ${w.spec.replicas} pods: ${MAX_REPLICAS} are made`;
    const field = "spec.replicas";
    const line = lineOf(w.source, ["spec", "replicas"]);
    draft.problems.push({ severity: "warning", file, line, field, object: objectName(w), message });
  }
  const everyOther = list<OtherObject>("others");
  const others = new Map<string, OtherObject[]>();
  for (const object of everyOther) {
    const same = others.get(object.kind);
    if (same === undefined) others.set(object.kind, [object]);
    else same.push(object);
  }
  const subnets = subnetsOf(others, list("pods"));
  const written = list<Cluster["services"][number]>("services");
  const stack = stackOf(subnets, written, list("nodes"), list("pods"));
  const { nodes, pods } = derivePods(list("nodes"), list("pods"), workloads, {
    stack,
    subnets: subnets.pods,
  });
  const services = written.map((s) =>
    s.spec.type === "ExternalName" ? s : { ...s, spec: { ...s.spec, ipFamilies: familiesOf(s, stack) } },
  );
  const slices = list<Cluster["endpointSlices"][number]>("endpointSlices");
  const cluster: Cluster = {
    namespaces: completeNamespaces(list("namespaces"), used),
    nodes,
    pods,
    workloads,
    services,
    endpointSlices: [
      ...slices,
      ...deriveEndpointSlices(services, slices, pods, nodes, others.get("Endpoints") ?? []),
    ],
    secrets: list("secrets"),
    networkPolicies: list("networkPolicies"),
    anps: list("anps"),
    banps: list("banps"),
    clusterNetworkPolicies: list("clusterNetworkPolicies"),
    ciliumPolicies: list("ciliumPolicies"),
    calicoPolicies: list("calicoPolicies"),
    calicoTiers: list("calicoTiers"),
    calicoNetworkSets: list("calicoNetworkSets"),
    ingresses: (others.get("Ingress") ?? []).filter((o) => groupOf(o.apiVersion) === "networking.k8s.io"),
    gatewayObjects: everyOther.filter((o) =>
      /^gateway\.networking\.x?-?k8s\.io$/.test(groupOf(o.apiVersion)),
    ),
    others,
    problems: draft.problems,
  };
  for (const value of Object.values(cluster)) Object.freeze(value);
  return Object.freeze(cluster);
}
