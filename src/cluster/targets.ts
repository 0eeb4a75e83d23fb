import type { ClusterIndex } from "./cluster-index.ts";
import { endpointName, isPort, portsOf } from "./endpoints.ts";
import type { EndpointSlice, Port, Service } from "./objects.ts";
import type { Question } from "./question.ts";
import { addressBytes } from "./records.ts";
import type { Settings } from "./settings.ts";
import type { ServiceNode } from "./tree.ts";

/** One port of one address (or alias) that a name stands for: what an SRV record says, and from which A and AAAA follow. */
export interface Target {
  /** An address or a domain name, as in the object. */
  readonly host: string;
  /** -1: none. */
  readonly port: number;
  /** The name that belongs to the address, below the zone: labels with dots between. */
  readonly name: string;
}

const NONE: readonly Target[] = [];

/** Whether a namespace is there and is shown. */
export const isExposed = (index: ClusterIndex, settings: Settings, namespace: string): boolean =>
  isListed(settings, namespace) && index.hasNamespace(namespace);

const isListed = ({ namespaces }: Settings, namespace: string): boolean =>
  namespaces.size === 0 || namespaces.has(namespace);

/** What a question's name stands for: undefined where there is no such name, empty where it has nothing. */
export function findTargets(
  index: ClusterIndex,
  settings: Settings,
  question: Question,
  multicluster: boolean,
): readonly Target[] | undefined {
  const { kind, namespace, service } = question;
  if (kind === "") return NONE;
  if (!isExposed(index, settings, namespace)) return undefined;
  if (kind === "pod") return podTargets(index, settings, question);
  if (service === "") return NONE;
  const node = index.find(namespace, service);
  if (node === undefined) return undefined;
  return multicluster ? importTargets(node, settings, question) : serviceTargets(node, settings, question);
}

function podTargets(
  index: ClusterIndex,
  { pods }: Settings,
  question: Question,
): readonly Target[] | undefined {
  const { namespace, service: label } = question;
  if (pods === "disabled") return undefined;
  if (label === "") return NONE;
  const address = podAddress(label);
  const target: Target = { host: address, port: 0, name: `${label}.${namespace}.pod` };
  if (pods === "insecure") return isAddress(address) ? [target] : undefined;
  const found = index.podsAt(address).filter((pod) => pod.namespace === namespace);
  return found.length === 0 ? undefined : found.map(() => target);
}

function serviceTargets(
  node: ServiceNode,
  settings: Settings,
  question: Question,
): readonly Target[] | undefined {
  const { service, slices } = node;
  if (service === undefined) return undefined;
  const { alias, headless } = service;
  if (question.topology !== "" && !headless) return undefined;
  const name = nameOf(question);
  if (alias !== undefined) {
    const isBare = question.endpoint === "" && question.port === "" && question.protocol === "";
    return isBare && !isAddress(alias) ? [{ host: alias, port: 0, name }] : undefined;
  }
  if (!headless) {
    if (settings.ignoreEmpty && isEmpty(slices)) return undefined;
    if (question.endpoint === "") return clusterTargets(portsOf(service), service.addresses, question, name);
  }
  if (question.topology === "") return orNone(endpointTargets(slices, question, name));
  const local = endpointTargets(slices, question, name, question.topology);
  return local.length === 0 && question.prefer ? endpointTargets(slices, question, name) : local;
}

function importTargets(
  node: ServiceNode,
  settings: Settings,
  question: Question,
): readonly Target[] | undefined {
  const { imported, importedSlices } = node;
  if (imported === undefined) return undefined;
  if (!imported.headless) {
    if (settings.ignoreEmpty && isEmpty(importedSlices)) return undefined;
    if (question.endpoint === "")
      return clusterTargets(imported.ports, imported.addresses, question, nameOf(question));
  }
  const here = importedSlices.filter(
    ({ cluster }) => question.endpoint === "" || cluster.toLowerCase() === question.cluster,
  );
  const targets = here.flatMap((slice) =>
    endpointTargets([slice], question, `${slice.cluster}.${nameOf(question)}`),
  );
  return orNone(targets);
}

function clusterTargets(
  ports: readonly Port[],
  addresses: Service["addresses"],
  { port, protocol }: Question,
  name: string,
): readonly Target[] | undefined {
  const asked = ports.filter((one) => isPort(one, port, protocol));
  if (asked.length === 0) return undefined;
  return asked.flatMap(({ number }) => addresses.map((host) => ({ host, port: number, name })));
}

function endpointTargets(
  slices: readonly EndpointSlice[],
  { endpoint, port, protocol }: Question,
  name: string,
  topology?: string,
): readonly Target[] {
  const targets: Target[] = [];
  for (const slice of slices) {
    const asked = portsOf(slice).filter((one) => isPort(one, port, protocol));
    if (asked.length === 0) continue;
    for (const [i, host] of slice.addresses.entries()) {
      if (topology !== undefined && slice.zones?.[i] !== topology) continue;
      const own = endpointName(slice, i);
      if (endpoint !== "" && own.toLowerCase() !== endpoint) continue;
      for (const { number } of asked) targets.push({ host, port: number, name: `${own}.${name}` });
    }
  }
  return targets;
}

const nameOf = ({ service, namespace }: Question): string => `${service}.${namespace}.svc`;

const orNone = (targets: readonly Target[]): readonly Target[] | undefined =>
  targets.length === 0 ? undefined : targets;

const isAddress = (text: string): boolean => addressBytes(text) !== undefined;

/** The address that a pod's label stands for, as text that need not be one. */
export const podAddress = (label: string): string =>
  label.replaceAll("-", label.split("-").length === 4 && !label.includes("--") ? "." : ":");

const isEmpty = (slices: readonly EndpointSlice[]): boolean =>
  slices.every(({ addresses }) => addresses.length === 0);
