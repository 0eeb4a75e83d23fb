import { isWithin, type Name } from "../dns/name.ts";

export type PodMode = "disabled" | "insecure" | "verified";

/** How a cluster is shown in DNS: the options of the `kubernetes` plugin that shape answers. Names are in lower case. */
export interface Settings {
  readonly zones: readonly Name[];
  /** The zone that PTR records point into: the first that is no reverse zone. */
  readonly primary: Name;
  readonly multicluster: readonly Name[];
  /** The namespaces that are shown; none: all. */
  readonly namespaces: ReadonlySet<string>;
  readonly pods: PodMode;
  /** Seconds. */
  readonly ttl: number;
  /** A service with cluster IPs and without a ready endpoint does not exist. */
  readonly ignoreEmpty: boolean;
  /** `TOPOLOGY.pin._zone.SERVICE...` names exist. */
  readonly zonal: boolean;
  /** Addresses of the machine's interfaces, loopback left out, by which the server finds its own Service. */
  readonly localAddresses: () => readonly string[];
}

/** The longest of `zones` that `name` (in lower case, too) is in. */
export function zoneOf(zones: readonly Name[], name: Name): Name | undefined {
  let longest: Name | undefined;
  for (const zone of zones) {
    if (zone.length > (longest?.length ?? 0) && isWithin(name, zone)) longest = zone;
  }
  return longest;
}
