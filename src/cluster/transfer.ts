import { ROOT, type Name } from "../dns/name.ts";
import type { RR } from "../dns/rr.ts";
import type { ClusterIndex } from "./cluster-index.ts";
import { endpointName } from "./endpoints.ts";
import { below } from "./look.ts";
import { nameServers } from "./nameservers.ts";
import type { EndpointSlice, Port } from "./objects.ts";
import * as records from "./records.ts";
import { serialOf } from "./resolve.ts";
import { zoneOf, type Settings } from "./settings.ts";
import { isExposed } from "./targets.ts";

/**
 * All records of a zone for a transfer (RFC 5936 §2.2), from SOA to SOA, made as they are taken. Undefined where `name` is in none of the
 * zones. As in CoreDNS: a name within a zone is taken for a zone that has everything; there are no pods, no reverse names and no
 * schema version; endpoints that several slices have come several times; those of other clusters go without the cluster's name.
 *
 * `known` is the serial that the client has: where it is up to date, the SOA record alone says so.
 */
export function transferRecords(
  index: ClusterIndex,
  settings: Settings,
  name: Name,
  known?: number,
): Iterable<RR> | undefined {
  const zone = zoneOf(settings.zones, name);
  if (zone === undefined) return undefined;
  const serial = serialOf(index, settings, zone);
  const soa = records.soa(name, settings.ttl, serial);
  if (known === serial && known !== 0) return [soa];
  const isImports = zoneOf(settings.multicluster, zone) !== undefined;
  return (function* () {
    yield soa;
    yield* servers(index, settings, name);
    yield* isImports ? imports(index, settings, name) : services(index, settings, name);
    yield soa;
  })();
}

function* servers(index: ClusterIndex, settings: Settings, zone: Name): Iterable<RR> {
  const all = nameServers(index, settings).flatMap(({ name, address }) => {
    const server = below(name, zone);
    const bytes = records.addressBytes(address);
    return server === undefined || bytes === undefined ? [] : [{ server, bytes }];
  });
  for (const server of new Set(all.map(({ server }) => server))) yield records.ns(zone, settings.ttl, server);
  for (const { server, bytes } of all) yield records.address(server, settings.ttl, bytes);
}

function* services(index: ClusterIndex, settings: Settings, zone: Name): Iterable<RR> {
  for (const { path, node } of nodes(index, settings)) {
    if (node.service === undefined) continue;
    const { alias, headless, addresses, ports } = node.service;
    if (alias !== undefined) {
      const owner = below(path, zone);
      const target = records.addressBytes(alias) === undefined ? below(alias, ROOT) : undefined;
      if (owner !== undefined && target !== undefined) yield records.cname(owner, settings.ttl, target);
    } else if (headless) {
      yield* endpoints(node.slices, path, zone, settings.ttl);
    } else {
      yield* cluster(addresses, ports, path, zone, settings.ttl);
    }
  }
}

function* imports(index: ClusterIndex, settings: Settings, zone: Name): Iterable<RR> {
  for (const { path, node } of nodes(index, settings)) {
    if (node.imported === undefined) continue;
    const { addresses, ports } = node.imported;
    if (addresses.length > 0) yield* cluster(addresses, ports, path, zone, settings.ttl);
    else yield* endpoints(node.importedSlices, path, zone, settings.ttl);
  }
}

/** The services of namespaces that are shown, by name. */
function* nodes(index: ClusterIndex, settings: Settings) {
  const shown = [...index.namespaces()].filter((namespace) => isExposed(index, settings, namespace));
  const names = shown.flatMap((namespace) =>
    [...index.servicesIn(namespace).keys()].map((name) => ({ name, namespace })),
  );
  names.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.namespace < b.namespace ? -1 : 1));
  for (const { name, namespace } of names) {
    // The transfer takes its time: the service may have gone since.
    const node = index.find(namespace, name);
    if (node !== undefined) yield { path: `${name}.${namespace}.svc`, node };
  }
}

function* cluster(
  addresses: readonly string[],
  ports: readonly Port[],
  path: string,
  zone: Name,
  ttl: number,
): Iterable<RR> {
  const owner = below(path, zone);
  if (owner === undefined) return;
  for (const address of addresses) {
    const bytes = records.addressBytes(address);
    if (bytes !== undefined) yield records.address(owner, ttl, bytes);
  }
  for (const port of ports) {
    if (port.number < 0) continue;
    yield records.srv(owner, ttl, 100, port.number, owner);
    const service = portName(port, path, zone);
    if (service !== undefined) yield records.srv(service, ttl, 100, port.number, owner);
  }
}

function* endpoints(slices: readonly EndpointSlice[], path: string, zone: Name, ttl: number): Iterable<RR> {
  const owner = below(path, zone);
  if (owner === undefined) return;
  for (const slice of slices) {
    const weight = Math.max(1, Math.floor(100 / slice.addresses.length));
    for (const [i, address] of slice.addresses.entries()) {
      const bytes = records.addressBytes(address);
      const endpoint = below(`${endpointName(slice, i)}.${path}`, zone);
      if (endpoint === undefined) continue;
      if (bytes !== undefined) {
        yield records.address(owner, ttl, bytes);
        yield records.address(endpoint, ttl, bytes);
      }
      for (const port of slice.ports) {
        const service = port.number < 0 ? undefined : portName(port, path, zone);
        // An endpoint that is a name has no address here, and so is no target (RFC 2782: "." is none).
        const target = bytes === undefined ? ROOT : endpoint;
        if (service !== undefined) yield records.srv(service, ttl, weight, port.number, target);
      }
    }
  }
}

/** Undefined for a port without a name, which has no record of its own (Kubernetes DNS specification §2.3.2). */
const portName = ({ name, protocol }: Port, path: string, zone: Name): Name | undefined =>
  name === "" ? undefined : below(`_${name}._${protocol}.${path}`.toLowerCase(), zone);
