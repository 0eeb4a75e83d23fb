/**
 * What a running cluster has and manifests often leave out: cluster IPs and node ports, which the API server deals, and the
 * cluster's DNS. What is filled in depends on names alone, and is named in the trace.
 */
import type { Cluster, EndpointSlice, Node, Pod, Service } from "../model/types.ts";
import { loadObjects } from "../model/load.ts";
import { parseAddress, parseBlock } from "../service/address.ts";
import { clusterDnsOf } from "./settings.ts";

export interface Completed {
  readonly cluster: Cluster;
  /** Sentences: what was not in the input. */
  readonly assumed: readonly string[];
}

const DNS_IP = "10.96.0.10";
/** kubeadm's default service subnet begins here; addresses for names are dealt from the upper part, as the API server does. */
const SERVICE_RANGE = "10.96.0.0/16";
const DNS_LABELS = { "k8s-app": "kube-dns" };
const NODE_PORTS = { first: 30_000, count: 2768 };

export function complete(given: Cluster): Completed {
  const assumed: string[] = [];
  const withDns = clusterDnsOf(given) === undefined ? addDns(given) : given;
  if (withDns !== given)
    assumed.push(
      "no DNS Service in the input: kube-system/kube-dns with two CoreDNS pods, as in every cluster",
    );
  const services = dealAddresses(withDns);
  const dealt = services.filter((s, i) => s !== withDns.services[i]);
  if (dealt.length > 0)
    assumed.push(
      `cluster IPs or node ports of ${dealt.length === 1 ? `Service ${nameOf(dealt[0] as Service)}` : `${dealt.length} Services`}, which the API server would choose`,
    );
  return { cluster: dealt.length === 0 ? withDns : { ...withDns, services }, assumed };
}

const nameOf = ({ metadata }: Service): string => `${metadata.namespace}/${metadata.name}`;

/** CoreDNS as kubeadm installs it: labels, names and ports that policies and people go by. */
function addDns(given: Cluster): Cluster {
  const namespace = "kube-system";
  const ports = [
    { name: "dns", port: 53, protocol: "UDP", targetPort: 53 },
    { name: "dns-tcp", port: 53, protocol: "TCP", targetPort: 53 },
  ];
  const taken = given.services.some((s) => (s.spec.clusterIPs ?? []).includes(DNS_IP));
  const made = loadObjects(
    [
      ...given.nodes,
      ...given.pods,
      {
        apiVersion: "apps/v1",
        kind: "Deployment",
        metadata: { name: "coredns", namespace },
        spec: {
          replicas: 2,
          template: {
            metadata: { labels: DNS_LABELS },
            spec: {
              dnsPolicy: "Default",
              containers: [
                {
                  name: "coredns",
                  ports: ports.map(({ name, port, protocol }) => ({ name, containerPort: port, protocol })),
                },
              ],
            },
          },
        },
      },
      {
        apiVersion: "v1",
        kind: "Service",
        metadata: { name: "kube-dns", namespace, labels: DNS_LABELS },
        spec: { ...(taken ? {} : { clusterIP: DNS_IP }), selector: DNS_LABELS, ports },
      },
    ],
    "",
  );
  const known = new Set(given.pods.map((p) => `${p.metadata.namespace}/${p.metadata.name}`));
  const isNew = (p: Pod) => !known.has(`${p.metadata.namespace}/${p.metadata.name}`);
  const have = new Set(given.namespaces.map((n) => n.metadata.name));
  return {
    ...given,
    nodes: given.nodes.length > 0 ? nodesWithRanges(given.nodes, made.nodes) : made.nodes,
    pods: [...given.pods, ...made.pods.filter(isNew)],
    namespaces: [
      ...given.namespaces,
      ...made.namespaces.filter((n) => !have.has(n.metadata.name) && n.metadata.name === namespace),
    ],
    services: [...given.services, ...made.services],
    endpointSlices: [...given.endpointSlices, ...made.endpointSlices.filter(isDnsSlice)],
  };
}

const isDnsSlice = (s: EndpointSlice): boolean =>
  s.metadata.labels["kubernetes.io/service-name"] === "kube-dns" && s.metadata.namespace === "kube-system";

/** The pods that were added have addresses in ranges that only now were dealt to nodes without one. */
const nodesWithRanges = (given: readonly Node[], made: readonly Node[]): readonly Node[] =>
  given.map((node, i) => {
    const other = made[i];
    if (other === undefined) return node;
    const addresses = node.status.addresses ?? [];
    return {
      ...node,
      spec: { ...other.spec, ...node.spec },
      status: {
        ...node.status,
        addresses: addresses.length > 0 ? addresses : (other.status.addresses ?? []),
      },
    };
  });

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193) >>> 0;
  return value;
}

/** Gives a number from `size`, beginning at the name's own place, to whom none is free any more undefined. */
function dealer<T>(size: number, at: (index: number) => T, taken: Set<T>): (name: string) => T | undefined {
  return (name) => {
    const start = hash(name);
    for (let i = 0; i < size; i++) {
      const value = at((start + i) % size);
      if (taken.has(value)) continue;
      taken.add(value);
      return value;
    }
    return undefined;
  };
}

function dealAddresses({ services, others }: Cluster): readonly Service[] {
  const cidrs = (others.get("ServiceCIDR") ?? []).flatMap(
    (o) => (o.spec as { cidrs?: readonly string[] } | undefined)?.cidrs ?? [],
  );
  const range =
    cidrs.flatMap((c) => parseBlock(c) ?? []).find((b) => b.family === "IPv4") ?? parseBlock(SERVICE_RANGE);
  if (range === undefined) return services;
  const bits = 32 - range.bits;
  // The lower band is for addresses that people choose (KEP-3070).
  const band = Math.min(256, Math.max(16, 2 ** bits / 16));
  const ips = dealer(
    Math.max(1, Math.min(2 ** bits - 2 - band, 1 << 20)),
    (i) => v4(Number(range.first) + band + i),
    new Set(services.flatMap((s) => s.spec.clusterIPs ?? [])),
  );
  const ports = dealer(
    NODE_PORTS.count,
    (i) => NODE_PORTS.first + i,
    new Set(services.flatMap((s) => s.spec.ports.flatMap((p) => p.nodePort ?? []))),
  );
  const byName = [...services].sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
  const dealt = new Map(byName.map((s) => [s, withPorts(withAddress(s, ips), ports)]));
  return services.map((s) => dealt.get(s) ?? s);
}

const v4 = (value: number): string => [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join(".");

function withAddress(service: Service, deal: (name: string) => string | undefined): Service {
  const { spec } = service;
  if (spec.type === "ExternalName" || (spec.clusterIP !== undefined && spec.clusterIP !== "")) return service;
  // IPv6 addresses are not dealt: whoever has IPv6 Services has their addresses in a dump.
  if (spec.ipFamilies?.[0] === "IPv6") return service;
  const ip = deal(nameOf(service));
  if (ip === undefined || parseAddress(ip) === undefined) return service;
  return { ...service, spec: { ...spec, clusterIP: ip, clusterIPs: [ip] } };
}

function withPorts(service: Service, deal: (name: string) => number | undefined): Service {
  const { spec } = service;
  const wants =
    spec.type === "NodePort" ||
    (spec.type === "LoadBalancer" && spec.allocateLoadBalancerNodePorts !== false);
  if (!wants || spec.ports.every((p) => p.nodePort !== undefined)) return service;
  const ports = spec.ports.map((p) => {
    const nodePort = p.nodePort ?? deal(`${nameOf(service)}:${p.port}/${p.protocol}`);
    return nodePort === undefined ? p : { ...p, nodePort };
  });
  return { ...service, spec: { ...spec, ports } };
}
