import { parseName, type Name } from "../dns/name.ts";
import type { RR } from "../dns/rr.ts";
import { TYPE } from "../dns/types.ts";
import { findAddresses } from "./addresses.ts";
import type { ClusterIndex } from "./cluster-index.ts";
import { endpointName } from "./endpoints.ts";
import { ANYTHING } from "./generations.ts";
import {
  below,
  isNameServer,
  lookFor,
  questionOf,
  targetsOf,
  type Asked,
  type Look,
  type Resolution,
} from "./look.ts";
import { nameServers } from "./nameservers.ts";
import * as records from "./records.ts";
import { reverseAddress } from "./reverse.ts";
import { findServices } from "./services.ts";
import { zoneOf, type Settings } from "./settings.ts";
import { isExposed, podAddress } from "./targets.ts";

/** TXT of `dns-version.ZONE`: the version of the schema, not of this program (Kubernetes DNS specification §2.2). */
const SCHEMA_VERSION = "1.1.0";
const SCHEMA_VERSION_TTL = 28800;
const DNS_VERSION = "\x0bdns-version";

/** Looks `asked` up. Nothing here waits or throws, and nothing counts but the arguments. */
export function resolve(index: ClusterIndex, settings: Settings, asked: Asked): Resolution {
  const look = lookFor(index, settings, asked);
  const { ttl } = settings;
  const { name, rawName, zone } = asked;
  switch (asked.type) {
    case TYPE.A:
    case TYPE.AAAA: {
      const { answer, outside, isChain } = findAddresses(look);
      return resolution(look, answer, isChain ? { outside, slot: ANYTHING } : { outside });
    }
    case TYPE.SRV: {
      const targets = targetsOf(look, name);
      const { answer, additional } = findServices(look, targets ?? []);
      return resolution(look, targets && answer, { additional });
    }
    case TYPE.CNAME: {
      const targets = targetsOf(look, name);
      const host = targets?.[0]?.host ?? "";
      const target = host === "" || records.addressBytes(host) !== undefined ? undefined : parseName(host);
      return resolution(look, targets && (target === undefined ? [] : [records.cname(rawName, ttl, target)]));
    }
    case TYPE.TXT:
      return resolution(look, texts(look));
    case TYPE.SOA:
      // Below the zone's own name too, an SOA query never gets NXDOMAIN (as in CoreDNS).
      return name === zone
        ? resolution(look, [soaOf(index, settings, asked)], { slot: ANYTHING })
        : resolution(look, []);
    case TYPE.PTR: {
      const address = reverseAddress(name);
      if (address === undefined)
        return resolution(look, isNameServer(look, name) ? undefined : existing(look));
      const found = pointers(look, address);
      return resolution(look, found.length === 0 ? undefined : found, {
        slot: index.generations.slotOf("", address),
      });
    }
    case TYPE.NS:
      if (name === zone && look.rawZone === zone) return servers(look);
  }
  return resolution(look, existing(look));
}

/** The zone's SOA record in the client's letters, for answers and for denials. */
export function soaOf(index: ClusterIndex, settings: Settings, asked: Asked): RR {
  const { zone, rawName } = asked;
  return records.soa(rawName.slice(-zone.length) as Name, settings.ttl, serialOf(index, settings, zone));
}

/** The serial of a zone: when something last changed that shows in it. */
export const serialOf = (index: ClusterIndex, settings: Settings, zone: Name): number =>
  zoneOf(settings.multicluster, zone) === undefined ? index.modified : index.importsModified;

/** `answer` undefined: there is no such name. */
function resolution(
  look: Look,
  answer: readonly RR[] | undefined,
  more: Partial<Resolution> = {},
): Resolution {
  const outcome = answer === undefined ? "nxdomain" : answer.length === 0 ? "nodata" : "found";
  return {
    outcome,
    answer: answer ?? [],
    additional: [],
    outside: [],
    slot: more.slot ?? slotOf(look),
    ...more,
  };
}

/** The slot of what the asked name is made of, aliases left aside. */
function slotOf(look: Look): number {
  const { index, settings, asked } = look;
  const { generations } = index;
  if (isNameServer(look, asked.name)) return ANYTHING;
  const question = questionOf(look, asked.name);
  if (question?.kind === "svc") return generations.slotOf(question.namespace, question.service);
  const isWatched = question?.kind === "pod" && settings.pods === "verified";
  return generations.slotOf("", isWatched ? podAddress(question.service) : "");
}

const existing = (look: Look): readonly RR[] | undefined => targetsOf(look, look.asked.name) && [];

/** A name that has records, but no TXT, is denied as one that has none of this type; a name that has nothing at all does not exist for TXT. */
function texts(look: Look): readonly RR[] | undefined {
  const { name, rawName, zone } = look.asked;
  if (name === DNS_VERSION + zone) return [records.txt(rawName, SCHEMA_VERSION_TTL, SCHEMA_VERSION)];
  if (isNameServer(look, name)) return undefined;
  const targets = targetsOf(look, name);
  const isZonal = questionOf(look, name)?.topology !== "";
  return targets !== undefined && (targets.length > 0 || isZonal) ? [] : undefined;
}

function servers(look: Look): Resolution {
  const { ttl } = look.settings;
  const answer = new Map<string, RR>();
  const additional: RR[] = [];
  for (const { name, address } of nameServers(look.index, look.settings)) {
    const server = below(name, look.rawZone);
    const bytes = records.addressBytes(address);
    if (server === undefined || bytes === undefined) continue;
    if (!answer.has(server)) answer.set(server, records.ns(look.asked.rawName, ttl, server));
    additional.push(records.address(server, ttl, bytes));
  }
  return resolution(look, [...answer.values()], { additional, slot: ANYTHING });
}

/** The PTR records of an address: its service where it is a cluster IP, else all endpoints that have it. */
function pointers({ index, settings, asked }: Look, address: string): readonly RR[] {
  // Without a list of namespaces, nobody looks at whether the namespace is there.
  const isShown = ({ namespace }: { readonly namespace: string }): boolean =>
    settings.namespaces.size === 0 || isExposed(index, settings, namespace);
  const service = index.servicesAt(address).find(isShown);
  const names = new Set<string>();
  if (service !== undefined) {
    names.add(`${service.name}.${service.namespace}.svc`);
  } else {
    for (const slice of index.slicesAt(address).filter(isShown)) {
      for (const [i, one] of slice.addresses.entries()) {
        if (one === address) names.add(`${endpointName(slice, i)}.${slice.service}.${slice.namespace}.svc`);
      }
    }
  }
  return [...names].flatMap((name) => {
    const target = below(name, settings.primary);
    return target === undefined ? [] : [records.ptr(asked.rawName, settings.ttl, target)];
  });
}
