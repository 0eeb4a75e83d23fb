/** cilium.io/v2 CiliumNetworkPolicy and CiliumClusterwideNetworkPolicy, in their API shape. */
import type { IntOrString, KubeObject, LabelSelector } from "./types.ts";

export interface CiliumPort {
  readonly port?: string;
  readonly endPort?: number;
  readonly protocol?: string;
}

export interface CiliumHTTPRule {
  readonly method?: string;
  readonly path?: string;
  readonly host?: string;
  readonly headers?: readonly string[];
  readonly headerMatches?: readonly {
    readonly name: string;
    readonly value?: string;
    readonly mismatch?: "LOG" | "ADD" | "DELETE" | "REPLACE";
    readonly secret?: { readonly namespace?: string; readonly name: string };
  }[];
}

export interface FQDNSelector {
  readonly matchName?: string;
  readonly matchPattern?: string;
}

export interface CiliumL7Rules {
  readonly http?: readonly CiliumHTTPRule[] | null;
  readonly dns?: readonly FQDNSelector[] | null;
  readonly kafka?: readonly unknown[] | null;
  readonly l7proto?: string;
  readonly l7?: readonly unknown[] | null;
}

export interface CiliumPortRule {
  readonly ports?: readonly CiliumPort[] | null;
  readonly rules?: CiliumL7Rules | null;
  readonly serverNames?: readonly string[] | null;
  readonly terminatingTLS?: unknown;
  readonly originatingTLS?: unknown;
  readonly listener?: unknown;
}

export interface CiliumService {
  readonly k8sService?: { readonly serviceName?: string; readonly namespace?: string };
  readonly k8sServiceSelector?: { readonly selector: LabelSelector; readonly namespace?: string };
}

export interface CIDRRule {
  readonly cidr?: string;
  readonly cidrGroupRef?: string;
  readonly cidrGroupSelector?: LabelSelector;
  readonly except?: readonly string[] | null;
}

/** A list that is `null` counts as absent, one that is `[]` selects nobody: Cilium tells them apart, so both stay. */
export interface CiliumRule {
  readonly fromEndpoints?: readonly LabelSelector[] | null;
  readonly fromRequires?: readonly unknown[] | null;
  readonly fromEntities?: readonly string[] | null;
  readonly fromCIDR?: readonly string[] | null;
  readonly fromCIDRSet?: readonly CIDRRule[] | null;
  readonly fromNodes?: readonly LabelSelector[] | null;
  readonly fromGroups?: readonly unknown[] | null;
  readonly toEndpoints?: readonly LabelSelector[] | null;
  readonly toRequires?: readonly unknown[] | null;
  readonly toEntities?: readonly string[] | null;
  readonly toCIDR?: readonly string[] | null;
  readonly toCIDRSet?: readonly CIDRRule[] | null;
  readonly toNodes?: readonly LabelSelector[] | null;
  readonly toGroups?: readonly unknown[] | null;
  readonly toServices?: readonly CiliumService[] | null;
  readonly toFQDNs?: readonly FQDNSelector[] | null;
  readonly toPorts?: readonly CiliumPortRule[] | null;
  readonly icmps?:
    | readonly { readonly fields?: readonly { readonly family?: string; readonly type: IntOrString }[] }[]
    | null;
  readonly authentication?: unknown;
}

export interface CiliumSpec {
  readonly endpointSelector?: LabelSelector;
  readonly nodeSelector?: LabelSelector;
  readonly ingress?: readonly CiliumRule[] | null;
  readonly ingressDeny?: readonly CiliumRule[] | null;
  readonly egress?: readonly CiliumRule[] | null;
  readonly egressDeny?: readonly CiliumRule[] | null;
  readonly enableDefaultDeny?: { readonly ingress?: boolean; readonly egress?: boolean };
  readonly description?: string;
}

/** CiliumNetworkPolicy or CiliumClusterwideNetworkPolicy: `spec`, `specs` or both. */
export interface CiliumNetworkPolicy extends KubeObject {
  readonly spec?: CiliumSpec;
  readonly specs?: readonly CiliumSpec[];
}
