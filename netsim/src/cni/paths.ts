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
 * A text where there is no such end.
 */
export function pathBetween(network: Network, from: string, to: string, v6?: boolean): Walk | string {
  const start = network.find(from);
  if (start === undefined)
    return parseAddress(from) === undefined
      ? `there is no pod or node ${from}`
      : `${from} is outside: paths begin at pods and nodes`;
  const target = network.find(to);
  const address = parseAddress(to)?.text;
  const own = addressesOf(network, start);
  const wanted = (list: readonly string[]): string | undefined =>
    list.find((a) => (v6 === undefined || isV6(a) === v6) && own.some((o) => isV6(o) === isV6(a)));
  const destination = address ?? (target === undefined ? undefined : wanted(addressesOf(network, target)));
  if (destination === undefined)
    return target === undefined
      ? `there is no pod or node ${to}, and it is no address`
      : `${from} and ${to} have no address family in common`;
  if (!own.some((o) => isV6(o) === isV6(destination)))
    return `${from} has no ${isV6(destination) ? "IPv6" : "IPv4"} address`;
  const source = start.kind === "pod" ? own.find((o) => isV6(o) === isV6(destination)) : undefined;
  return walk(network, start, destination, source);
}
