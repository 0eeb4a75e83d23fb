/**
 * Cilium's replacement of kube-proxy (1.20, its defaults): tables that eBPF programs look up, no rules. What its
 * documentation says of "Kubernetes Without kube-proxy"; the Maglev tables are as recorded.
 */
import type { Cluster, IPFamily } from "../../model/types.ts";
import { endpointIndex, type ProxiedEndpoint } from "../endpoints.ts";
import type { ProxyNode } from "../node.ts";
import { proxiedPorts, type ProxiedPort } from "../service-port.ts";
import { MAGLEV_SEED, maglevSeeds, maglevTable, type MaglevBackend } from "./maglev.ts";

export interface EbpfOptions {
  /** `--bpf-lb-algorithm`: for traffic from outside; sockets in the cluster are always given a backend at random. */
  readonly algorithm?: "random" | "maglev";
  readonly tableSize?: number;
  readonly seed?: string;
  /** `--bpf-lb-external-clusterip`. */
  readonly externalClusterIP?: boolean;
}

export interface Backend extends MaglevBackend {
  readonly nodeName: string | undefined;
}

/** An address and port that is served. `inside` are the backends for the cluster's own sockets, `outside` for the rest. */
export interface Frontend {
  readonly kind: "ClusterIP" | "NodePort" | "LoadBalancer" | "ExternalIP";
  readonly port: ProxiedPort;
  readonly inside: readonly Backend[];
  readonly outside: readonly Backend[];
}

export interface EbpfProgram {
  readonly family: IPFamily;
  readonly node: ProxyNode;
  readonly algorithm: "random" | "maglev";
  readonly tableSize: number;
  readonly seeds: { readonly murmur: number; readonly jhash4: number; readonly jhash6: number };
  readonly externalClusterIP: boolean;
  /** By `PROTOCOL address port`. */
  readonly frontends: ReadonlyMap<string, Frontend>;
  /** The Maglev table of a set of backends: made when first asked for. */
  tableOf(backends: readonly Backend[]): Uint32Array;
}

export const MAGLEV_DEFAULT_SIZE = 16381;

export function ebpfProgram(cluster: Cluster, node: ProxyNode, options: EbpfOptions = {}): EbpfProgram {
  const { family } = node;
  const endpointsOf = endpointIndex(cluster, family);
  const frontends = new Map<string, Frontend>();
  const ids = new Map<string, number>();
  const backendsOf = (port: ProxiedPort, endpoints: readonly ProxiedEndpoint[]): Backend[] =>
    endpoints.map(({ address, port: at, key, nodeName }) => {
      const { protocol } = port;
      const identity = `${protocol} ${key}`;
      const id = ids.get(identity) ?? ids.size + 1;
      ids.set(identity, id);
      return { id, address, port: at, protocol, nodeName };
    });

  for (const port of proxiedPorts(cluster, family)) {
    const known = endpointsOf(port);
    const here = known.filter(({ nodeName }) => nodeName === node.name);
    const everywhere = backendsOf(port, active(known));
    const local = backendsOf(port, active(here));
    const outside = port.externalLocal ? local : everywhere;
    const put = (
      kind: Frontend["kind"],
      address: string,
      at: number,
      sides: Pick<Frontend, "inside" | "outside">,
    ) => frontends.set(frontendKey(port.protocol, address, at), { kind, port, ...sides });
    const internal = port.internalLocal ? local : everywhere;
    put("ClusterIP", port.clusterIP.text, port.port, { inside: internal, outside: internal });
    // Inside the cluster, externalTrafficPolicy is not asked.
    const external = { inside: everywhere, outside };
    for (const { text } of port.externalIPs) put("ExternalIP", text, port.port, external);
    for (const { text } of port.loadBalancerIPs) put("LoadBalancer", text, port.port, external);
    if (port.nodePort !== 0)
      for (const { text } of node.addresses) put("NodePort", text, port.nodePort, external);
  }

  const tableSize = options.tableSize ?? MAGLEV_DEFAULT_SIZE;
  const seeds = maglevSeeds(options.seed ?? MAGLEV_SEED);
  const tables = new Map<readonly Backend[], Uint32Array>();
  return {
    family,
    node,
    algorithm: options.algorithm ?? "random",
    tableSize,
    seeds,
    externalClusterIP: options.externalClusterIP ?? false,
    frontends,
    tableOf: (backends) => {
      const table = tables.get(backends) ?? maglevTable(backends, tableSize, seeds.murmur);
      tables.set(backends, table);
      return table;
    },
  };
}

export function frontendKey(protocol: string, address: string, port: number): string {
  return `${protocol} ${address} ${port}`;
}

/** Ready ones, or else those that are terminating and still serve. */
function active(endpoints: readonly ProxiedEndpoint[]): readonly ProxiedEndpoint[] {
  const ready = endpoints.filter((each) => each.ready);
  return ready.length > 0 ? ready : endpoints.filter((each) => each.serving && each.terminating);
}
