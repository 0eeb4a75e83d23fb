import type { Cluster, IPFamily, Protocol, Service, ServicePort } from "../model/types.ts";
import { parseAddress, parseBlock, type Address, type Block } from "./address.ts";

/** One port of one Service as kube-proxy sees it for one address family. */
export interface ProxiedPort {
  readonly service: Service;
  /** `namespace/name:port`, without the colon when the port has no name: the key of the chains' hashes. */
  readonly name: string;
  readonly portName: string;
  readonly protocol: Protocol;
  readonly clusterIP: Address;
  readonly port: number;
  /** 0: none. */
  readonly nodePort: number;
  readonly externalIPs: readonly Address[];
  /** Addresses of the load balancer that arrive unchanged at the node (`ipMode` VIP). */
  readonly loadBalancerIPs: readonly Address[];
  readonly sourceRanges: readonly Block[];
  /** 0: none. */
  readonly healthCheckNodePort: number;
  /** Seconds of `sessionAffinity: ClientIP`; 0: none. */
  readonly affinity: number;
  readonly internalLocal: boolean;
  readonly externalLocal: boolean;
}

const DEFAULT_AFFINITY = 10800;

/** Every port that kube-proxy serves in this family, by name and protocol. */
export function proxiedPorts(cluster: Cluster, family: IPFamily): ProxiedPort[] {
  return cluster.services
    .filter(isProxied)
    .flatMap((service) => {
      const clusterIP = clusterIPOf(service, family);
      return clusterIP === undefined
        ? []
        : service.spec.ports.map((port) => proxiedPort(service, port, clusterIP, family));
    })
    .sort((a, b) => compare(a.name, b.name) || compare(a.protocol, b.protocol));
}

/** Can the port be reached by something else than its cluster IP? */
export function isExternal(port: ProxiedPort): boolean {
  return port.nodePort !== 0 || port.loadBalancerIPs.length > 0 || port.externalIPs.length > 0;
}

/** Headless and ExternalName Services are DNS's business, and labelled ones another proxy's. */
export function isProxied(service: Service): boolean {
  const { type, clusterIP } = service.spec;
  const { labels } = service.metadata;
  return (
    type !== "ExternalName" &&
    clusterIP !== undefined &&
    clusterIP !== "" &&
    clusterIP !== "None" &&
    !("service.kubernetes.io/service-proxy-name" in labels) &&
    !("service.kubernetes.io/headless" in labels)
  );
}

function proxiedPort(service: Service, port: ServicePort, clusterIP: Address, family: IPFamily): ProxiedPort {
  const { spec, metadata } = service;
  const ours = (texts: readonly (string | undefined)[]) =>
    texts
      .map((text) => (text === undefined ? undefined : parseAddress(text)))
      .filter((address): address is Address => address?.family === family);
  const portName = port.name ?? "";
  const { type } = spec;
  const takesOutside =
    type === "LoadBalancer" ||
    type === "NodePort" ||
    (type === "ClusterIP" && (spec.externalIPs?.length ?? 0) > 0);
  const externalLocal = takesOutside && spec.externalTrafficPolicy === "Local";
  const ranges = (spec.loadBalancerSourceRanges ?? [])
    .map(parseBlock)
    .filter((range): range is Block => range?.family === family);
  return {
    service,
    name: `${metadata.namespace}/${metadata.name}${portName === "" ? "" : `:${portName}`}`,
    portName,
    protocol: port.protocol,
    clusterIP,
    port: port.port,
    nodePort: port.nodePort ?? 0,
    externalIPs: ours(spec.externalIPs ?? []),
    loadBalancerIPs: ours(
      (service.status.loadBalancer?.ingress ?? [])
        .filter((ingress) => (ingress.ipMode ?? "VIP") === "VIP")
        .map((ingress) => ingress.ip),
    ),
    // A range of zero bits lets everybody in: the same as no ranges.
    sourceRanges: ranges.some((range) => range.bits === 0) ? [] : ranges,
    healthCheckNodePort: type === "LoadBalancer" && externalLocal ? (spec.healthCheckNodePort ?? 0) : 0,
    affinity:
      spec.sessionAffinity === "ClientIP"
        ? (spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? DEFAULT_AFFINITY)
        : 0,
    internalLocal: spec.internalTrafficPolicy === "Local",
    externalLocal,
  };
}

function clusterIPOf(service: Service, family: IPFamily): Address | undefined {
  const { clusterIP, clusterIPs = [] } = service.spec;
  return [...clusterIPs, clusterIP ?? ""].map(parseAddress).find((address) => address?.family === family);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
