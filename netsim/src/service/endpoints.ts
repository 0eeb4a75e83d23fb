import type { Cluster, EndpointSlice, IPFamily } from "../model/types.ts";
import { hostPort, parseAddress } from "./address.ts";
import type { ProxyNode } from "./node.ts";
import { isExternal, type ProxiedPort } from "./service-port.ts";

/** An endpoint of a service port. */
export interface ProxiedEndpoint {
  readonly address: string;
  readonly port: number;
  /** `address:port`: kube-proxy sorts by this text, and hashes it. */
  readonly key: string;
  readonly nodeName: string | undefined;
  readonly ready: boolean;
  readonly serving: boolean;
  readonly terminating: boolean;
  readonly zones: readonly string[];
  readonly nodes: readonly string[];
}

/** Finds the endpoints of a service port, in kube-proxy's order: that of `key` as text. */
export type EndpointIndex = (port: ProxiedPort) => readonly ProxiedEndpoint[];

/** Which endpoints a node sends traffic to. `any`: is there a usable one on whatever node? */
export interface UsableEndpoints {
  /** For traffic policy Cluster: all of them, or those that the topology hints say. */
  readonly cluster: readonly ProxiedEndpoint[];
  /** For traffic policy Local: those of this node. */
  readonly local: readonly ProxiedEndpoint[];
  /** Both together. */
  readonly reachable: readonly ProxiedEndpoint[];
  readonly any: boolean;
}

/** The EndpointSlices of one family, indexed by Service, port name and protocol. */
export function endpointIndex(cluster: Cluster, family: IPFamily): EndpointIndex {
  const found = new Map<string, Map<string, ProxiedEndpoint>>();
  for (const slice of cluster.endpointSlices) {
    const { labels, namespace } = slice.metadata;
    const service = labels["kubernetes.io/service-name"];
    if (service === undefined || service === "" || slice.addressType !== family) continue;
    if ("service.kubernetes.io/service-proxy-name" in labels || "service.kubernetes.io/headless" in labels)
      continue;
    for (const { name = "", protocol, port } of slice.ports) {
      if (port === undefined || port === 0) continue;
      const key = `${namespace}/${service}/${name}/${protocol}`;
      const known = found.get(key) ?? new Map<string, ProxiedEndpoint>();
      found.set(key, known);
      for (const endpoint of slice.endpoints) add(known, endpoint, port);
    }
  }
  const sorted = new Map(
    [...found].map(([key, endpoints]) => [
      key,
      [...endpoints.values()].sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0)),
    ]),
  );
  return ({ service: { metadata }, portName, protocol }) =>
    sorted.get(`${metadata.namespace}/${metadata.name}/${portName}/${protocol}`) ?? [];
}

/**
 * Sorts out a port's endpoints for a node. Ready ones are used; where there are none, those that are terminating but
 * still serving (KEP-1669), for Cluster and for Local each by itself.
 */
export function usableEndpoints(
  port: ProxiedPort,
  endpoints: readonly ProxiedEndpoint[],
  node: ProxyNode,
): UsableEndpoints {
  const usesCluster = !port.internalLocal || isExternal(port);
  const usesLocal = port.internalLocal || (port.externalLocal && isExternal(port));
  const cluster = usesCluster ? readyOrServing(endpoints, hinted(endpoints, node)) : [];
  const here = usesLocal ? endpoints.filter((each) => each.nodeName === node.name) : [];
  const local = readyOrServing(here, here);
  const keys = new Set(cluster.map(({ key }) => key));
  return {
    cluster,
    local,
    reachable: [...cluster, ...local.filter(({ key }) => !keys.has(key))],
    any: cluster.length > 0 || (usesLocal && endpoints.some((each) => each.ready || lastsOut(each))),
  };
}

function readyOrServing(
  all: readonly ProxiedEndpoint[],
  preferred: readonly ProxiedEndpoint[],
): readonly ProxiedEndpoint[] {
  const ready = preferred.filter((each) => each.ready);
  return ready.length > 0 ? ready : all.filter(lastsOut);
}

function lastsOut(endpoint: ProxiedEndpoint): boolean {
  return endpoint.serving && endpoint.terminating;
}

/**
 * What the topology hints leave. They count only when every ready endpoint has one and one of them names this node (or else
 * its zone): a partial set of hints would overload whom it names (KEP-2433, KEP-4444, KEP-3015).
 */
function hinted(endpoints: readonly ProxiedEndpoint[], node: ProxyNode): readonly ProxiedEndpoint[] {
  const ready = endpoints.filter((each) => each.ready);
  if (ready.length === 0) return endpoints;
  const forNode = ready.filter((each) => each.nodes.includes(node.name));
  if (forNode.length > 0 && ready.every((each) => each.nodes.length > 0)) return forNode;
  const forZone = ready.filter((each) => each.zones.includes(node.zone));
  if (forZone.length > 0 && ready.every((each) => each.zones.length > 0)) return forZone;
  return endpoints;
}

function add(
  known: Map<string, ProxiedEndpoint>,
  endpoint: EndpointSlice["endpoints"][number],
  port: number,
): void {
  const address = endpoint.addresses[0] === undefined ? undefined : parseAddress(endpoint.addresses[0]);
  if (address === undefined) return;
  const { ready, serving, terminating = false } = endpoint.conditions ?? {};
  const key = hostPort(address.text, port);
  // An address may be reused before its old pod is gone: the one that goes must not hide the one that runs.
  if (known.has(key) && terminating) return;
  known.set(key, {
    address: address.text,
    port,
    key,
    nodeName: endpoint.nodeName,
    ready: ready ?? true,
    serving: serving ?? true,
    terminating,
    zones: (endpoint.hints?.forZones ?? []).map(({ name }) => name),
    nodes: (endpoint.hints?.forNodes ?? []).map(({ name }) => name),
  });
}
