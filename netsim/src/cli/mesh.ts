/** `netsim mesh --cluster NAME=PATH...`: several clusters side by side. */
import { statSync } from "node:fs";
import { basename } from "node:path";
import { loadFiles } from "../model/load.ts";
import { keepInput } from "../model/source.ts";
import type { Cluster } from "../model/types.ts";
import { readConfig } from "../mesh/config.ts";
import { createMesh, meshCluster, type Mesh } from "../mesh/mesh.ts";
import { meshResolve } from "../mesh/resolve.ts";
import { findingText, importsJson, meshJson, meshText } from "../mesh/text.ts";
import { meshTrace } from "../mesh/trace.ts";
import type { MeshCluster } from "../mesh/types.ts";
import { MODES } from "../service/index.ts";
import { traceText } from "../trace/text.ts";
import { REASONS } from "../trace/types.ts";
import { problemText, reportProblems, writeAll } from "./input.ts";
import { headersOf } from "./route.ts";
import { choice, readArgs, UsageError } from "./usage.ts";

const json = (value: unknown): string => `${JSON.stringify(value, null, 1)}\n`;

export async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArgs(args, {
    cluster: { type: "string", multiple: true },
    json: { type: "boolean" },
    mode: { type: "string" },
    method: { type: "string" },
    header: { type: "string", multiple: true },
    resolver: { type: "string" },
  });
  const [command, ...rest] = positionals;
  await readLiveClusters(values.cluster ?? []);
  const mesh = createMesh(loadClusters(values.cluster ?? []));
  const mode = choice("mode", values.mode, MODES);
  const asJson = values.json === true;
  switch (command) {
    case undefined:
    case "show":
      await writeAll([asJson ? json(meshJson(mesh)) : meshText(mesh)]);
      return 0;
    case "check": {
      const { findings } = mesh;
      await writeAll([asJson ? json({ findings }) : findings.map((f) => `${findingText(f)}\n`).join("")]);
      return findings.some((f) => f.severity === "error") ? 1 : 0;
    }
    case "imports":
      await writeAll([json(importsJson(mesh))]);
      return 0;
    case "resolve": {
      const [name, dnsName, type] = rest;
      if (name === undefined || dnsName === undefined)
        throw new UsageError("resolve needs CLUSTER NAME [TYPE]");
      const resolved = await meshResolve(mesh, clusterNamed(mesh, name), dnsName, type);
      await writeAll([
        asJson ? json(resolved) : `${[resolved.rcode ?? "no answer", ...resolved.answer].join("\n")}\n`,
      ]);
      return 0;
    }
    case "trace": {
      const [name, from, to] = rest;
      if (name === undefined || from === undefined || to === undefined)
        throw new UsageError("trace needs CLUSTER FROM TO");
      const traced = await meshTrace(mesh, clusterNamed(mesh, name), from, to, {
        ...(mode !== undefined && { mode }),
        ...(values.method !== undefined && { method: values.method.toUpperCase() }),
        ...(values.header !== undefined && { headers: headersOf(values.header) }),
        ...(values.resolver !== undefined && { resolver: values.resolver }),
      });
      if (
        traced.reason === "unknown-source" ||
        traced.reason === "unknown-destination" ||
        traced.reason === "no-port"
      )
        throw new UsageError(`${traced.reason}: ${REASONS[traced.reason]}`);
      const list = traced.endpoints.map(
        (e) =>
          `  ${e.verdict} ${e.cluster}:${e.endpoint} ${e.address} (${(100 * e.probability).toFixed(0)} %)\n`,
      );
      const text = traceText(traced, { color: false, width: process.stdout.columns ?? 100 });
      await writeAll([asJson ? json(traced) : `${text}\nendpoints\n${list.join("") || "  none\n"}`]);
      return 0;
    }
    default:
      throw new UsageError(`${command}: there are show, check, imports, resolve and trace`);
  }
}

function clusterNamed({ clusters }: Mesh, name: string): MeshCluster {
  const found = clusters.find((c) => c.name === name);
  if (found === undefined)
    throw new UsageError(
      `there is no cluster ${JSON.stringify(name)}: there are ${clusters.map((c) => c.name).join(", ")}`,
    );
  return found;
}

/** `NAME=kube:CONTEXT` stands for a live cluster; it is read before the rest. */
async function readLiveClusters(texts: readonly string[]): Promise<void> {
  for (const path of texts.flatMap((text) => /(?:^|=)(kube:.*)$/.exec(text)?.[1] ?? [])) {
    const { readLive } = await import("../model/live.ts");
    try {
      keepInput(path, await readLive(path.slice("kube:".length)));
    } catch (error) {
      throw new UsageError(`${path}: ${(error as Error).message}`);
    }
  }
}

/** `NAME=PATH`, more than once for more paths; without a name that of `cilium-config`, else the path's. */
function loadClusters(texts: readonly string[]): MeshCluster[] {
  const paths = new Map<string, string[]>();
  const add = (name: string, path: string): void => void paths.set(name, [...(paths.get(name) ?? []), path]);
  for (const text of texts) {
    const equals = text.indexOf("=");
    if (equals > 0) add(text.slice(0, equals), text.slice(equals + 1));
    else add(readConfig(read([text])).name ?? nameOf(text), text);
  }
  if (paths.size < 2)
    throw new UsageError("needs two clusters at least: --cluster east=k8s/east --cluster west=k8s/west");
  return [...paths].map(([name, files], i) => loadCluster(name, files, i));
}

const nameOf = (path: string): string => {
  const isDirectory = statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  return basename(path).replace(isDirectory ? "" : /\.(?:ya?ml|json)$/, "");
};

function read(files: readonly string[]): Cluster {
  const cluster = loadFiles(files);
  const missing = cluster.problems.find((p) => p.severity === "error" && p.line === 0);
  if (missing !== undefined) throw new UsageError(problemText(missing));
  return cluster;
}

/**
 * Where no ranges are written, every cluster would be given the same: read again with one of its own, and what has changed then
 * is known to be invented.
 */
function loadCluster(name: string, files: readonly string[], index: number): MeshCluster {
  const first = read(files);
  reportProblems(first.problems);
  const input = `kube:ranges of ${name}`;
  const podSubnet = `10.${200 + (index % 50)}.0.0/16`;
  keepInput(
    input,
    Buffer.from(
      json({ apiVersion: "kubeadm.k8s.io/v1beta4", kind: "ClusterConfiguration", networking: { podSubnet } }),
    ),
  );
  const isWritten = ["ClusterConfiguration", "Cluster", "KubeProxyConfiguration"].some((kind) =>
    first.others.has(kind),
  );
  const second = isWritten ? first : loadFiles([...files, input]);
  const invented = new Set<string>();
  for (const [i, node] of second.nodes.entries()) {
    const before = first.nodes[i];
    if (before?.spec.podCIDR !== node.spec.podCIDR && node.spec.podCIDR !== undefined)
      invented.add(node.spec.podCIDR);
    if (node.derived !== undefined)
      for (const { address } of node.status.addresses ?? []) invented.add(address);
  }
  const cluster = invented.size === 0 ? first : withoutConfiguration(second, input);
  return meshCluster(name, cluster, invented);
}

/** What was put in only to have ranges dealt. */
function withoutConfiguration(cluster: Cluster, input: string): Cluster {
  const kept = [...cluster.others].map(
    ([kind, objects]) => [kind, objects.filter((o) => o.source.file !== input)] as const,
  );
  return { ...cluster, others: new Map(kept.filter(([, objects]) => objects.length > 0)) };
}
