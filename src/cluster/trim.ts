/**
 * API objects (as JSON or YAML gives them) to what DNS needs of them. Anything may come in: what has the wrong shape counts
 * as not there, as an API server would not have let it in.
 */
import { KINDS, type ClusterObject, type EndpointSlice, type Kind, type Port } from "./objects.ts";
import type { Fields, Wanted } from "./source.ts";

type Json = Readonly<Record<string, unknown>>;

const NOTHING: Json = {};
const GROUPS: Readonly<Record<Kind, string>> = {
  Namespace: "",
  Service: "",
  Pod: "",
  EndpointSlice: "discovery.k8s.io",
  ServiceImport: "multicluster.x-k8s.io",
};

/** Which of our kinds an object is, by its `kind` and the group of its `apiVersion`; undefined for all others. */
export function kindOf(object: unknown): Kind | undefined {
  const { kind, apiVersion } = record(object);
  const version = text(apiVersion);
  const slash = version.indexOf("/");
  return KINDS.find((known) => known === kind && GROUPS[known] === version.slice(0, Math.max(slash, 0)));
}

/**
 * The object as DNS sees it. Undefined where it takes no part: a selector leaves it out, a pod has ended or has no address
 * yet, it has no name. Whoever knew an earlier state of it has to remove that then.
 */
export function trim(kind: Kind, object: unknown, wanted: Wanted): ClusterObject | undefined {
  const { metadata, spec, status, ...rest } = record(object);
  const meta = record(metadata);
  const labels = record(meta["labels"]) as Readonly<Record<string, string>>;
  const selector =
    kind === "Namespace" ? wanted.namespaceLabels : kind === "ServiceImport" ? undefined : wanted.labels;
  const name = text(meta["name"]);
  // A manifest without a namespace is for `default`, as kubectl has it.
  const namespace = text(meta["namespace"]) || "default";
  if (name === "" || selector?.matches(labels) === false) return undefined;
  switch (kind) {
    case "Namespace":
      return { kind, name };
    case "Service":
      return service(namespace, name, record(spec), record(status));
    case "EndpointSlice":
      return endpointSlice(namespace, name, labels, rest, wanted.fields);
    case "Pod":
      return pod(namespace, name, meta, record(status), wanted.fields.podLabels ? labels : undefined);
    case "ServiceImport": {
      const { ips, type, ports } = record(spec);
      return {
        kind,
        namespace,
        name,
        addresses: texts(ips),
        headless: type === "Headless",
        ports: list(ports).map(port),
      };
    }
  }
}

/**
 * When the change happened that led to this EndpointSlice, in milliseconds since 1970: annotation
 * endpoints.kubernetes.io/last-change-trigger-time, RFC 3339. Undefined without it; NaN where it is no time.
 */
export function changeTrigger(object: unknown): number | undefined {
  const annotations = record(record(record(object)["metadata"])["annotations"]);
  const value = annotations["endpoints.kubernetes.io/last-change-trigger-time"];
  return value === undefined ? undefined : Date.parse(text(value));
}

function service(namespace: string, name: string, spec: Json, status: Json): ClusterObject {
  const addresses = texts(spec["clusterIPs"]);
  if (addresses.length === 0) addresses.push(...texts([spec["clusterIP"]]));
  const headless = addresses[0] === "None";
  const ingress = list(record(status["loadBalancer"])["ingress"]).map(record);
  const alias = spec["type"] === "ExternalName" ? text(spec["externalName"]) : "";
  return {
    kind: "Service",
    namespace,
    name,
    addresses: headless || alias !== "" ? [] : addresses,
    headless,
    alias: alias === "" ? undefined : alias,
    ports: list(spec["ports"]).map(port),
    external: [
      ...texts(spec["externalIPs"]),
      ...texts(ingress.map(({ ip, hostname }) => text(ip) || hostname)),
    ],
  };
}

function endpointSlice(
  namespace: string,
  name: string,
  labels: Readonly<Record<string, string>>,
  slice: Json,
  fields: Fields,
): EndpointSlice {
  const addresses: string[] = [];
  const names: string[] = [];
  const zones: string[] = [];
  for (const endpoint of list(slice["endpoints"]).map(record)) {
    // Without a word on it, an endpoint counts as ready (API reference of EndpointConditions).
    if (record(endpoint["conditions"])["ready"] === false) continue;
    const podName = fields.podNames ? text(record(endpoint["targetRef"])["name"]) : "";
    const own = text(endpoint["hostname"]) || (podName.length < 64 ? podName : "");
    const zone = fields.zones ? text(endpoint["zone"]).toLowerCase() : "";
    for (const address of texts(endpoint["addresses"])) {
      addresses.push(address);
      names.push(own);
      zones.push(zone);
    }
  }
  return {
    kind: "EndpointSlice",
    namespace,
    name,
    service: text(labels["kubernetes.io/service-name"]),
    imports: text(labels["multicluster.kubernetes.io/service-name"]),
    cluster: text(labels["multicluster.kubernetes.io/source-cluster"]),
    ports: list(slice["ports"]).map(port),
    addresses,
    names: names.some((own) => own !== "") ? names : undefined,
    zones: zones.some((zone) => zone !== "") ? zones : undefined,
  };
}

const ENDED: ReadonlySet<unknown> = new Set(["Succeeded", "Failed", "Unknown"]);

function pod(
  namespace: string,
  name: string,
  meta: Json,
  status: Json,
  labels: Readonly<Record<string, string>> | undefined,
): ClusterObject | undefined {
  const address = text(status["podIP"]);
  if (address === "" || ENDED.has(status["phase"])) return undefined;
  return {
    kind: "Pod",
    namespace,
    name,
    address,
    terminating: Boolean(meta["deletionTimestamp"]),
    labels,
  };
}

function port(value: unknown): Port {
  const { name, protocol, port } = record(value);
  return {
    name: text(name),
    protocol: text(protocol) || "TCP",
    number: typeof port === "number" ? port & 0xffff : -1,
  };
}

const record = (value: unknown): Json =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : NOTHING;
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const text = (value: unknown): string => (typeof value === "string" ? value : "");
const texts = (value: unknown): string[] =>
  list(value).filter((item): item is string => typeof item === "string" && item !== "");
