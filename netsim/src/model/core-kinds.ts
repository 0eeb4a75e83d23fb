/** Readers of the core kinds: Namespace, Node, Pod and its makers. */
import { parseAddress } from "../select/cidr.ts";
import * as inside from "./inside.ts";
import { cidr, protocol, tcp } from "./meta.ts";
import {
  any,
  boolean,
  checked,
  integer,
  intOrString,
  labels,
  list,
  need,
  or,
  port,
  portOrName,
  record,
  string,
} from "./read.ts";
import type { Read } from "./read.ts";
import type * as t from "./types.ts";

const none = Object.freeze({});
export type Spec<K extends { spec: unknown }> = K["spec"];
export type Status<K extends { status: unknown }> = K["status"];
/** An object's fields besides the ones that every object has. */
export type Body<K extends t.KubeObject> = Omit<K, keyof t.KubeObject>;

export const ip = checked(string, (text, at) => {
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
      capacity: record<{ cpu?: t.IntOrString }>({ cpu: intOrString }),
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

const workloadSpec = record<Spec<t.Workload>>({
  replicas: integer(0, 2 ** 31),
  serviceName: string,
  template: need(template),
});

/** The labels that a workload's selector wants and its template lacks: the API server refuses that, guides often show it. */
const selectedWorkload: Read<Spec<t.Workload>> = (value, at) => {
  const spec = workloadSpec(value, at);
  const wanted = (value as { selector?: { matchLabels?: unknown } }).selector?.matchLabels;
  if (spec === undefined || typeof wanted !== "object" || wanted === null) return spec;
  const own = spec.template.metadata.labels;
  const lacking = Object.entries(wanted).filter(([key, label]) => own[key] !== label);
  if (lacking.length > 0) {
    at.path.push("template", "metadata", "labels");
    at.warn(
      `the selector wants ${lacking.map(([k, v]) => `${k}=${String(v)}`).join(", ")}, which the template's labels lack: the API server refuses this`,
    );
    at.path.length -= 3;
  }
  return spec;
};

export const workload = record<Body<t.Workload>>({ spec: need(selectedWorkload) });

/** A Job runs `parallelism` pods at a time. */
export const job: Read<Body<t.Workload>> = (value, at) => {
  const parallelism = (value as { spec?: { parallelism?: unknown } }).spec?.parallelism;
  const read = workload(value, at);
  if (read === undefined || typeof parallelism !== "number") return read;
  return { ...read, spec: { ...read.spec, replicas: parallelism } };
};

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
