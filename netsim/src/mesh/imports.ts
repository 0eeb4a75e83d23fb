/** The ServiceImports that a controller makes of the clusters' exports, and the conditions that it writes on these. */
import { sha256 } from "@noble/hashes/sha2.js";
import { utf8ToBytes } from "@noble/hashes/utils.js";
import type { OtherObject } from "../model/types.ts";
import { merge, type Merged } from "./conflicts.ts";
import { readExports, type Condition, type Export } from "./exports.ts";
import { backendsOf, type Backend } from "./services.ts";
import { finding, placeIn, type Finding, type MeshCluster } from "./types.ts";

export const MCS_SERVICE = "multicluster.kubernetes.io/service-name";
export const MCS_CLUSTER = "multicluster.kubernetes.io/source-cluster";
const SYNC = "service.cilium.io/global-sync-endpoint-slices";

export interface Import {
  readonly namespace: string;
  readonly name: string;
  /** The Service that stands for it in every importing cluster. */
  readonly derivedName: string;
  readonly exports: readonly Export[];
  readonly merged: Merged;
  /** Clusters that have the namespace: only these import (namespace sameness). */
  readonly importers: readonly MeshCluster[];
  readonly backends: readonly Backend[];
}

export interface ExportStatus {
  readonly home: MeshCluster;
  readonly object: OtherObject;
  readonly conditions: readonly Condition[];
}

export interface Imports {
  readonly imports: readonly Import[];
  readonly statuses: readonly ExportStatus[];
  readonly findings: readonly Finding[];
}

const READY: readonly Condition[] = [
  { type: "Valid", status: "True", reason: "Valid", message: "ServiceExport is valid" },
  { type: "Ready", status: "True", reason: "Ready", message: "ServiceExport is ready" },
];

const LETTERS = "0123456789abcdefghijklmnopqrstuv";

/** `derived-` and ten letters of the base32hex form of SHA-256 of `namespace/name`, as the API's own code names it. */
export function derivedName(namespace: string, name: string): string {
  const digest = sha256(utf8ToBytes(`${namespace}/${name}`));
  const bits = [...digest].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  const letters = Array.from({ length: 10 }, (_, i) => LETTERS[parseInt(bits.slice(i * 5, i * 5 + 5), 2)]);
  return `derived-${letters.join("")}`;
}

export function deriveImports(clusters: readonly MeshCluster[]): Imports {
  const { exports, rejected } = readExports(clusters);
  const findings: Finding[] = rejected.map(({ home, object, conditions }) =>
    finding(
      "error",
      "export-invalid",
      `ServiceExport ${object.metadata.namespace}/${object.metadata.name} of ${home.name}: ${conditions[0]?.message ?? ""}`,
      [placeIn(home, object)],
      "an export has the name and namespace of the Service that it exports",
    ),
  );
  const imports = [...exports].map(([key, list]): Import => {
    const [namespace = "", name = ""] = key.split("/");
    const merged = merge(list);
    const importers = clusters.filter(({ cluster }) =>
      cluster.namespaces.some((n) => n.metadata.name === namespace),
    );
    const { conflict } = merged;
    if (conflict.status === "True")
      findings.push(
        finding(
          "warning",
          "export-conflict",
          `${key}: ${conflict.message}`,
          list.map((e) => placeIn(e.home, e.service, ["spec"])),
          "export the same Service everywhere",
        ),
      );
    for (const home of clusters.filter((c) => !importers.includes(c)))
      findings.push(
        finding(
          "info",
          "no-namespace",
          `${key} is not imported into ${home.name}: it has no namespace ${namespace}`,
          [placeIn(home)],
          `create the namespace in ${home.name}`,
        ),
      );
    return {
      namespace,
      name,
      derivedName: derivedName(namespace, name),
      exports: list,
      merged,
      importers,
      backends: list.flatMap((e) => exportedBackends(e, merged)),
    };
  });
  const statuses = [
    ...imports.flatMap(({ exports: list, merged }) =>
      list.map(({ home, object }) => ({ home, object, conditions: [...READY, merged.conflict] })),
    ),
    ...rejected,
  ];
  return { imports, statuses, findings };
}

/** Endpoints of an export, without the ports on which it was overruled. */
function exportedBackends({ home, service }: Export, { ports, families }: Merged): Backend[] {
  const kept = service.spec.ports.filter((p) => {
    const merged = ports.find((m) => m.name === p.name);
    return merged !== undefined && merged.port === p.port && merged.protocol === p.protocol;
  });
  return backendsOf(home, service)
    .filter(({ slice }) => families.length === 0 || families.some((f) => f === slice.addressType))
    .map((backend) => ({
      ...backend,
      ports: backend.ports.filter((p) => kept.some((k) => (k.name ?? "") === (p.name ?? ""))),
    }));
}

/** Whether EndpointSlices of the other clusters are written: of headless ones, unless the oldest export says otherwise. */
export function isSynced({ exports }: Import): boolean {
  const [oldest] = exports;
  const sync = oldest?.annotations[SYNC];
  return sync === undefined ? oldest?.type === "Headless" : sync.toLowerCase() === "true";
}

/** The object as the cluster that imports it has it; `ips` are the derived Service's own. */
export function importObject(one: Import, ips: readonly string[]): object {
  const { namespace, name, exports, merged } = one;
  const [oldest] = exports;
  const { spec } = oldest!.service;
  const headless = oldest!.type === "Headless";
  const annotations = {
    ...oldest!.annotations,
    "multicluster.kubernetes.io/derived-service": one.derivedName,
  };
  return {
    apiVersion: oldest!.object.apiVersion,
    kind: "ServiceImport",
    metadata: { name, namespace, labels: oldest!.labels, annotations },
    spec: {
      type: oldest!.type,
      ports: merged.ports,
      ...(!headless && { ips }),
      sessionAffinity: spec.sessionAffinity,
      ...(spec.sessionAffinityConfig !== undefined && { sessionAffinityConfig: spec.sessionAffinityConfig }),
      ...(merged.families.length > 0 && { ipFamilies: merged.families }),
      internalTrafficPolicy: spec.internalTrafficPolicy,
      ...(spec.trafficDistribution !== undefined && { trafficDistribution: spec.trafficDistribution }),
    },
    status: {
      clusters: exports
        .map(({ home }) => home.name)
        .sort()
        .map((cluster) => ({ cluster })),
      endpointSliceObjects: isSynced(one) ? "Present" : "Absent",
      conditions: [{ type: "Ready", status: "True", reason: "Ready", message: "ServiceImport is ready" }],
    },
  };
}
