/** Readers of Service and EndpointSlice. */
import { ip, type Body, type Spec, type Status } from "./core-kinds.ts";
import { cidr, protocol, tcp } from "./meta.ts";
import {
  boolean,
  integer,
  list,
  labels,
  need,
  number,
  oneOf,
  or,
  port,
  portOrName,
  record,
  string,
} from "./read.ts";
import type { At, Read } from "./read.ts";
import type * as t from "./types.ts";

const none = Object.freeze({});

const family = oneOf("IPv4", "IPv6");
const policy = oneOf("Cluster", "Local");

const servicePorts = list(
  record<Omit<t.ServicePort, "targetPort"> & { targetPort?: t.IntOrString }>({
    name: string,
    port: need(port),
    protocol: or(protocol, tcp),
    targetPort: portOrName,
    nodePort: integer(0, 65535),
    appProtocol: string,
  }),
);

const serviceSpec = record<Spec<t.Service>>({
  type: or(oneOf("ClusterIP", "NodePort", "LoadBalancer", "ExternalName"), "ClusterIP"),
  ports: or(
    (value, at) => servicePorts(value, at)?.map((p) => ({ ...p, targetPort: p.targetPort ?? p.port })),
    [],
  ),
  selector: labels,
  clusterIP: string,
  clusterIPs: list(string),
  ipFamilies: list(family),
  ipFamilyPolicy: string,
  externalName: string,
  externalIPs: list(ip),
  loadBalancerIP: string,
  loadBalancerClass: string,
  loadBalancerSourceRanges: list(cidr),
  allocateLoadBalancerNodePorts: boolean,
  healthCheckNodePort: number,
  sessionAffinity: or(oneOf("None", "ClientIP"), "None"),
  sessionAffinityConfig: record<{ clientIP?: { timeoutSeconds?: number } }>({
    clientIP: record<{ timeoutSeconds?: number }>({ timeoutSeconds: integer(1, 86400) }),
  }),
  internalTrafficPolicy: or(policy, "Cluster"),
  externalTrafficPolicy: policy,
  trafficDistribution: string,
  publishNotReadyAddresses: boolean,
});

/** What the API server checks and fills in beyond single fields (pkg/apis/core/validation, the Service's defaults). */
const completeService: Read<Spec<t.Service>> = (value, at) => {
  const spec = serviceSpec(value, at);
  if (spec === undefined) return undefined;
  const headless = spec.clusterIP === "None";
  checkServicePorts(spec.ports, spec.type === "ExternalName" || headless, at);
  if (spec.type === "ExternalName" && spec.externalName === undefined)
    at.error("an ExternalName Service needs externalName");
  const external =
    spec.type === "NodePort" || spec.type === "LoadBalancer" || (spec.externalIPs ?? []).length > 0;
  const addresses =
    spec.clusterIPs ?? (spec.clusterIP === undefined || spec.clusterIP === "" ? [] : [spec.clusterIP]);
  return {
    ...spec,
    ...(addresses[0] === undefined ? {} : { clusterIP: addresses[0], clusterIPs: addresses }),
    ...(external ? { externalTrafficPolicy: spec.externalTrafficPolicy ?? "Cluster" } : {}),
  };
};

function checkServicePorts(ports: readonly t.ServicePort[], mayBeNone: boolean, at: At): void {
  if (ports.length === 0 && !mayBeNone)
    at.error("a Service needs ports, unless it is headless or an ExternalName");
  const seen = new Set<string>();
  for (const [i, p] of ports.entries()) {
    at.path.push("ports", i);
    if (ports.length > 1 && (p.name === undefined || p.name === ""))
      at.error("needs a name: there are several ports");
    for (const id of [`name ${p.name ?? ""}`, `port ${p.port}/${p.protocol}`]) {
      if (seen.has(id)) at.error(`${id} occurs twice`);
      seen.add(id);
    }
    at.path.length -= 2;
  }
}

export const service = record<Body<t.Service>>({
  spec: need(completeService),
  status: or(
    record<Status<t.Service>>({
      loadBalancer: record<{ ingress?: readonly t.LoadBalancerIngress[] }>({
        ingress: list(record<t.LoadBalancerIngress>({ ip: string, hostname: string, ipMode: string })),
      }),
    }),
    none,
  ),
});

const names = list(record<{ name: string }>({ name: need(string) }));
const targetRef = record<NonNullable<t.Endpoint["targetRef"]>>({
  kind: string,
  namespace: string,
  name: string,
});

export const endpointSlice = record<Body<t.EndpointSlice>>({
  addressType: or(oneOf("IPv4", "IPv6", "FQDN"), "IPv4"),
  endpoints: or(
    list(
      record<t.Endpoint>({
        addresses: or(list(string), []),
        conditions: record<NonNullable<t.Endpoint["conditions"]>>({
          ready: boolean,
          serving: boolean,
          terminating: boolean,
        }),
        hostname: string,
        nodeName: string,
        zone: string,
        targetRef,
        hints: record<NonNullable<t.Endpoint["hints"]>>({ forZones: names, forNodes: names }),
      }),
    ),
    [],
  ),
  ports: or(
    list(
      record<t.EndpointPort>({
        name: string,
        port: integer(0, 65535),
        protocol: or(protocol, tcp),
        appProtocol: string,
      }),
    ),
    [],
  ),
});
