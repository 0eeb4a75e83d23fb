/** NetworkPolicy, the administrator's policies and Calico's, in their API shapes. Cilium's are in cilium-types.ts. */
import type { IntOrString, KubeObject, LabelSelector, Protocol } from "./types.ts";

/* ---- networking.k8s.io/v1 NetworkPolicy ---- */

export interface IPBlock {
  readonly cidr: string;
  readonly except?: readonly string[];
}

export interface NetworkPolicyPeer {
  readonly podSelector?: LabelSelector;
  readonly namespaceSelector?: LabelSelector;
  readonly ipBlock?: IPBlock;
}

/** `protocol` is filled in (TCP). */
export interface NetworkPolicyPort {
  readonly protocol: Protocol;
  readonly port?: IntOrString;
  readonly endPort?: number;
}

export interface NetworkPolicyIngressRule {
  readonly from?: readonly NetworkPolicyPeer[];
  readonly ports?: readonly NetworkPolicyPort[];
}

export interface NetworkPolicyEgressRule {
  readonly to?: readonly NetworkPolicyPeer[];
  readonly ports?: readonly NetworkPolicyPort[];
}

/** `policyTypes` is filled in as the API server does: Ingress always, Egress when there are egress rules. */
export interface NetworkPolicy extends KubeObject {
  readonly spec: {
    readonly podSelector: LabelSelector;
    readonly policyTypes: readonly ("Ingress" | "Egress")[];
    readonly ingress?: readonly NetworkPolicyIngressRule[];
    readonly egress?: readonly NetworkPolicyEgressRule[];
  };
}

/* ---- policy.networking.k8s.io: AdminNetworkPolicy, BaselineAdminNetworkPolicy, ClusterNetworkPolicy ---- */

export interface NamespacedPods {
  readonly namespaceSelector: LabelSelector;
  readonly podSelector: LabelSelector;
}

export interface AdminSubject {
  readonly namespaces?: LabelSelector;
  readonly pods?: NamespacedPods;
}

/** `networks`, `nodes` and `domainNames` are egress peers only. */
export interface AdminPeer {
  readonly namespaces?: LabelSelector;
  readonly pods?: NamespacedPods;
  readonly nodes?: LabelSelector;
  readonly networks?: readonly string[];
  readonly domainNames?: readonly string[];
}

/** v1alpha1's `ports` entries. */
export interface AdminPort {
  readonly portNumber?: { readonly protocol: Protocol; readonly port: number };
  readonly portRange?: { readonly protocol: Protocol; readonly start: number; readonly end: number };
  readonly namedPort?: string;
}

export interface AdminNetworkPolicyRule {
  readonly name?: string;
  readonly action: "Allow" | "Deny" | "Pass";
  readonly from?: readonly AdminPeer[];
  readonly to?: readonly AdminPeer[];
  readonly ports?: readonly AdminPort[];
}

export interface AdminNetworkPolicy extends KubeObject {
  readonly spec: {
    readonly priority: number;
    readonly subject: AdminSubject;
    readonly ingress?: readonly AdminNetworkPolicyRule[];
    readonly egress?: readonly AdminNetworkPolicyRule[];
  };
}

export interface BaselineAdminNetworkPolicy extends KubeObject {
  readonly spec: {
    readonly subject: AdminSubject;
    readonly ingress?: readonly AdminNetworkPolicyRule[];
    readonly egress?: readonly AdminNetworkPolicyRule[];
  };
}

/** v1alpha2's `protocols` entries. */
export interface ClusterPolicyProtocol {
  readonly tcp?: { readonly destinationPort?: ClusterPolicyPort };
  readonly udp?: { readonly destinationPort?: ClusterPolicyPort };
  readonly sctp?: { readonly destinationPort?: ClusterPolicyPort };
  readonly destinationNamedPort?: string;
}

export interface ClusterPolicyPort {
  readonly number?: number;
  readonly range?: { readonly start: number; readonly end: number };
}

export interface ClusterNetworkPolicyRule {
  readonly name?: string;
  readonly action: "Accept" | "Deny" | "Pass";
  readonly from?: readonly AdminPeer[];
  readonly to?: readonly AdminPeer[];
  readonly protocols?: readonly ClusterPolicyProtocol[];
}

export interface ClusterNetworkPolicy extends KubeObject {
  readonly spec: {
    readonly tier: "Admin" | "Baseline";
    readonly priority: number;
    readonly subject: AdminSubject;
    readonly ingress?: readonly ClusterNetworkPolicyRule[];
    readonly egress?: readonly ClusterNetworkPolicyRule[];
  };
}

/* ---- projectcalico.org/v3 ---- */

export interface CalicoEntity {
  readonly selector?: string;
  readonly notSelector?: string;
  readonly namespaceSelector?: string;
  readonly nets?: readonly string[];
  readonly notNets?: readonly string[];
  readonly ports?: readonly IntOrString[];
  readonly notPorts?: readonly IntOrString[];
  readonly serviceAccounts?: { readonly names?: readonly string[]; readonly selector?: string };
  readonly services?: { readonly name?: string; readonly namespace?: string };
  readonly domains?: readonly string[];
}

export interface CalicoRule {
  readonly action: "Allow" | "Deny" | "Log" | "Pass";
  readonly protocol?: IntOrString;
  readonly notProtocol?: IntOrString;
  readonly ipVersion?: number;
  readonly icmp?: { readonly type?: number; readonly code?: number };
  readonly notICMP?: { readonly type?: number; readonly code?: number };
  readonly source?: CalicoEntity;
  readonly destination?: CalicoEntity;
  readonly http?: {
    readonly methods?: readonly string[];
    readonly paths?: readonly { readonly exact?: string; readonly prefix?: string }[];
  };
}

/** NetworkPolicy or GlobalNetworkPolicy of Calico. `types` is filled in by the rule lists present (Ingress when neither is). */
export interface CalicoPolicy extends KubeObject {
  readonly spec: {
    readonly tier: string;
    readonly order?: number;
    readonly selector?: string;
    readonly namespaceSelector?: string;
    readonly serviceAccountSelector?: string;
    readonly types: readonly ("Ingress" | "Egress")[];
    readonly ingress?: readonly CalicoRule[];
    readonly egress?: readonly CalicoRule[];
    readonly doNotTrack?: boolean;
    readonly preDNAT?: boolean;
    readonly applyOnForward?: boolean;
  };
}

export interface CalicoTier extends KubeObject {
  readonly spec: { readonly order?: number; readonly defaultAction?: string };
}

/** NetworkSet or GlobalNetworkSet: addresses that selectors can select. */
export interface CalicoNetworkSet extends KubeObject {
  readonly spec: { readonly nets?: readonly string[]; readonly allowedEgressDomains?: readonly string[] };
}
