import type { ClusterView } from "../../src/capabilities.ts";
import { endpointName, portsOf } from "../../src/cluster/endpoints.ts";
import { below } from "../../src/cluster/look.ts";
import { externalNameServers } from "../../src/cluster/nameservers.ts";
import type { Port, Service } from "../../src/cluster/objects.ts";
import * as records from "../../src/cluster/records.ts";
import type { Target } from "../../src/cluster/targets.ts";
import type { ServiceNode } from "../../src/cluster/tree.ts";
import { labelCount, nameText, parentOf, parseName, type Name } from "../../src/dns/name.ts";
import type { RR } from "../../src/dns/rr.ts";
import { nsOf, serverOf, soaOf, type Look } from "./zone.ts";

/**
 * All records of an external zone, from SOA to SOA, made as they are taken; or the SOA alone, where `known`, the serial that the client has, is
 * up to date. As in CoreDNS, namespaces that are not shown are in it, and records stand there as often as there are ports; see the
 * README's "Bugs".
 */
export function* transferRecords(
  { index, settings }: ClusterView,
  look: Look,
  zone: Name,
  known: number | undefined,
): Iterable<RR> {
  const soa = soaOf(look, zone, index.externalModified);
  yield soa;
  if (known !== undefined && known !== 0 && known >= index.externalModified) return;
  yield nsOf(look, zone);
  for (const address of externalNameServers(index, settings, look.headless)) {
    const bytes = records.addressBytes(address);
    if (bytes !== undefined) yield records.address(serverOf(look, zone), look.ttl, bytes);
  }
  const make = createMaker(zone, look.ttl, settings.ttl);
  for (const namespace of [...index.namespaces()].sort()) {
    for (const name of [...index.servicesIn(namespace).keys()].sort()) {
      // The transfer takes its time: the service may have gone since.
      const node = index.find(namespace, name);
      if (node?.service === undefined) continue;
      const { service } = node;
      if (service.external.length > 0) yield* external(make, service);
      else if (look.headless && service.headless) yield* headless(make, zone, service, node);
    }
  }
  yield soa;
}

interface Maker {
  addresses(owner: string, targets: readonly Target[]): Iterable<RR>;
  services(owner: string, targets: readonly Target[]): Iterable<RR>;
}

/** `ttl` is that of addresses, `serviceTtl` that of aliases and services. */
function createMaker(zone: Name, ttl: number, serviceTtl: number): Maker {
  return {
    *addresses(owner, targets) {
      const name = below(owner, zone);
      if (name === undefined) return;
      const seen = new Set<string>();
      for (const { host } of targets) {
        const bytes = records.addressBytes(host);
        const alias = bytes === undefined ? parseName(host) : undefined;
        if (alias !== undefined) {
          // Once for A and once for AAAA.
          yield records.cname(name, serviceTtl, alias);
          yield records.cname(name, serviceTtl, alias);
        } else if (bytes !== undefined && !seen.has(host)) {
          seen.add(host);
          yield records.address(name, ttl, bytes);
        }
      }
    },
    *services(owner, targets) {
      const name = below(owner, zone);
      if (name === undefined) return;
      const weight = Math.max(1, Math.floor(100 / targets.length));
      const seen = new Set<string>();
      for (const { host, port, name: own } of targets) {
        const target = records.addressBytes(host) === undefined ? parseName(host) : below(own, zone);
        if (target === undefined || port < 0 || seen.has(`${target}${port}`)) continue;
        seen.add(`${target}${port}`);
        yield records.srv(name, serviceTtl, weight, port, target);
      }
    },
  };
}

const portOwner = ({ name, protocol }: Port, owner: string): string =>
  `_${name}._${protocol}`.toLowerCase() + `.${owner}`;

/** A service with external addresses: each address under each port for itself; of the SRV records of a name, the first. */
function* external(make: Maker, service: Service): Iterable<RR> {
  const owner = `${service.name}.${service.namespace}`;
  const withService = new Set<string>();
  const first = function* (name: string, target: Target): Iterable<RR> {
    if (withService.has(name)) return;
    for (const rr of make.services(name, [target])) {
      withService.add(name);
      yield rr;
    }
  };
  for (const host of service.external) {
    for (const port of portsOf(service)) {
      const target = { host, port: port.number, name: owner };
      yield* make.addresses(owner, [target]);
      yield* first(owner, target);
      yield* first(portOwner(port, owner), withoutTwoLabels(target));
    }
  }
}

/** Takes two labels off a host name, as CoreDNS does: it put them on before where the target is the service itself, and only there. */
function withoutTwoLabels(target: Target): Target {
  const { host } = target;
  const name = records.addressBytes(host) === undefined ? parseName(host) : undefined;
  if (name === undefined || labelCount(name) <= 2) return target;
  return { ...target, host: nameText(parentOf(parentOf(name))) };
}

function* headless(make: Maker, zone: Name, service: Service, { slices }: ServiceNode): Iterable<RR> {
  const owner = `${service.name}.${service.namespace}`;
  const all: Target[] = [];
  const byPort = new Map<string, Target[]>();
  for (const slice of slices) {
    for (const [i, host] of slice.addresses.entries()) {
      const name = `${endpointName(slice, i)}.${owner}`;
      for (const port of portsOf(slice)) {
        all.push({ host, port: port.number, name });
        if (port.name === "") continue;
        const key = portOwner(port, owner);
        const targets = byPort.get(key) ?? [];
        byPort.set(key, targets);
        // Under its port, every endpoint is a host by its own name.
        const target = below(name, zone);
        if (target !== undefined) targets.push({ host: nameText(target), port: port.number, name });
      }
    }
  }
  yield* make.addresses(owner, all);
  yield* twice(make.services(owner, all));
  for (const target of all) {
    yield* make.addresses(target.name, [target]);
    yield* twice(make.services(target.name, [target]));
  }
  for (const [name, targets] of byPort) yield* make.services(name, targets);
}

function* twice(found: Iterable<RR>): Iterable<RR> {
  const list = [...found];
  yield* list;
  yield* list;
}
