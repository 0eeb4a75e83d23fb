/**
 * Balancers outside the cluster that the nodes' rules know nothing of: those with a name for an address (AWS), and those whose
 * `ipMode` is Proxy. They pass connections on to a node port.
 */
import type { Cluster, Service } from "../model/types.ts";

/** The address of the balancer that has that name. */
export function balancerNamed({ services }: Cluster, host: string): string | undefined {
  const name = host.toLowerCase().replace(/\.$/, "");
  const entries = services.flatMap((s) => s.status.loadBalancer?.ingress ?? []);
  return entries.find((i) => i.hostname?.toLowerCase() === name)?.ip;
}

export interface Backend {
  readonly node: string;
  readonly address: string;
  readonly port: number;
}

/** The node and port that such a balancer chooses: of a Service with policy Local a node that has an endpoint. */
export function behindBalancer(
  { nodes, endpointSlices }: Cluster,
  { metadata, spec, status }: Service,
  address: string,
  port: number,
  protocol: string,
): Backend | undefined {
  const isProxy =
    status.loadBalancer?.ingress?.some((i) => i.ip === address && i.ipMode === "Proxy") === true;
  const nodePort = spec.ports.find((p) => p.port === port && p.protocol === protocol)?.nodePort;
  if (!isProxy || nodePort === undefined) return undefined;
  const slices = endpointSlices.filter(
    (s) =>
      s.metadata.namespace === metadata.namespace &&
      s.metadata.labels["kubernetes.io/service-name"] === metadata.name,
  );
  const ready = slices.flatMap((s) => s.endpoints.filter((e) => e.conditions?.ready ?? true));
  const healthy = new Set(ready.map((e) => e.nodeName));
  const local = spec.externalTrafficPolicy === "Local";
  const open = nodes
    .filter((n) => !("node.kubernetes.io/exclude-from-external-load-balancers" in n.metadata.labels))
    .filter((n) => !local || healthy.has(n.metadata.name))
    .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  const [node] = open;
  const own = node?.status.addresses?.find((a) => a.type === "InternalIP")?.address;
  return node === undefined || own === undefined
    ? undefined
    : { node: node.metadata.name, address: own, port: nodePort };
}
