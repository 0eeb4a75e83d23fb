/** Questions to a network in the words of people: from a pod to another, to a node, to an address. */
import { bare, isV6, parseAddress } from "./address.ts";
import type { Network } from "./network.ts";
import type { Place } from "./types.ts";
import { walk, type Walk } from "./walk.ts";

/** The addresses of a place that others reach it by. */
export function addressesOf(network: Network, place: Place): readonly string[] {
  if (place.kind === "pod") return network.context.pods.find((p) => p.id === place.name)?.addresses ?? [];
  return network.context.nodes.find((n) => n.name === place.name)?.nets.map(bare) ?? [];
}

/**
 * The way from `from` to `to`, each `namespace/pod`, a node's name or an address; `v6` chooses the family where `to` has both.
 * From an address outside it begins at the routers. A text where there is no such end.
 */
export function pathBetween(network: Network, from: string, to: string, v6?: boolean): Walk | string {
  const outside = parseAddress(from)?.text;
  const start = network.find(from) ?? (outside === undefined ? undefined : network.place("router"));
  if (start === undefined) return `there is no pod or node ${from}, and it is no address`;
  const target = network.find(to);
  const address = parseAddress(to)?.text;
  const service = network.context.cluster.services.find((s) =>
    (s.spec.clusterIPs ?? []).includes(address ?? ""),
  );
  if (service !== undefined) {
    const { namespace, name } = service.metadata;
    return `${to} is the address of the Service ${namespace}/${name}: name one of its pods (or ask netsim trace)`;
  }
  const own = start.kind === "router" && outside !== undefined ? [outside] : addressesOf(network, start);
  const wanted = (list: readonly string[]): string | undefined =>
    list.find((a) => (v6 === undefined || isV6(a) === v6) && own.some((o) => isV6(o) === isV6(a)));
  const destination = address ?? (target === undefined ? undefined : wanted(addressesOf(network, target)));
  if (destination === undefined)
    return target === undefined
      ? `there is no pod or node ${to}, and it is no address`
      : `${from} and ${to} have no address family in common`;
  if (!own.some((o) => isV6(o) === isV6(destination)))
    return `${from} has no ${isV6(destination) ? "IPv6" : "IPv4"} address`;
  const source = start.kind === "node" ? undefined : own.find((o) => isV6(o) === isV6(destination));
  return walk(network, start, destination, source);
}
