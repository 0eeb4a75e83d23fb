/** Where a connection to an address goes: what the node's service proxy makes of it, and which policies it meets. */
import type { Service } from "../model/types.ts";
import type { Endpoint } from "../policy/endpoint.ts";
import type { Side } from "../policy/judge.ts";
import { contains, hostPort, parseAddress, parseBlock } from "../service/address.ts";
import type { Connection } from "../service/packet.ts";
import type { Goal } from "./goal.ts";
import { hop, originOfObject } from "./origin.ts";
import type { Site } from "./site.ts";
import { NOWHERE, type Hop, type Origin, type Stop } from "./types.ts";

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

export const serviceAt = (site: Site, address: string): Service | undefined =>
  site.cluster.services.find((s) =>
    [
      ...(s.spec.clusterIPs ?? []),
      ...(s.spec.externalIPs ?? []),
      ...(s.status.loadBalancer?.ingress ?? []).map((i) => i.ip ?? ""),
    ].includes(address),
  );

export function throughService(
  site: Site,
  from: Endpoint,
  address: string,
  port: number,
  goal: Goal,
): ServiceResult {
  const own = serviceAt(site, address);
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

const stopAt = (verdict: Stop["verdict"], reason: Stop["reason"], remedy?: Stop["remedy"]): Stop => ({
  verdict,
  reason,
  ...(remedy !== undefined && { remedy }),
});

function failed(
  service: Service | undefined,
  stop: Stop,
  what: string,
  origin?: Partial<Origin>,
  details?: Hop["details"],
): ServiceResult {
  const place = service === undefined ? NOWHERE : originOfObject(service);
  return {
    hops: [hop("service", stop.verdict, what, { ...place, ...origin }, details)],
    service,
    ways: [],
    stop,
  };
}

/** The rule of the proxy that decided, and all that the packet met. */
export function proxyDetails(site: Site, connection: Connection) {
  return { mode: site.mode, rules: connection.rules, lookups: connection.lookups, steps: connection.steps };
}

/** The rule that translated, else the last one that matched. */
export const ruleOf = ({ steps }: Connection): string | null =>
  (steps.findLast((s) => s.where === "ipvs" || /\bdnat\b/i.test(s.effect + s.rule)) ?? steps.at(-1))?.rule ??
  null;

function refused(
  site: Site,
  service: Service | undefined,
  connection: Connection,
  at: string,
  node: string | undefined,
): ServiceResult {
  const details = proxyDetails(site, connection);
  const rule = { rule: ruleOf(connection) };
  const verdict = connection.verdict === "rejected" ? "reject" : "timeout";
  if (service === undefined && inServiceRange(site, at.replace(/:\d+\/\w+$/, "").replace(/[[\]]/g, "")))
    return failed(
      service,
      stopAt(verdict, "no-such-service"),
      `${at} is in the range of Services, and no Service has it`,
      rule,
      details,
    );
  if (service === undefined)
    return failed(
      service,
      stopAt(verdict, verdict === "reject" ? "rejected-by-proxy" : "dropped-by-proxy"),
      `${at}: ${site.mode} on ${node ?? "the node"} ${verdict === "reject" ? "rejects" : "drops"} it`,
      rule,
      details,
    );
  const id = `Service ${service.metadata.namespace}/${service.metadata.name}`;
  const { spec } = service;
  const serves = spec.ports.some(
    (p) => at.endsWith(`:${p.port}/${p.protocol}`) || at.endsWith(`:${p.nodePort ?? 0}/${p.protocol}`),
  );
  if (!serves)
    return failed(
      service,
      stopAt(verdict, "no-such-service-port", portRemedy(service)),
      `${id} does not serve ${at}`,
      rule,
      details,
    );
  if (verdict === "reject")
    return failed(
      service,
      stopAt(verdict, "no-endpoints", endpointsRemedy(site, service)),
      `${id} has no ready endpoints for ${at}: ${site.mode} answers "connection refused"`,
      rule,
      details,
    );
  const local = spec.internalTrafficPolicy === "Local" || spec.externalTrafficPolicy === "Local";
  const path = spec.internalTrafficPolicy === "Local" ? "internalTrafficPolicy" : "externalTrafficPolicy";
  if (local && !connection.steps.some((s) => /source.?range|FW-/i.test(`${s.where} ${s.rule}`)))
    return failed(
      service,
      stopAt(verdict, "no-local-endpoints", {
        text: "let other nodes' endpoints serve too",
        change: `${path}: Cluster`,
        ...originOfObject(service, ["spec", path]),
      }),
      `${id} has ${path} Local and no endpoint on ${node ?? "that node"}`,
      rule,
      details,
    );
  const ranges = (spec.loadBalancerSourceRanges ?? []).length > 0;
  return failed(
    service,
    stopAt(
      verdict,
      ranges ? "source-range" : "dropped-by-proxy",
      ranges
        ? {
            text: "add the client's range",
            change: null,
            ...originOfObject(service, ["spec", "loadBalancerSourceRanges"]),
          }
        : undefined,
    ),
    ranges
      ? `${id}: the client is in none of its loadBalancerSourceRanges`
      : `${id}: ${site.mode} drops ${at}`,
    rule,
    details,
  );
}

function noSuchPort(service: Service, connection: Connection, at: string, site: Site): ServiceResult {
  const { ports } = service.spec;
  const id = `Service ${service.metadata.namespace}/${service.metadata.name}`;
  const list = ports.map((p) => `${p.port}/${p.protocol}`).join(", ");
  return failed(
    service,
    stopAt("timeout", "no-such-service-port", portRemedy(service)),
    `${id} does not serve ${at} (it has ${list}): no rule of ${site.mode} takes it, and its address leads nowhere`,
    originOfObject(service, ["spec", "ports"]),
    proxyDetails(site, connection),
  );
}

const portRemedy = (service: Service): Stop["remedy"] => ({
  text: `connect to a port that the Service has: ${service.spec.ports.map((p) => p.port).join(", ")}`,
  change: null,
  ...originOfObject(service, ["spec", "ports"]),
});

/** Why a Service has no endpoints: no such pods, pods that are not ready, or a named port that they do not have. */
function endpointsRemedy({ cluster }: Site, service: Service): Stop["remedy"] {
  const { selector } = service.spec;
  if (selector === undefined)
    return {
      text: "the Service has no selector: somebody must write its EndpointSlices",
      change: null,
      ...originOfObject(service),
    };
  const chosen = cluster.pods.filter(
    (p) =>
      p.metadata.namespace === service.metadata.namespace &&
      Object.entries(selector).every(([k, v]) => p.metadata.labels[k] === v),
  );
  const at = originOfObject(service, ["spec", "selector"]);
  const text = Object.entries(selector)
    .map(([k, v]) => `${k}=${v}`)
    .join(",");
  if (chosen.length === 0)
    return {
      text: `no pod in ${service.metadata.namespace} has the labels ${text}: correct the selector`,
      change: null,
      ...at,
    };
  const named = service.spec.ports.find(
    (p) =>
      typeof p.targetPort === "string" &&
      !chosen.some((pod) =>
        pod.spec.containers.some((c) => (c.ports ?? []).some((x) => x.name === p.targetPort)),
      ),
  );
  if (named !== undefined)
    return {
      text: `no container of these pods has a port named ${named.targetPort}`,
      change: null,
      ...originOfObject(service, ["spec", "ports"]),
    };
  return {
    text: `${chosen.length === 1 ? "the pod is" : `none of ${chosen.length} pods is`} ${chosen.length === 1 ? "not " : ""}ready: see their readiness probes`,
    change: null,
    ...originOfObject(chosen[0]!),
  };
}

function inServiceRange({ cluster }: Site, address: string): boolean {
  const parsed = parseAddress(address);
  const cidrs = (cluster.others.get("ServiceCIDR") ?? []).flatMap(
    (o) => (o.spec as { cidrs?: readonly string[] } | undefined)?.cidrs ?? [],
  );
  return (
    parsed !== undefined &&
    cidrs.some((c) => {
      const block = parseBlock(c);
      return block !== undefined && contains(block, parsed);
    })
  );
}

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
