/**
 * What a running cluster has and manifests often leave out: cluster IPs and node ports, which the API server deals, and the
 * cluster's DNS. What is filled in depends on names alone, and is named in the trace.
 */
import { loadObjects } from "../model/reader.ts";
import type { Cluster, EndpointSlice, Node, Pod } from "../model/types.ts";
import { addressAt } from "../select/cidr.ts";
import { allocate, balance, serviceRanges } from "../service/allocate.ts";
import { clusterDnsOf } from "./settings.ts";

export interface Completed {
  readonly cluster: Cluster;
  /** Sentences: what was not in the input. */
  readonly assumed: readonly string[];
  /** `namespace/name` of Services whose balancers' addresses were not in the input. */
  readonly balanced: readonly string[];
}

const DNS_LABELS = { "k8s-app": "kube-dns" };

export function complete(given: Cluster): Completed {
  const assumed: string[] = [];
  const withDns = clusterDnsOf(given) === undefined ? addDns(given) : given;
  if (withDns !== given)
    assumed.push(
      "no DNS Service in the input: kube-system/kube-dns with two CoreDNS pods, as in every cluster",
    );
  const { cluster: dealt, services } = allocate(withDns);
  if (services.length > 0)
    assumed.push(
      `cluster IPs or node ports of ${services.length === 1 ? `Service ${services[0]}` : `${services.length} Services`}, which the API server would choose`,
    );
  const { cluster, services: balanced } = balance(dealt);
  return { cluster, assumed, balanced };
}

/** What says which ranges and families a cluster has. */
const CONFIGURATION = ["ServiceCIDR", "ClusterConfiguration", "Cluster", "KubeProxyConfiguration"];

/** CoreDNS as kubeadm installs it: labels, names and ports that policies and people go by. */
function addDns(given: Cluster): Cluster {
  const namespace = "kube-system";
  const ports = [
    { name: "dns", port: 53, protocol: "UDP", targetPort: 53 },
    { name: "dns-tcp", port: 53, protocol: "TCP", targetPort: 53 },
  ];
  const [range] = serviceRanges(given);
  // kubeadm gives it the tenth address.
  const ip = range === undefined ? undefined : addressAt(range, 10);
  const free = ip !== undefined && !given.services.some((s) => (s.spec.clusterIPs ?? []).includes(ip));
  const ipFamilies = [range?.v6 === true ? "IPv6" : "IPv4"];
  const deployed = (pods: readonly Pod[]): Cluster =>
    loadObjects(
      [
        ...given.nodes,
        ...pods,
        ...CONFIGURATION.flatMap((kind) => given.others.get(kind) ?? []),
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
          spec: { ...(free && { clusterIP: ip }), ipFamilies, selector: DNS_LABELS, ports },
        },
      ],
      "",
    );
  const known = new Set(given.pods.map((p) => `${p.metadata.namespace}/${p.metadata.name}`));
  const isNew = (p: Pod) => !known.has(`${p.metadata.namespace}/${p.metadata.name}`);
  const few = deployed(representatives(given.pods));
  const taken = new Set(given.pods.map((p) => p.status.podIP));
  const made = few.pods.some((p) => isNew(p) && taken.has(p.status.podIP)) ? deployed(given.pods) : few;
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

/** Enough of the pods to know the nodes and the neighbours: a dump may have a hundred thousand. */
function representatives(pods: readonly Pod[]): readonly Pod[] {
  const first = new Map(pods.map((p) => [p.spec.nodeName, p]));
  return pods.filter((p) => p.metadata.namespace === "kube-system" || first.get(p.spec.nodeName) === p);
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
