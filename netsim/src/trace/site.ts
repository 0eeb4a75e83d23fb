/** The cluster as a trace walks through it: policies compiled, service proxies made when a packet first comes to a node. */
import { networkOf } from "../cni/index.ts";
import { createNetwork, type Network, type NetworkOptions } from "../cni/network.ts";
import type { Cluster, IPFamily } from "../model/types.ts";
import type { Endpoint } from "../policy/endpoint.ts";
import { createEngine, type Engine } from "../policy/engine.ts";
import { parseAddress } from "../service/address.ts";
import { serviceProxy, type Mode, type ServiceProxy } from "../service/index.ts";
import type { Packet } from "../service/packet.ts";
import { outcomes, type Outcome } from "../service/spread.ts";
import { proxySettings } from "./settings.ts";

export interface Site {
  readonly cluster: Cluster;
  readonly engine: Engine;
  readonly mode: Mode;
  /** The nodes' and pods' tables, as the CNI makes them. */
  network(): Network;
  /** What the service proxy of a node does to a connection, likeliest first; undefined for a node that there is not. */
  ways(
    node: string,
    from: string,
    to: string,
    port: number,
    protocol: Packet["protocol"],
  ): readonly Outcome[] | undefined;
  /** The same cluster, with addresses learnt for names. */
  knowing(names: ReadonlyMap<string, readonly string[]>): Site;
}

/** The same end by its address of the wanted family, where it has one. */
export const inFamily = (engine: Engine, end: Endpoint, family: IPFamily | undefined): Endpoint =>
  family === undefined || end.pod === undefined
    ? end
    : (engine.endpoints.pod(end.pod, family === "IPv6") ?? end);

/** `options`: of the CNI, where they are not all in the cluster's objects (Helm values). */
export function createSite(cluster: Cluster, wanted: Mode | undefined, options?: NetworkOptions): Site {
  const settings = proxySettings(cluster);
  let made: Network | undefined;
  const network = (): Network =>
    options === undefined ? networkOf(cluster) : (made ??= createNetwork(cluster, options));
  const replaced = options !== undefined && network().model.replacesKubeProxy;
  const mode = wanted ?? (replaced ? "ebpf" : settings.mode);
  const proxies = new Map<string, ServiceProxy | undefined>();
  const proxyOf = (node: string): ServiceProxy | undefined => {
    if (!proxies.has(node))
      proxies.set(
        node,
        serviceProxy(
          cluster,
          node,
          mode,
          settings.scheduler === undefined ? {} : { scheduler: settings.scheduler },
        ),
      );
    return proxies.get(node);
  };
  const ways: Site["ways"] = (node, from, to, port, protocol) => {
    const source = parseAddress(from);
    const destination = parseAddress(to);
    if (source === undefined || destination === undefined || source.family !== destination.family)
      return undefined;
    const plane = proxyOf(node)?.plane(destination.family);
    return plane === undefined
      ? undefined
      : outcomes(plane, { source, destination, port, protocol, sourcePort: 40_000 });
  };
  const make = (engine: Engine): Site => ({
    cluster,
    engine,
    mode,
    network,
    ways,
    knowing: (dns) => make(createEngine(cluster, { enforcer: engine.enforcer, cilium: { dns } })),
  });
  return make(createEngine(cluster));
}
