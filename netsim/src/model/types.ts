/**
 * Typed subsets of the Kubernetes API objects, in their API shapes, and the immutable `Cluster` that everything in netsim
 * is computed from. Only what the simulator reads is here; `load` drops the rest while it parses. Fields that the API
 * server defaults are filled in by `load` where the comment says so, so that readers need not know the default.
 */

import type {
  AdminNetworkPolicy,
  BaselineAdminNetworkPolicy,
  CalicoNetworkSet,
  CalicoPolicy,
  CalicoTier,
  ClusterNetworkPolicy,
  NetworkPolicy,
} from "./policy-types.ts";
import type { CiliumNetworkPolicy } from "./cilium-types.ts";
import type { Pod, Workload } from "./pod-types.ts";

export type * from "./pod-types.ts";
export type * from "./policy-types.ts";
export type * from "./cilium-types.ts";

/**
 * Where an object was read: `line` is 1-based, the first line of the object. `span` (its bytes in the file) and `path`
 * (where it stands in them, when that is not the top) serve `lineOf`, which finds the line of a field.
 */
export interface Source {
  readonly file: string;
  readonly line: number;
  readonly span?: readonly [start: number, end: number];
  readonly path?: readonly (string | number)[];
}

export type Labels = Readonly<Record<string, string>>;

/** ObjectMeta. `namespace` is "" for kinds without one, and "default" where a namespaced object names none. */
export interface Meta {
  readonly name: string;
  readonly namespace: string;
  readonly labels: Labels;
  readonly annotations: Labels;
  readonly uid?: string;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly ownerReferences?: readonly {
    readonly kind: string;
    readonly name: string;
    readonly controller?: boolean;
  }[];
}

/** What every object has. `derived` says what netsim made it from (a Pod from a Deployment, a slice from a selector). */
export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Meta;
  readonly source: Source;
  readonly derived?: string;
}

/** Any kind that has no type here: its fields as parsed. */
export interface OtherObject extends KubeObject {
  readonly spec?: unknown;
  readonly status?: unknown;
  readonly data?: unknown;
  readonly [field: string]: unknown;
}

export type IPFamily = "IPv4" | "IPv6";
export type Protocol = "TCP" | "UDP" | "SCTP";
export type IntOrString = number | string;

export interface LabelSelector {
  readonly matchLabels?: Labels;
  readonly matchExpressions?: readonly LabelRequirement[];
}

export interface LabelRequirement {
  readonly key: string;
  readonly operator: "In" | "NotIn" | "Exists" | "DoesNotExist";
  readonly values?: readonly string[];
}

/* ---- core ---- */

/** `kubernetes.io/metadata.name` is always among the labels. */
export interface Namespace extends KubeObject {
  readonly status?: { readonly phase?: string };
}

export interface NodeAddress {
  readonly type: string;
  readonly address: string;
}

export interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
}

export interface Taint {
  readonly key: string;
  readonly value?: string;
  readonly effect: string;
}

export interface Node extends KubeObject {
  readonly spec: {
    readonly podCIDR?: string;
    readonly podCIDRs?: readonly string[];
    readonly providerID?: string;
    readonly unschedulable?: boolean;
    readonly taints?: readonly Taint[];
  };
  readonly status: {
    readonly addresses?: readonly NodeAddress[];
    readonly conditions?: readonly Condition[];
    readonly capacity?: { readonly cpu?: IntOrString };
  };
}

/** `protocol` is filled in (TCP), and so is `targetPort` (the port itself). */
export interface ServicePort {
  readonly name?: string;
  readonly port: number;
  readonly protocol: Protocol;
  readonly targetPort: IntOrString;
  readonly nodePort?: number;
  readonly appProtocol?: string;
}

export interface LoadBalancerIngress {
  readonly ip?: string;
  readonly hostname?: string;
  readonly ipMode?: string;
}

/**
 * A Service. Filled in: `type` (ClusterIP), `ports` ([]), `sessionAffinity` (None), `internalTrafficPolicy` (Cluster),
 * `externalTrafficPolicy` (Cluster, where the type has one), `clusterIPs` from `clusterIP` and back, `ipFamilies`. A `selector` that is
 * absent means that the EndpointSlices are somebody else's business; addresses are never invented.
 */
export interface Service extends KubeObject {
  readonly spec: {
    readonly type: "ClusterIP" | "NodePort" | "LoadBalancer" | "ExternalName";
    readonly ports: readonly ServicePort[];
    readonly selector?: Labels;
    readonly clusterIP?: string;
    readonly clusterIPs?: readonly string[];
    readonly ipFamilies?: readonly IPFamily[];
    readonly ipFamilyPolicy?: string;
    readonly externalName?: string;
    readonly externalIPs?: readonly string[];
    readonly loadBalancerIP?: string;
    readonly loadBalancerClass?: string;
    readonly loadBalancerSourceRanges?: readonly string[];
    readonly allocateLoadBalancerNodePorts?: boolean;
    readonly healthCheckNodePort?: number;
    readonly sessionAffinity: "None" | "ClientIP";
    readonly sessionAffinityConfig?: { readonly clientIP?: { readonly timeoutSeconds?: number } };
    readonly internalTrafficPolicy: "Cluster" | "Local";
    readonly externalTrafficPolicy?: "Cluster" | "Local";
    readonly trafficDistribution?: string;
    readonly publishNotReadyAddresses?: boolean;
  };
  readonly status: { readonly loadBalancer?: { readonly ingress?: readonly LoadBalancerIngress[] } };
}

/** An absent condition means: `ready` true, `serving` as `ready`, `terminating` false (discovery/v1). */
export interface Endpoint {
  readonly addresses: readonly string[];
  readonly conditions?: {
    readonly ready?: boolean;
    readonly serving?: boolean;
    readonly terminating?: boolean;
  };
  readonly hostname?: string;
  readonly nodeName?: string;
  readonly zone?: string;
  readonly targetRef?: { readonly kind?: string; readonly namespace?: string; readonly name?: string };
  readonly hints?: {
    readonly forZones?: readonly { readonly name: string }[];
    readonly forNodes?: readonly { readonly name: string }[];
  };
}

/** `protocol` is filled in (TCP); an absent `port` means every port. */
export interface EndpointPort {
  readonly name?: string;
  readonly port?: number;
  readonly protocol: Protocol;
  readonly appProtocol?: string;
}

/** Its Service is named by the label `kubernetes.io/service-name`. */
export interface EndpointSlice extends KubeObject {
  readonly addressType: IPFamily | "FQDN";
  readonly endpoints: readonly Endpoint[];
  readonly ports: readonly EndpointPort[];
}

/** Of a Secret its certificates (PEM, from `tls.crt` and `ca.crt`) and nothing that is secret. */
export interface Secret extends KubeObject {
  readonly certificate?: string;
  readonly authority?: string;
  /** Whether `tls.key` is a private key; which one is not kept. */
  readonly hasKey: boolean;
}

/* ---- the whole ---- */

/** What was wrong in the input. `error`: the object (or field) has no effect here; `warning`: it was read, but look at it. */
export interface Problem {
  readonly severity: "error" | "warning";
  readonly file: string;
  readonly line: number;
  /** Path of the field, as `spec.ingress[0].from[1].ipBlock.cidr`. */
  readonly field?: string;
  /** `Kind namespace/name`, once that much was known. */
  readonly object?: string;
  readonly message: string;
}

/**
 * One immutable cluster. Lists are in input order; of two objects with the same kind, namespace and name the later counts.
 * `others` holds every kind without a list of its own by its `kind` (Ingress and the Gateway API among them:
 * `ingresses` and `gatewayObjects` are views of the same objects).
 */
export interface Cluster {
  readonly namespaces: readonly Namespace[];
  readonly nodes: readonly Node[];
  readonly pods: readonly Pod[];
  readonly workloads: readonly Workload[];
  readonly services: readonly Service[];
  readonly endpointSlices: readonly EndpointSlice[];
  readonly secrets: readonly Secret[];
  readonly networkPolicies: readonly NetworkPolicy[];
  readonly anps: readonly AdminNetworkPolicy[];
  readonly banps: readonly BaselineAdminNetworkPolicy[];
  readonly clusterNetworkPolicies: readonly ClusterNetworkPolicy[];
  readonly ciliumPolicies: readonly CiliumNetworkPolicy[];
  readonly calicoPolicies: readonly CalicoPolicy[];
  readonly calicoTiers: readonly CalicoTier[];
  readonly calicoNetworkSets: readonly CalicoNetworkSet[];
  readonly ingresses: readonly OtherObject[];
  /** All of gateway.networking.k8s.io (and its x-k8s.io experiments), whatever the kind. */
  readonly gatewayObjects: readonly OtherObject[];
  readonly others: ReadonlyMap<string, readonly OtherObject[]>;
  readonly problems: readonly Problem[];
}
