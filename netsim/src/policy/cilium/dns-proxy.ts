/**
 * The agent's DNS proxy: a query is seen only where an egress rule with `rules.dns` takes it, and only the answers to
 * queries that it lets through teach the agent the addresses that toFQDNs goes by.
 */
import type { Endpoint } from "../endpoint.ts";
import type { Engine } from "../engine.ts";
import type { Side } from "../judge.ts";
import type { DnsCache } from "./dns-cache.ts";
import { dnsAllowed } from "./fqdn.ts";

export interface DnsDecision {
  /** Whether the query leaves the pod at all. A refused one is answered REFUSED by the proxy, a denied one is dropped. */
  readonly action: "allow" | "refuse" | "deny";
  /** Whether the agent learns the answer. */
  readonly learned: boolean;
  /** What the pod's egress policy says of the connection to the server. */
  readonly side: Side;
}

/** What becomes of a query for `name` (upper or lower case, final dot or not) from a pod to a DNS server. */
export function dnsQuery(
  engine: Engine,
  pod: Endpoint,
  server: Endpoint,
  name: string,
  probe = { port: 53, protocol: "UDP" },
): DnsDecision {
  const side = engine.judge.side(pod, server, probe, "egress");
  if (side.action === "deny") return { action: "deny", learned: false, side };
  const seen = side.action === "redirect" && side.dns !== undefined;
  if (!seen) return { action: "allow", learned: false, side };
  const allowed = side.dns?.some((rules) => dnsAllowed(rules, name)) === true;
  return { action: allowed ? "allow" : "refuse", learned: allowed, side };
}

/** A cache's names and addresses, zombies among them, as `CiliumOptions.dns` takes them. */
export function learnedAddresses(cache: DnsCache): Map<string, readonly string[]> {
  const known = new Map<string, readonly string[]>(
    cache.names().map((name) => [name, cache.addresses(name)]),
  );
  for (const { ip, names } of cache.zombies()) {
    for (const name of names) known.set(name, [...new Set([...(known.get(name) ?? []), ip])]);
  }
  return known;
}
