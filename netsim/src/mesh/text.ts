/** A mesh for people, and as JSON. */
import type { ExportedPort } from "./exports.ts";
import type { Import } from "./imports.ts";
import type { Mesh } from "./mesh.ts";
import { rangesOf } from "./ranges.ts";
import type { Backend, MeshService, View } from "./services.ts";
import type { Finding, MeshCluster, Place } from "./types.ts";
import { importedBackends, importedObjects } from "./view.ts";

const backendText = ({ home, address, pod, state }: Backend): string =>
  `${home.name}:${pod ?? address}${state === "terminating" ? " (terminating)" : ""}`;

/** What one cluster is. */
function clusterJson(one: MeshCluster) {
  const { name, config, cluster } = one;
  const ranges = rangesOf(one).filter((r) => r.kind !== "nodes");
  return {
    name,
    id: config.id ?? null,
    nodes: cluster.nodes.length,
    pods: cluster.pods.length,
    services: cluster.services.length,
    routing: config.routing ?? null,
    tunnel: config.tunnel ?? null,
    encryption: config.encryption,
    ranges: ranges.map(({ kind, cidr, place }) => ({ kind, cidr, file: place.file, line: place.line })),
  };
}

const backendJson = ({ home, address, ports, pod, state }: Backend) => ({
  cluster: home.name,
  address,
  ports,
  pod,
  state,
});

const viewJson = ({ client, share, reached, why }: View) => ({
  cluster: client.name,
  service: share !== undefined,
  global: share?.sharing.global ?? false,
  shared: share?.sharing.shared ?? false,
  affinity: share?.sharing.affinity ?? "none",
  synced: share?.synced ?? false,
  reached: reached.map(backendJson),
  why,
});

export function meshJson(mesh: Mesh): object {
  return {
    clusters: mesh.clusters.map(clusterJson),
    services: mesh.services.map(({ namespace, name, views }) => ({
      namespace,
      name,
      views: views.map(viewJson),
    })),
    imports: mesh.imports.map((one) => ({
      namespace: one.namespace,
      name: one.name,
      type: one.exports[0]!.type,
      ports: one.merged.ports,
      exportedBy: one.exports.map(({ home }) => home.name),
      importedBy: one.importers.map(({ name }) => name),
      conflict: one.merged.conflict,
      views: one.importers.map((home) => ({
        cluster: home.name,
        reached: importedBackends(one, home).map(backendJson),
      })),
    })),
    findings: mesh.findings,
  };
}

/** What a controller would write: the imports of each cluster, with their addresses there, and the exports' conditions. */
export const importsJson = (mesh: Mesh): object => ({
  imports: mesh.clusters.map((home) => ({
    cluster: home.name,
    objects: importedObjects(mesh, home).map(({ source: _source, ...object }) => object),
  })),
  exports: mesh.statuses.map(({ home, object, conditions }) => ({
    cluster: home.name,
    namespace: object.metadata.namespace,
    name: object.metadata.name,
    conditions,
  })),
});

const placeText = ({ cluster, object, file, line }: Place): string =>
  `${cluster}${object === null ? "" : `: ${object}`}${file === null ? "" : ` (${file}:${line})`}`;

export const findingText = ({ severity, code, message, remedy, places }: Finding): string =>
  [
    `${severity}: ${message} [${code}]`,
    ...places.map((place) => `    ${placeText(place)}`),
    ...(remedy === null ? [] : [`    remedy: ${remedy}`]),
  ].join("\n");

function clusterText(one: MeshCluster): string {
  const { name, config, cluster } = one;
  const pods = [
    ...new Set(
      rangesOf(one)
        .filter((r) => r.kind === "pods")
        .map((r) => r.cidr),
    ),
  ];
  const shown = pods.slice(0, 3).join(", ") + (pods.length > 3 ? `, and ${pods.length - 3} more` : "");
  const routing =
    config.routing === "tunnel" ? `tunnel (${config.tunnel})` : (config.routing ?? "unknown datapath");
  return `  ${name}${config.id === undefined ? "" : ` (id ${config.id})`}: ${cluster.nodes.length} nodes, ${cluster.pods.length} pods, ${shown === "" ? "pod CIDR not given" : `pods in ${shown}`}, ${routing}`;
}

function serviceText({ namespace, name, views }: MeshService): string {
  const lines = views.map(({ client, share, reached, why }) => {
    const of =
      share === undefined
        ? ""
        : `${share.sharing.global ? `global${share.sharing.shared ? "" : ", not shared"}` : "not global"}, affinity ${share.sharing.affinity}: `;
    return `    from ${client.name}: ${of}${share === undefined ? why : `${reached.length === 0 ? "nobody" : reached.map(backendText).join(", ")} (${why})`}`;
  });
  return [`  ${namespace}/${name}`, ...lines].join("\n");
}

const portText = ({ name, port, protocol }: ExportedPort): string =>
  `${name === undefined ? "" : `${name} `}${port}/${protocol}`;

function importText(one: Import): string {
  const { namespace, name, exports, merged, importers } = one;
  return [
    `  ${name}.${namespace}.svc.clusterset.local: ${exports[0]!.type}, ${merged.ports.map(portText).join(", ")}, exported by ${exports.map((e) => e.home.name).join(", ")}`,
    ...importers.map(
      (home) =>
        `    from ${home.name}: ${importedBackends(one, home).map(backendText).join(", ") || "nobody"}`,
    ),
    ...(merged.conflict.status === "True"
      ? [`    ${merged.conflict.reason}: ${merged.conflict.message}`]
      : []),
  ].join("\n");
}

export function meshText({ clusters, services, imports, findings }: Mesh): string {
  const part = (title: string, lines: readonly string[]): string[] =>
    lines.length === 0 ? [] : [`${title}\n${lines.join("\n")}`];
  const parts = [
    ...part("clusters", clusters.map(clusterText)),
    ...part("global Services", services.map(serviceText)),
    ...part("imported Services", imports.map(importText)),
    ...part(
      "findings",
      findings.map((f) => `  ${findingText(f).replaceAll("\n", "\n  ")}`),
    ),
  ];
  return `${parts.join("\n\n")}\n`;
}
