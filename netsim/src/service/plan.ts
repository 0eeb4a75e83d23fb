/**
 * What a node does with each service port, before it is written down as rules of any kind: kube-proxy's iptables and
 * nftables modes make the same decisions and differ in how they say them.
 */
import type { Cluster, IPFamily } from "../model/types.ts";
import { endpointIndex, usableEndpoints, type UsableEndpoints } from "./endpoints.ts";
import type { ProxyNode } from "./node.ts";
import { isExternal, proxiedPorts, type ProxiedPort } from "./service-port.ts";

/** Whose endpoints a traffic policy sends to. */
export type Policy = "cluster" | "local";

/** What happens to traffic for which there is no endpoint: `reject` when no node has one, `drop` when only this one has none. */
export type Refusal = "reject" | "drop";

export interface PortPlan {
  readonly port: ProxiedPort;
  readonly endpoints: UsableEndpoints;
  /** Endpoints of any condition, anywhere. */
  readonly known: number;
  readonly internalPolicy: Policy;
  /** For traffic to the cluster IP; undefined: it is served. */
  readonly internalRefusal: Refusal | undefined;
  readonly externalPolicy: Policy;
  /** For traffic to the other addresses that no short circuit took; undefined: it is served. */
  readonly externalRefusal: Refusal | undefined;
  /** Is there a way in for external traffic? Also without external endpoints: pods and the node itself are served. */
  readonly takesExternal: boolean;
  /** Do `loadBalancerSourceRanges` guard the load balancer's addresses? */
  readonly guarded: boolean;
}

export function planPorts(cluster: Cluster, family: IPFamily, node: ProxyNode): PortPlan[] {
  const endpointsOf = endpointIndex(cluster, family);
  return proxiedPorts(cluster, family).map((port) => {
    const known = endpointsOf(port);
    const endpoints = usableEndpoints(port, known, node);
    const refusal = (policy: Policy): Refusal | undefined => {
      if (!endpoints.any) return "reject";
      return policy === "local" && endpoints.local.length === 0 ? "drop" : undefined;
    };
    const internalPolicy = port.internalLocal ? "local" : "cluster";
    const externalPolicy = port.externalLocal ? "local" : "cluster";
    return {
      port,
      endpoints,
      known: known.length,
      internalPolicy,
      internalRefusal: refusal(internalPolicy),
      externalPolicy,
      externalRefusal: refusal(externalPolicy),
      takesExternal: endpoints.any && isExternal(port),
      guarded: port.loadBalancerIPs.length > 0 && port.sourceRanges.length > 0,
    };
  });
}
