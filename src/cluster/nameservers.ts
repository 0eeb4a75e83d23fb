import type { ClusterIndex } from "./cluster-index.ts";
import { endpointName } from "./endpoints.ts";
import type { EndpointSlice, Service } from "./objects.ts";
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
  const own = ownServices(index, local);
  if (own === undefined) return local.map((address) => ({ name: "ns.dns", address }));
  return own.flatMap(({ service, slice }) => {
    const name = `${service.name}.${service.namespace}.svc`;
    if (!service.headless) return service.addresses.map((address) => ({ name, address }));
    return slice.addresses.map((address, i) => ({ name: `${endpointName(slice, i)}.${name}`, address }));
  });
}

/** The same for zones that show external addresses: addresses only. With `headless`, the endpoints of headless services count, too. */
export function externalNameServers(
  index: ClusterIndex,
  { localAddresses }: Settings,
  headless: boolean,
): readonly string[] {
  const local = localAddresses();
  const own = ownServices(index, local);
  if (own === undefined) return local;
  return own.flatMap(({ service, slice }) =>
    headless && service.headless ? slice.addresses : service.external,
  );
}

/** The services that have one of these addresses, each with the slice that has it; undefined where no slice has. */
function ownServices(
  index: ClusterIndex,
  addresses: readonly string[],
): readonly { readonly service: Service; readonly slice: EndpointSlice }[] | undefined {
  const slices = addresses.flatMap((address) => index.slicesAt(address));
  if (slices.length === 0) return undefined;
  return slices.flatMap((slice) => {
    const service = index.find(slice.namespace, slice.service)?.service;
    return service === undefined ? [] : [{ service, slice }];
  });
}
