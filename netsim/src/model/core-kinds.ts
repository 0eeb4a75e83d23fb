/** Readers of the core kinds: Namespace, Node, Pod and its makers, Service, EndpointSlice. */
import { parseAddress } from "../select/cidr.ts";
import * as inside from "./inside.ts";
import { cidr, protocol, tcp } from "./meta.ts";
import {
  any,
  boolean,
  checked,
  integer,
  labels,
  list,
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
type Spec<K extends { spec: unknown }> = K["spec"];
type Status<K extends { status: unknown }> = K["status"];
/** An object's fields besides the ones that every object has. */
export type Body<K extends t.KubeObject> = Omit<K, keyof t.KubeObject>;

const ip = checked(string, (text, at) => {
  if (parseAddress(text) === undefined) at.error(`${JSON.stringify(text)} is not an IP address`);
});
const conditions = list(record<t.Condition>({ type: need(string), status: need(string), reason: string }));
const ips = list(record<{ ip: string }>({ ip: need(ip) }));

export const namespace = record<Body<t.Namespace>>({ status: record<{ phase?: string }>({ phase: string }) });

export const node = record<Body<t.Node>>({
  spec: or(
    record<Spec<t.Node>>({
      podCIDR: cidr,
      podCIDRs: list(cidr),
      providerID: string,
      unschedulable: boolean,
      taints: list(record<t.Taint>({ key: need(string), value: string, effect: need(string) })),
    }),
    none,
  ),
  status: or(
    record<Status<t.Node>>({
      addresses: list(record<t.NodeAddress>({ type: need(string), address: need(string) })),
      conditions,
    }),
    none,
  ),
});

const probe = record<t.Probe>({
  httpGet: record<NonNullable<t.Probe["httpGet"]>>({
    port: need(portOrName),
    path: string,
    scheme: string,
    host: string,
  }),
  tcpSocket: record<NonNullable<t.Probe["tcpSocket"]>>({ port: need(portOrName), host: string }),
  grpc: record<NonNullable<t.Probe["grpc"]>>({ port: need(port), service: string }),
});

const containers = list(
  record<t.Container>({
    name: or(string, ""),
    image: string,
    ports: list(
      record<t.ContainerPort>({
        name: string,
        containerPort: need(port),
        hostPort: integer(0, 65535),
        hostIP: string,
        protocol: or(protocol, tcp),
      }),
    ),
    livenessProbe: probe,
    readinessProbe: probe,
    startupProbe: probe,
    restartPolicy: string,
    ...inside.container,
  }),
);

const podSpec = record<t.PodSpec>({
  nodeName: string,
  hostNetwork: boolean,
  hostname: string,
  subdomain: string,
  dnsPolicy: string,
  dnsConfig: record<t.PodDNSConfig>({
    nameservers: list(string),
    searches: list(string),
    options: list(record<{ name: string; value?: string }>({ name: need(string), value: string })),
  }),
  hostAliases: list(
    record<{ ip: string; hostnames?: readonly string[] }>({ ip: need(string), hostnames: list(string) }),
  ),
  serviceAccountName: string,
  nodeSelector: labels,
  containers: or(containers, []),
  initContainers: containers,
  securityContext: inside.securityContext,
  volumes: inside.volumes,
});

export const pod = record<Body<t.Pod>>({
  spec: or(podSpec, { containers: [] }),
  status: or(
    record<Status<t.Pod>>({
      phase: string,
      reason: string,
      podIP: ip,
      podIPs: ips,
      hostIP: string,
      hostIPs: list(record<{ ip: string }>({ ip: need(string) })),
      conditions,
    }),
    none,
  ),
});

type Template = t.Workload["spec"]["template"];
const template = record<Template>({
  metadata: or(record<Template["metadata"]>({ labels: or(labels, none), annotations: or(labels, none) }), {
    labels: none,
    annotations: none,
  }),
  spec: or(podSpec, { containers: [] }),
});

export const workload = record<Body<t.Workload>>({
  spec: need(
    record<Spec<t.Workload>>({
      replicas: integer(0, 2 ** 31),
      serviceName: string,
      template: need(template),
    }),
  ),
});

/** A Job runs `parallelism` pods at a time. */
export const job: Read<Body<t.Workload>> = (value, at) => {
  const parallelism = (value as { spec?: { parallelism?: unknown } }).spec?.parallelism;
  const read = workload(value, at);
  if (read === undefined || typeof parallelism !== "number") return read;
  return { ...read, spec: { ...read.spec, replicas: parallelism } };
};

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

/** Of a Secret only its name and its certificates, which every client sees; of a private key only that it is there. */
export const secret: Read<Body<t.Secret>> = (value) => {
  const { data, stringData } = value as { data?: unknown; stringData?: unknown };
  const pem = (name: string, label: string): string | undefined => {
    const plain = (stringData as Record<string, unknown> | null | undefined)?.[name];
    const coded = (data as Record<string, unknown> | null | undefined)?.[name];
    const text = typeof plain === "string" ? plain : typeof coded === "string" ? decoded(coded) : "";
    return new RegExp(`-----BEGIN (?:[A-Z]+ )*${label}-----`).test(text) ? text : undefined;
  };
  const certificate = pem("tls.crt", "CERTIFICATE");
  const authority = pem("ca.crt", "CERTIFICATE");
  return {
    ...(certificate !== undefined && { certificate }),
    ...(authority !== undefined && { authority }),
    hasKey: pem("tls.key", "PRIVATE KEY") !== undefined,
  };
};

/** Text of base64; nothing where it is none. */
function decoded(base64: string): string {
  try {
    return atob(base64.replace(/\s/g, ""));
  } catch {
    return "";
  }
}

/** A kind of which everything is kept as it is. */
export const whole: Read<object> = (value, at) => any(value, at) as object;
