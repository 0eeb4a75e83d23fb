import type { ClusterIndex } from "./cluster-index.ts";
import { endpointName } from "./endpoints.ts";
import type { Settings } from "./settings.ts";

/** A name below the zone and one of its addresses, as text. */
export interface NameServer {
  readonly name: string;
  readonly address: string;
}

/**
 * The name servers of a cluster's zones: the services that one of the machine's own addresses is an endpoint of. Where there is none,
 * the machine itself, as `ns.dns`; where its addresses aren't known, nobody.
 */
export function nameServers(index: ClusterIndex, { localAddresses }: Settings): readonly NameServer[] {
  const local = localAddresses();
  const slices = local.flatMap((address) => index.slicesAt(address));
  if (slices.length === 0) return local.map((address) => ({ name: "ns.dns", address }));
  return slices.flatMap((slice) => {
    const service = index.find(slice.namespace, slice.service)?.service;
    if (service === undefined) return [];
    const name = `${service.name}.${service.namespace}.svc`;
    if (!service.headless) return service.addresses.map((address) => ({ name, address }));
    return slice.addresses.map((address, i) => ({ name: `${endpointName(slice, i)}.${name}`, address }));
  });
}
