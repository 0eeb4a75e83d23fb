import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { loadFiles } from "../../src/model/load.ts";
import type { Cluster, IPFamily, Node } from "../../src/model/types.ts";
import { proxyNode, type ProxyNode } from "../../src/service/node.ts";
import { packet, type Packet } from "../../src/service/packet.ts";

/** A file of the test's data, from the sources as from the compiled tree. */
export function data(name: string): string {
  const find = (dir: string): string =>
    existsSync(join(dir, "test/service/data")) && existsSync(join(dir, "package.json"))
      ? dir
      : find(dirname(dir));
  return join(find(dirname(fileURLToPath(import.meta.url))), "test/service/data", name);
}

export function text(name: string): string {
  return readFileSync(data(name), "utf8");
}

export function lines<T>(name: string): T[] {
  return text(name)
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as T);
}

export const fixture = (): Cluster => loadFiles([data("cluster")]);
export const lab = (): Cluster => loadFiles([data("lab-cluster.json")]);

/** node-a as the recordings had it. */
export function nodeA(cluster: Cluster, family: IPFamily): ProxyNode {
  const node = cluster.nodes.find(({ metadata }) => metadata.name === "node-a") as Node;
  return proxyNode(cluster, node, family, {
    clusterCIDRs: ["10.244.0.0/16", "fd00:10:244::/48"],
    serviceCIDRs: ["10.96.0.0/16", "fd00:10:96::/112"],
  });
}

export function from(source: string, destination: string, port: number, sourcePort = 40000): Packet {
  const made = packet(source, destination, port, "TCP", sourcePort);
  if (made === undefined) throw new Error(`no packet from ${source} to ${destination}`);
  return made;
}

/** Nodes a, b and c, each in a zone of its own. */
export const threeNodes = ["a", "b", "c"].map((name, index) => ({
  apiVersion: "v1",
  kind: "Node",
  metadata: { name, labels: { "topology.kubernetes.io/zone": `z-${name}` } },
  spec: { podCIDRs: [`10.244.${index}.0/24`, `fd00:10:${index}::/64`] },
  status: { addresses: [{ type: "InternalIP", address: `172.18.0.${index + 1}` }] },
}));
