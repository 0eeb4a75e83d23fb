/** Where a connection to an address goes: what the node's service proxy makes of it, and which policies it meets. */
import type { Service } from "../model/types.ts";
import type { Endpoint } from "../policy/endpoint.ts";
import type { Side } from "../policy/judge.ts";
import { hostPort } from "../service/address.ts";
import type { Connection } from "../service/packet.ts";
import { behindBalancer, type Backend } from "./balancer.ts";
import type { Goal } from "./goal.ts";
import { hop, originOfObject } from "./origin.ts";
import { failed, inServiceRange, noSuchPort, proxyDetails, refused, ruleOf, stopAt } from "./refusal.ts";
import type { Site } from "./site.ts";
import type { Hop, Stop } from "./types.ts";

/** One way that the packet may take. */
export interface Way {
  readonly probability: number;
  readonly connection: Connection | undefined;
  readonly to: Endpoint;
  readonly port: number;
  /** Whom the destination sees: the source, or a node that put its own address there. */
  readonly seen: Endpoint;
}

export interface Judged extends Way {
  readonly egress: Side;
  readonly ingress: Side;
}

export interface ServiceResult {
  readonly hops: readonly Hop[];
  readonly service: Service | undefined;
  readonly ways: readonly Way[];
  readonly stop: Stop | undefined;
}

/** The node whose proxy sees the packet first: the source's own, or the one that a packet from outside comes to. */
function entryNode(site: Site, from: Endpoint, destination: string): string | undefined {
  if (from.node !== "") return from.node;
  const { nodes } = site.cluster;
  const addressed = nodes.find((n) => (n.status.addresses ?? []).some((a) => a.address === destination));
  return (addressed ?? [...nodes].sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))[0])?.metadata
    .name;
}

/** The Service that has the address; of several that share it (a balancer's, an external IP) the one with that port. */
export function serviceAt(site: Site, address: string, port?: number): Service | undefined {
  const found = site.cluster.services.filter((s) =>
    [
      ...(s.spec.clusterIPs ?? []),
      ...(s.spec.externalIPs ?? []),
      ...(s.status.loadBalancer?.ingress ?? []).map((i) => i.ip ?? ""),
    ].includes(address),
  );
  return found.find((s) => s.spec.ports.some((p) => p.port === port)) ?? found[0];
}

export function throughService(
  site: Site,
  from: Endpoint,
  address: string,
  port: number,
  goal: Goal,
): ServiceResult {
  const own = serviceAt(site, address, port);
  const isClusterIP = own?.spec.clusterIPs?.includes(address) === true;
  if (from.kind === "external" && isClusterIP)
    return failed(
      own,
      stopAt("unroutable", "cluster-ip-from-outside"),
      `${address} is a cluster IP: no route leads to it from outside`,
    );
  const node = entryNode(site, from, address);
  const ways =
    node === undefined ? undefined : site.ways(node, from.address.text, address, port, goal.protocol);
  const [first] = ways ?? [];
  if (first === undefined || ways === undefined) return direct(site, from, address, port);
  const named = first.connection.service;
  const service = own ?? (named === undefined ? undefined : serviceNamed(site, named));
  const { connection } = first;
  const at = `${hostPort(address, port)}/${goal.protocol}`;
  if (connection.verdict === "rejected" || connection.verdict === "dropped")
    return refused(site, service, connection, at, node);
  if (!connection.translated) {
    const behind =
      own !== undefined && from.kind === "external"
        ? behindBalancer(site.cluster, own, address, port, goal.protocol)
        : undefined;
    if (own !== undefined && behind !== undefined) return fromBalancer(site, from, own, at, behind, goal);
    if (own !== undefined && isClusterIP) return noSuchPort(own, connection, at, site);
    const none = inServiceRange(site, address);
    if (none)
      return failed(
        undefined,
        stopAt("unroutable", "no-such-service"),
        `${address} is in the range of Services, and no Service has it`,
      );
    return direct(site, from, address, port);
  }
  const endpoints = ways.flatMap(({ probability, connection: c }) => {
    const to = site.engine.endpoints.byAddress(c.destination.address);
    return to === undefined
      ? []
      : [{ probability, connection: c, to, port: c.destination.port, seen: seenAs(site, from, c) }];
  });
  return { hops: [], service, ways: endpoints, stop: undefined };
}

function fromBalancer(
  site: Site,
  from: Endpoint,
  service: Service,
  at: string,
  { node, address, port }: Backend,
  goal: Goal,
): ServiceResult {
  const inner = throughService(site, from, address, port, goal);
  const what = `${at} is the balancer of Service ${service.metadata.namespace}/${service.metadata.name}: it passes the connection on to ${node}, port ${port}`;
  return { ...inner, service, hops: [hop("service", "allow", what, originOfObject(service)), ...inner.hops] };
}

const seenAs = (site: Site, from: Endpoint, { masqueraded, source }: Connection): Endpoint =>
  masqueraded ? (site.engine.endpoints.byAddress(source) ?? from) : from;

function direct(site: Site, from: Endpoint, address: string, port: number): ServiceResult {
  const to = site.engine.endpoints.byAddress(address);
  const ways = to === undefined ? [] : [{ probability: 1, connection: undefined, to, port, seen: from }];
  return { hops: [], service: undefined, ways, stop: undefined };
}

const serviceNamed = (site: Site, name: string): Service | undefined => {
  const [id = ""] = name.split(":");
  return site.cluster.services.find((s) => `${s.metadata.namespace}/${s.metadata.name}` === id);
};

/** The hop of a packet that was translated. */
export function serviceHop(
  site: Site,
  service: Service | undefined,
  at: string,
  way: Way,
  ways: readonly Way[],
): Hop {
  const connection = way.connection!;
  const { destination, masqueraded } = connection;
  const id =
    service === undefined
      ? (connection.service ?? "a Service")
      : `Service ${service.metadata.namespace}/${service.metadata.name}`;
  const count =
    ways.length === 1
      ? "its only endpoint"
      : `one of ${ways.length} endpoints (${(100 * way.probability).toFixed(0)} %)`;
  const affinity = service?.spec.sessionAffinity === "ClientIP";
  const seconds = service?.spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? 10800;
  const effort =
    connection.rules > 0
      ? `${connection.rules} rules${connection.lookups > 0 ? ` and ${connection.lookups} lookups` : ""}`
      : `${connection.lookups} lookups`;
  const what = `${at} is ${id}: ${site.mode} sends it to ${hostPort(destination.address, destination.port)} (${way.to.id}), ${count}, after ${effort}${affinity ? `; session affinity ClientIP keeps this client there for ${seconds} s` : ""}${masqueraded ? `; the source becomes ${connection.source}` : ""}`;
  const port = service?.spec.ports.findIndex((p) => at.includes(`:${p.port}/`)) ?? -1;
  const place = service === undefined ? {} : originOfObject(service, port < 0 ? [] : ["spec", "ports", port]);
  return hop(
    "service",
    "allow",
    what,
    { ...place, rule: ruleOf(connection) },
    {
      ...proxyDetails(site, connection),
      endpoint: hostPort(destination.address, destination.port),
      probability: way.probability,
      endpoints: ways.map((w) => hostPort(w.to.address.text, w.port)),
      sessionAffinity: affinity ? { type: "ClientIP", seconds } : null,
      masqueraded,
    },
  );
}
