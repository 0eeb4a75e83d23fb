/** EndpointSlices that are not in the input: what the endpointslice controller would write for a Service's selector. */
import { parseAddress } from "../select/cidr.ts";
import { podsByNamespace } from "./derive-pods.ts";
import type {
  Endpoint,
  EndpointPort,
  EndpointSlice,
  IPFamily,
  Node,
  OtherObject,
  Pod,
  Service,
  ServicePort,
} from "./types.ts";

export const SERVICE_NAME = "kubernetes.io/service-name";
const ZONE = "topology.kubernetes.io/zone";

const finished = (pod: Pod): boolean => pod.status.phase === "Succeeded" || pod.status.phase === "Failed";
const isReady = (pod: Pod): boolean => {
  const ready = pod.status.conditions?.find((c) => c.type === "Ready");
  return ready === undefined
    ? pod.status.phase === undefined || pod.status.phase === "Running"
    : ready.status === "True";
};

/** A named targetPort is the number that this pod gives to that name; undefined when it has none. */
export function targetPortOf(port: ServicePort, pod: Pod): number | undefined {
  if (typeof port.targetPort === "number") return port.targetPort;
  for (const container of pod.spec.containers) {
    for (const p of container.ports ?? []) {
      if (p.name === port.targetPort && p.protocol === port.protocol) return p.containerPort;
    }
  }
  return undefined;
}

function endpointOf(
  pod: Pod,
  address: string,
  service: Service,
  zones: ReadonlyMap<string, string>,
): Endpoint {
  const { namespace, name } = pod.metadata;
  const terminating = pod.metadata.deletionTimestamp !== undefined;
  const serving = isReady(pod);
  const ready = service.spec.publishNotReadyAddresses === true || (serving && !terminating);
  const { nodeName, hostname, subdomain } = pod.spec;
  const zone = nodeName === undefined ? undefined : zones.get(nodeName);
  return {
    addresses: [address],
    conditions: { ready, serving, terminating },
    targetRef: { kind: "Pod", namespace, name },
    ...(nodeName !== undefined && { nodeName }),
    ...(zone !== undefined && { zone }),
    ...(hostname !== undefined && subdomain === service.metadata.name && { hostname }),
    ...(ready && hintsOf(service.spec.trafficDistribution, zone, nodeName)),
  };
}

/** The topology hints that `trafficDistribution` makes the controller write on ready endpoints (KEP-4444, KEP-3015). */
function hintsOf(
  distribution: string | undefined,
  zone: string | undefined,
  nodeName: string | undefined,
): Pick<Endpoint, "hints"> {
  const byNode = distribution === "PreferSameNode" && nodeName !== undefined;
  const byZone = zone !== undefined && /^Prefer(Close|SameZone|SameNode)$/.test(distribution ?? "");
  if (!byNode && !byZone) return {};
  return {
    hints: {
      ...(byZone && { forZones: [{ name: zone }] }),
      ...(byNode && { forNodes: [{ name: nodeName }] }),
    },
  };
}

const familyOf = (ip: string): IPFamily => (parseAddress(ip)?.v6 === true ? "IPv6" : "IPv4");

function slicesOf(
  service: Service,
  pods: readonly Pod[],
  zones: ReadonlyMap<string, string>,
): EndpointSlice[] {
  const { name, namespace } = service.metadata;
  const headless = service.spec.clusterIP === "None";
  const labels = {
    ...service.metadata.labels,
    [SERVICE_NAME]: name,
    "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
    ...(headless && { "service.kubernetes.io/headless": "" }),
  };
  const slices: EndpointSlice[] = [];
  for (const family of service.spec.ipFamilies ?? []) {
    // Pods that give a named port different numbers go into different slices.
    const groups = new Map<string, { ports: EndpointPort[]; endpoints: Endpoint[] }>();
    for (const pod of pods) {
      const address = podAddresses(pod).find((ip) => familyOf(ip) === family);
      if (address === undefined) continue;
      const ports = service.spec.ports.flatMap((p): EndpointPort[] => {
        const port = targetPortOf(p, pod);
        if (port === undefined) return [];
        const app = p.appProtocol === undefined ? {} : { appProtocol: p.appProtocol };
        return [{ name: p.name ?? "", port, protocol: p.protocol, ...app }];
      });
      const key = ports.map((p) => p.port).join();
      const group = groups.get(key) ?? { ports, endpoints: [] };
      group.endpoints.push(endpointOf(pod, address, service, zones));
      groups.set(key, group);
    }
    if (groups.size === 0) groups.set("", { ports: [], endpoints: [] });
    for (const [i, { ports, endpoints }] of [...groups.values()].entries()) {
      slices.push({
        apiVersion: "discovery.k8s.io/v1",
        kind: "EndpointSlice",
        metadata: { name: `${name}-${family.toLowerCase()}-${i}`, namespace, labels, annotations: {} },
        addressType: family,
        endpoints,
        ports,
        source: service.source,
        derived: `Service ${namespace}/${name}`,
      });
    }
  }
  return slices;
}

const podAddresses = (pod: Pod): readonly string[] =>
  pod.status.podIPs?.map((i) => i.ip) ?? (pod.status.podIP === undefined ? [] : [pod.status.podIP]);

interface LegacySubset {
  readonly addresses?: readonly {
    readonly ip?: string;
    readonly nodeName?: string;
    readonly hostname?: string;
  }[];
  readonly ports?: readonly {
    readonly name?: string;
    readonly port?: number;
    readonly protocol?: EndpointPort["protocol"];
  }[];
}

/** An Endpoints object is mirrored into slices when its Service has no selector (the endpointslice mirroring controller). */
function mirrored(object: OtherObject, service: Service): EndpointSlice[] {
  const subsets = Array.isArray(object["subsets"]) ? (object["subsets"] as readonly LegacySubset[]) : [];
  const { name, namespace } = service.metadata;
  return subsets.flatMap((subset, i) =>
    (["IPv4", "IPv6"] as const).flatMap((family): EndpointSlice[] => {
      const endpoints = (subset.addresses ?? []).flatMap(({ ip, ...rest }): Endpoint[] =>
        ip !== undefined && familyOf(ip) === family
          ? [{ ...rest, addresses: [ip], conditions: { ready: true } }]
          : [],
      );
      if (endpoints.length === 0) return [];
      const labels = { [SERVICE_NAME]: name };
      return [
        {
          apiVersion: "discovery.k8s.io/v1",
          kind: "EndpointSlice",
          metadata: { name: `${name}-${family.toLowerCase()}-${i}`, namespace, labels, annotations: {} },
          addressType: family,
          endpoints,
          ports: (subset.ports ?? []).map((p) => ({ ...p, protocol: p.protocol ?? "TCP" })),
          source: object.source,
          derived: `Endpoints ${namespace}/${name}`,
        },
      ];
    }),
  );
}

/** Slices of every Service that has none in the input; their families are its `ipFamilies`. */
export function deriveEndpointSlices(
  services: readonly Service[],
  given: readonly EndpointSlice[],
  pods: readonly Pod[],
  nodes: readonly Node[],
  legacy: readonly OtherObject[],
): EndpointSlice[] {
  const idOf = (namespace: string, name: string) => `${namespace}/${name}`;
  const have = new Set(given.map((s) => idOf(s.metadata.namespace, s.metadata.labels[SERVICE_NAME] ?? "")));
  const old = new Map(legacy.map((e) => [idOf(e.metadata.namespace, e.metadata.name), e]));
  const zones = new Map(
    nodes.flatMap((n) =>
      n.metadata.labels[ZONE] === undefined ? [] : [[n.metadata.name, n.metadata.labels[ZONE]]],
    ) as [string, string][],
  );
  const byNamespace = podsByNamespace(pods.filter((p) => !finished(p)));
  return services.flatMap((service) => {
    const { namespace, name } = service.metadata;
    const { selector, type } = service.spec;
    if (type === "ExternalName" || have.has(idOf(namespace, name))) return [];
    const wanted = Object.entries(selector ?? {});
    if (wanted.length === 0) {
      const endpoints = old.get(idOf(namespace, name));
      return endpoints === undefined ? [] : mirrored(endpoints, service);
    }
    const chosen = (byNamespace.get(namespace) ?? []).filter((p) =>
      wanted.every(([k, v]) => p.metadata.labels[k] === v),
    );
    return slicesOf(service, chosen, zones);
  });
}
