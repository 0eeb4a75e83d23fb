/** The cluster as a trace walks through it: policies compiled, service proxies made when a packet first comes to a node. */
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

export function createSite(cluster: Cluster, wanted: Mode | undefined): Site {
  const settings = proxySettings(cluster);
  const mode = wanted ?? settings.mode;
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
    ways,
    knowing: (dns) => make(createEngine(cluster, { enforcer: engine.enforcer, cilium: { dns } })),
  });
  return make(createEngine(cluster));
}
