import type { ClusterIndex } from "../../src/cluster/cluster-index.ts";
import { readQuestion } from "../../src/cluster/question.ts";
import { zoneOf, type Settings } from "../../src/cluster/settings.ts";
import type { Query } from "../../src/dns/query.ts";

const PREFIX = "kubernetes/";
const LABEL = "client-label/";

/** The metadata labels `kubernetes/...`: of the question's name, and (with `pods verified`) of the pod that asks. */
export function createMetadata(
  index: ClusterIndex,
  settings: Settings,
): (query: Query, label: string) => string | undefined {
  const ofClient = (query: Query, what: string): string | undefined => {
    const pod = index.podsAt(query.peer.address)[0];
    if (pod === undefined) return undefined;
    if (what === "client-namespace") return pod.namespace;
    if (what === "client-pod-name") return pod.name;
    return what.startsWith(LABEL) ? pod.labels?.[what.slice(LABEL.length)] : undefined;
  };

  return (query, label) => {
    if (!label.startsWith(PREFIX)) return undefined;
    const what = label.slice(PREFIX.length);
    if (what.startsWith("client-")) return ofClient(query, what);
    const zone = zoneOf(settings.zones, query.name);
    if (zone === undefined) return undefined;
    const multicluster = zoneOf(settings.multicluster, zone) !== undefined;
    const question = readQuestion(query.name, zone, { multicluster, zonal: settings.zonal });
    if (question === undefined) return what === "parse-error" ? "invalid query name" : undefined;
    switch (what) {
      case "kind":
      case "namespace":
      case "service":
      case "endpoint":
      case "protocol":
        return question[what];
      case "port-name":
        return question.port;
      case "cluster":
        return multicluster ? question.cluster : undefined;
      case "zone":
        return settings.zonal ? question.topology : undefined;
    }
    return undefined;
  };
}
