/**
 * Kubernetes objects, cut down to what DNS needs of them. Both sources of a cluster make them with `trim`, the index keeps
 * them as they are, so every byte here is there once for each object of the cluster.
 */

/** The kinds that DNS looks at. */
export const KINDS = ["Namespace", "Service", "EndpointSlice", "Pod", "ServiceImport"] as const;
export type Kind = (typeof KINDS)[number];

/** A port of a Service or of an EndpointSlice. */
export interface Port {
  /** Empty where it has none. */
  readonly name: string;
  /** `TCP`, `UDP` or `SCTP`. */
  readonly protocol: string;
  /** -1 where an EndpointSlice leaves it open (all ports). */
  readonly number: number;
}

export interface Namespace {
  readonly kind: "Namespace";
  readonly name: string;
}

export interface Service {
  readonly kind: "Service";
  readonly namespace: string;
  readonly name: string;
  /** spec.clusterIPs as text; none for a headless one and for an alias. */
  readonly addresses: readonly string[];
  /** clusterIP is `None`. */
  readonly headless: boolean;
  /** spec.externalName of an ExternalName service; undefined for the other types. */
  readonly alias: string | undefined;
  readonly ports: readonly Port[];
  /** spec.externalIPs, then the load balancer's addresses, or host names where it has no address. */
  readonly external: readonly string[];
}

/** The ready endpoints of one slice; one place in the arrays is one address. */
export interface EndpointSlice {
  readonly kind: "EndpointSlice";
  readonly namespace: string;
  readonly name: string;
  /** Label kubernetes.io/service-name; empty without it. */
  readonly service: string;
  /** Label multicluster.kubernetes.io/service-name; empty without it. */
  readonly imports: string;
  /** Label multicluster.kubernetes.io/source-cluster; empty without it. */
  readonly cluster: string;
  readonly ports: readonly Port[];
  /** Text as in the object: IPv4, IPv6, or a domain name. */
  readonly addresses: readonly string[];
  /** The endpoint's own name (host name, or its pod's where that is wanted), empty where it is named after its address. Undefined: all are. */
  readonly names: readonly string[] | undefined;
  /** Topology zones in lower case, empty where unknown. Undefined: nobody wants to know, or none has one. */
  readonly zones: readonly string[] | undefined;
}

export interface Pod {
  readonly kind: "Pod";
  readonly namespace: string;
  readonly name: string;
  /** status.podIP. */
  readonly address: string;
  /** Being deleted: a pod first seen so does not count, one known before stays until it is gone. */
  readonly terminating: boolean;
  /** Undefined where nobody wants them. */
  readonly labels: Readonly<Record<string, string>> | undefined;
}

/** multicluster.x-k8s.io (KEP-1645). */
export interface ServiceImport {
  readonly kind: "ServiceImport";
  readonly namespace: string;
  readonly name: string;
  readonly addresses: readonly string[];
  readonly headless: boolean;
  readonly ports: readonly Port[];
}

export type ClusterObject = Namespace | Service | EndpointSlice | Pod | ServiceImport;
