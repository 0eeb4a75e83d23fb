/** Several clusters as one mesh. */
import type { Cluster } from "../model/types.ts";
import { configText } from "../trace/settings.ts";
import { datapathFindings, identityFindings, readConfig } from "./config.ts";
import { deriveImports, type Imports } from "./imports.ts";
import { overlapFindings } from "./ranges.ts";
import { meshServices, type MeshService } from "./services.ts";
import { finding, placeIn, type Finding, type MeshCluster } from "./types.ts";
import { CLUSTERSET } from "./view.ts";

export interface Mesh {
  readonly clusters: readonly MeshCluster[];
  /** Services that one of the clusters calls global. */
  readonly services: readonly MeshService[];
  readonly imports: Imports["imports"];
  readonly statuses: Imports["statuses"];
  /** What is wrong, errors first. */
  readonly findings: readonly Finding[];
}

/** A cluster as part of a mesh. `invented`: address ranges in it that nobody wrote down. */
export const meshCluster = (
  name: string,
  cluster: Cluster,
  invented: ReadonlySet<string> = new Set(),
): MeshCluster => ({ name, cluster, config: readConfig(cluster), invented });

const RANK = { error: 0, warning: 1, info: 2 } as const;

export function createMesh(clusters: readonly MeshCluster[]): Mesh {
  const services = meshServices(clusters);
  const { imports, statuses, findings } = deriveImports(clusters);
  const all = [
    ...identityFindings(clusters),
    ...overlapFindings(clusters),
    ...datapathFindings(clusters),
    ...services.flatMap((s) => s.findings),
    ...findings,
    ...(imports.length === 0 ? [] : corefileFindings(clusters)),
  ];
  return {
    clusters,
    services,
    imports,
    statuses,
    findings: all.sort((a, b) => RANK[a.severity] - RANK[b.severity]),
  };
}

/** A cluster that brings its own Corefile must serve the imports itself. */
function corefileFindings(clusters: readonly MeshCluster[]): Finding[] {
  return clusters.flatMap((one) => {
    const text = configText(one.cluster, "coredns", "Corefile");
    if (text === undefined || /^\s*multicluster\s/m.test(text)) return [];
    const map = (one.cluster.others.get("ConfigMap") ?? []).find((m) => m.metadata.name === "coredns");
    return [
      finding(
        "error",
        "no-clusterset-zone",
        `the Corefile of ${one.name} has no multicluster zone: names of ${CLUSTERSET} do not exist there`,
        [placeIn(one, map, ["data", "Corefile"])],
        `kubernetes cluster.local ${CLUSTERSET} ... { multicluster ${CLUSTERSET} }`,
      ),
    ];
  });
}
