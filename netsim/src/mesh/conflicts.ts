/**
 * Where exports of one Service contradict each other, and what holds then: the oldest export's word, the union of the ports, the
 * intersection of the address families (KEP-1645 "Constraints and Conflict Resolution"; reasons and sentences as in Cilium 1.20).
 */
import type { IPFamily } from "../model/types.ts";
import type { Condition, Export, ExportedPort } from "./exports.ts";

export interface Merged {
  readonly ports: readonly ExportedPort[];
  readonly families: readonly IPFamily[];
  readonly conflict: Condition;
}

interface Fault {
  readonly reason: string;
  readonly message: string;
}

/** `exports` are of one Service, the oldest first; there is at least one. */
export function merge(exports: readonly Export[]): Merged {
  const [ports, portFault] = mergePorts(exports);
  const [families, familyFault] = commonFamilies(exports);
  const fault = portFault ?? familyFault ?? otherFault(exports);
  const conflict: Condition =
    fault === undefined
      ? {
          type: "Conflict",
          status: "False",
          reason: "NoConflicts",
          message: "ServiceExport has no conflicts",
        }
      : { type: "Conflict", status: "True", ...fault };
  return { ports, families, conflict };
}

const text = ({ name, port, protocol, appProtocol }: ExportedPort): string =>
  `${name === undefined ? "" : `${name} `}${port}/${protocol}${appProtocol === undefined ? "" : ` (${appProtocol})`}`;

const same = (a: ExportedPort, b: ExportedPort): boolean => a.port === b.port && a.protocol === b.protocol;

/** Whoever is older has the port's name and its appProtocol; a name that is taken by another port leaves the port out. */
function mergePorts(exports: readonly Export[]): [ExportedPort[], Fault | undefined] {
  const merged: { port: ExportedPort; cluster: string }[] = [];
  const byName = new Map<string, { port: ExportedPort; cluster: string }>();
  let message: string | undefined;
  for (const { ports, home } of exports)
    for (const port of ports) {
      const named = byName.get(port.name ?? "");
      if (named !== undefined && !same(named.port, port)) {
        message ??= `Duplicated port name "${port.name ?? ""}". Using port definition "${text(named.port)}" from oldest service export in cluster "${named.cluster}".`;
        continue;
      }
      const known = merged.find((m) => same(m.port, port));
      if (known === undefined) {
        const entry = { port, cluster: home.name };
        byName.set(port.name ?? "", entry);
        merged.push(entry);
        continue;
      }
      if (known.port.name !== port.name)
        message ??= `Conflicting port name on "${text(port)}". Using the port name "${known.port.name ?? ""}" from oldest service export in cluster "${known.cluster}".`;
      else if (known.port.appProtocol !== port.appProtocol)
        message ??= `Conflicting appProtocol on "${text(port)}". Using the appProtocol "${known.port.appProtocol ?? ""}" from oldest service export in cluster "${known.cluster}".`;
    }
  const ports = merged.map(({ port }) => port);
  const list = (all: readonly ExportedPort[]): string => all.map(text).join(", ");
  const odd = exports.find((e) => list(e.ports) !== list(ports));
  if (odd !== undefined)
    message ??= `Ports from cluster "${odd.home.name}" does not match ports of oldest service export in cluster "${exports[0]!.home.name}".`;
  return [ports, message === undefined ? undefined : { reason: "PortConflict", message }];
}

/** Families that all exports have; one that has none of them is passed over, so that the others go on working. */
function commonFamilies(exports: readonly Export[]): [readonly IPFamily[], Fault | undefined] {
  const known = exports.filter(({ families }) => families.length > 0);
  let common = known[0]?.families ?? [];
  let odd: string | undefined;
  for (const { families, home } of known.slice(1)) {
    const both = common.filter((family) => families.includes(family));
    if (both.length > 0) common = both;
    else odd ??= home.name;
  }
  const message = `IPFamilies conflict. Cluster '${odd}' has no IPFamilies in common.`;
  return [common, odd === undefined ? undefined : { reason: "IPFamilyConflict", message }];
}

const canonical = (map: Readonly<Record<string, string>>): string =>
  `map[${Object.entries(map)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}:${value}`)
    .join(" ")}]`;

/** Fields on which the exports must agree, in the order in which they are compared. */
const FIELDS: readonly { name: string; reason: string; of: (e: Export) => string }[] = [
  { name: "type", reason: "TypeConflict", of: (e) => e.type },
  { name: "sessionAffinity", reason: "SessionAffinityConflict", of: (e) => e.service.spec.sessionAffinity },
  {
    name: "sessionAffinityConfig.clientIP",
    reason: "SessionAffinityConfigConflict",
    of: (e) => String(e.service.spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? ""),
  },
  { name: "annotations", reason: "AnnotationsConflict", of: (e) => canonical(e.annotations) },
  { name: "labels", reason: "LabelsConflict", of: (e) => canonical(e.labels) },
  {
    name: "internalTrafficPolicy",
    reason: "InternalTrafficPolicyConflict",
    of: (e) => e.service.spec.internalTrafficPolicy,
  },
  {
    name: "trafficDistribution",
    reason: "TrafficDistributionConflict",
    of: (e) => e.service.spec.trafficDistribution ?? "",
  },
];

function otherFault(exports: readonly Export[]): Fault | undefined {
  const [oldest, ...younger] = exports;
  if (oldest === undefined) return undefined;
  for (const one of younger)
    for (const { name, reason, of } of FIELDS) {
      if (of(one) === of(oldest)) continue;
      const count = exports.filter((e) => of(e) !== of(oldest)).length;
      const message = `Conflicting ${name}. ${count}/${exports.length} clusters disagree. Using "${of(oldest)}" from oldest service export in cluster "${oldest.home.name}".`;
      return { reason, message };
    }
  return undefined;
}
