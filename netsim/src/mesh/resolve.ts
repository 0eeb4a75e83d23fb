/** Names of a mesh, asked of clusterdns itself: a server runs in this process with the objects that the cluster would have. */
import {
  createWorld,
  decodeMessage,
  encodeQuestion,
  openChain,
  rcodeText,
  recordText,
  seededRandom,
  virtualClock,
} from "clusterdns";
import type { Cluster } from "../model/types.ts";
import { corefilesOf, kubeletDns } from "../trace/settings.ts";
import type { Mesh } from "./mesh.ts";
import type { MeshCluster } from "./types.ts";
import { viewOf } from "./view.ts";

export interface Resolved {
  readonly cluster: string;
  readonly name: string;
  readonly type: string;
  /** NOERROR, NXDOMAIN, ...; null: no answer, or no such name or type can be asked. */
  readonly rcode: string | null;
  /** In presentation form. */
  readonly answer: readonly string[];
  readonly additional: readonly string[];
}

/** Asks the DNS server of a cluster of the mesh for an absolute name. Rejects where its Corefile cannot be run. */
export async function meshResolve(
  mesh: Mesh,
  home: MeshCluster,
  name: string,
  type = "A",
): Promise<Resolved> {
  const view = viewOf(mesh, home, "ebpf");
  const bytes = await ask(view, name, type);
  const base = { cluster: home.name, name, type };
  const message = bytes === undefined ? undefined : decodeMessage(bytes);
  if (message === undefined || message.error !== undefined)
    return { ...base, rcode: null, answer: [], additional: [] };
  return {
    ...base,
    rcode: rcodeText(message.rcode),
    answer: message.answer.map(recordText),
    additional: message.additional.map(recordText),
  };
}

async function ask(cluster: Cluster, name: string, type: string): Promise<Uint8Array | undefined> {
  const absolute = name.endsWith(".") ? name : `${name}.`;
  const question = {
    name: absolute,
    type: type.toUpperCase(),
    socket: 1,
    proto: "udp",
    server: "",
    connected: false,
  } as const;
  const message = encodeQuestion({ ...question, edns: { size: 4096, do: false } }, 1);
  if (message === undefined) return undefined;
  const clock = virtualClock();
  const { namespaces, nodes, pods, services, endpointSlices, others } = cluster;
  const chain = await openChain({
    corefiles: {
      cluster: corefilesOf(cluster, kubeletDns(cluster).clusterDomain).cluster,
      nodelocal: undefined,
    },
    clusterDns: kubeletDns(cluster).nameserver ?? "",
    objects: [
      ...namespaces,
      ...nodes,
      ...pods,
      ...services,
      ...endpointSlices,
      ...(others.get("ServiceImport") ?? []),
    ],
    world: createWorld([]),
    legs: { node: { rtt: 0 }, cluster: { rtt: 0 }, upstream: { rtt: 1 } },
    clock,
    random: seededRandom(1),
  });
  return clock
    .run(() => chain.ask(message, "udp", { address: pods[0]?.status.podIP ?? "127.0.0.1", port: 40_000 }))
    .finally(() => chain.close());
}
