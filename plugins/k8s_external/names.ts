import type { ClusterIndex } from "../../src/cluster/cluster-index.ts";
import { endpointName, isPort, portsOf } from "../../src/cluster/endpoints.ts";
import type { Settings } from "../../src/cluster/settings.ts";
import { isExposed, type Target } from "../../src/cluster/targets.ts";
import type { ServiceNode } from "../../src/cluster/tree.ts";
import { labelsBefore, labelText, type Name } from "../../src/dns/name.ts";

/**
 * What a name in an external zone asks for, in lower case; empty where the name does not say it.
 *
 *     SERVICE.NAMESPACE.ZONE    ENDPOINT.SERVICE.NAMESPACE.ZONE    _PORT._PROTOCOL.SERVICE.NAMESPACE.ZONE
 */
export interface ExternalQuestion {
  readonly namespace: string;
  readonly service: string;
  readonly endpoint: string;
  readonly port: string;
  readonly protocol: string;
}

/** Undefined where there can be no such name, and for the zone itself. `name` and `zone` in lower case. */
export function readExternal(name: Name, zone: Name): ExternalQuestion | undefined {
  const labels = (labelsBefore(name, zone) ?? []).map(labelText);
  const namespace = labels.pop();
  if (namespace === undefined || labels.length > 3) return undefined;
  const service = labels.pop() ?? "";
  const [first = "", second = ""] = labels.map((label) => (label.startsWith("_") ? label.slice(1) : label));
  const isPort = labels.length === 2;
  return {
    namespace,
    service,
    endpoint: isPort ? "" : first,
    port: isPort ? first : "",
    protocol: isPort ? second : "",
  };
}

/** What the name stands for: undefined where there is no such name, empty for a namespace. `headless`: endpoints are shown, too. */
export function findExternal(
  index: ClusterIndex,
  settings: Settings,
  question: ExternalQuestion,
  headless: boolean,
): readonly Target[] | undefined {
  const { namespace, service } = question;
  if (!isExposed(index, settings, namespace)) return undefined;
  if (service === "") return [];
  const node = index.find(namespace, service);
  const targets = node === undefined ? [] : targetsOf(node, question, headless);
  return targets.length === 0 ? undefined : targets;
}

function targetsOf(
  { service, slices }: ServiceNode,
  question: ExternalQuestion,
  headless: boolean,
): readonly Target[] {
  if (service === undefined) return [];
  const { endpoint, port, protocol } = question;
  const { external } = service;
  const name = `${question.service}.${question.namespace}`;
  if (headless && external.length === 0 && (service.headless || endpoint !== "")) {
    return slices.flatMap((slice) => {
      const ports = portsOf(slice).filter((one) => isPort(one, port, protocol));
      return slice.addresses.flatMap((host, i) => {
        const own = endpointName(slice, i);
        if (endpoint !== "" && own.toLowerCase() !== endpoint) return [];
        return ports.map(({ number }) => ({ host, port: number, name: `${own}.${name}` }));
      });
    });
  }
  // Whatever stands in front of a service that has external addresses is not looked at, as in CoreDNS.
  const ports = portsOf(service).filter((one) => isPort(one, port, protocol));
  return external.flatMap((host) => ports.map(({ number }) => ({ host, port: number, name })));
}
