/** The table of kinds: where each goes in the cluster, whether it has a namespace, and who reads it. */
import { ciliumNetworkPolicy } from "./cilium-kinds.ts";
import * as core from "./core-kinds.ts";
import * as edge from "./edge-kinds.ts";
import * as policy from "./policy-kinds.ts";
import * as services from "./service-kinds.ts";
import type { Read } from "./read.ts";
import type { Cluster } from "./types.ts";

/** The lists of a `Cluster` that objects are put into as they are read; "others" keeps an object as it was parsed. */
export type Slot = Exclude<keyof Cluster, "problems" | "ingresses" | "gatewayObjects">;

export interface Kind {
  readonly slot: Slot;
  readonly namespaced: boolean;
  readonly read: Read<object>;
}

const kind = (slot: Slot, namespaced: boolean, read: Read<object>): Kind => ({ slot, namespaced, read });
const other = (namespaced: boolean): Kind => kind("others", namespaced, core.whole);

/** By `group/Kind`; the version does not matter. */
const KINDS: Readonly<Record<string, Kind>> = {
  "/Namespace": kind("namespaces", false, core.namespace),
  "/Node": kind("nodes", false, core.node),
  "/Pod": kind("pods", true, core.pod),
  "/Secret": kind("secrets", true, core.secret),
  "/Service": kind("services", true, services.service),
  "/Endpoints": other(true),
  "/ConfigMap": other(true),
  "/ServiceAccount": other(true),
  "/ReplicationController": kind("workloads", true, core.workload),
  "discovery.k8s.io/EndpointSlice": kind("endpointSlices", true, services.endpointSlice),
  "apps/Deployment": kind("workloads", true, core.workload),
  "apps/StatefulSet": kind("workloads", true, core.workload),
  "apps/DaemonSet": kind("workloads", true, core.workload),
  "apps/ReplicaSet": kind("workloads", true, core.workload),
  "batch/Job": kind("workloads", true, core.job),
  "networking.k8s.io/NetworkPolicy": kind("networkPolicies", true, policy.networkPolicy),
  "networking.k8s.io/Ingress": kind("others", true, edge.ingress),
  "gateway.networking.k8s.io/Gateway": kind("others", true, edge.gateway),
  "gateway.networking.k8s.io/HTTPRoute": kind("others", true, edge.route),
  "gateway.networking.k8s.io/GRPCRoute": kind("others", true, edge.route),
  "gateway.networking.k8s.io/TLSRoute": kind("others", true, edge.route),
  "gateway.networking.k8s.io/TCPRoute": kind("others", true, edge.route),
  "gateway.networking.k8s.io/UDPRoute": kind("others", true, edge.route),
  "policy.networking.k8s.io/AdminNetworkPolicy": kind("anps", false, policy.adminNetworkPolicy),
  "policy.networking.k8s.io/BaselineAdminNetworkPolicy": kind(
    "banps",
    false,
    policy.baselineAdminNetworkPolicy,
  ),
  "policy.networking.k8s.io/ClusterNetworkPolicy": kind(
    "clusterNetworkPolicies",
    false,
    policy.clusterNetworkPolicy,
  ),
  "cilium.io/CiliumNetworkPolicy": kind("ciliumPolicies", true, ciliumNetworkPolicy),
  "cilium.io/CiliumClusterwideNetworkPolicy": kind("ciliumPolicies", false, ciliumNetworkPolicy),
  "projectcalico.org/NetworkPolicy": kind("calicoPolicies", true, policy.calicoPolicy),
  "projectcalico.org/GlobalNetworkPolicy": kind("calicoPolicies", false, policy.calicoPolicy),
  "projectcalico.org/Tier": kind("calicoTiers", false, policy.calicoTier),
  "projectcalico.org/NetworkSet": kind("calicoNetworkSets", true, policy.calicoNetworkSet),
  "projectcalico.org/GlobalNetworkSet": kind("calicoNetworkSets", false, policy.calicoNetworkSet),
};

/** Groups whose kinds are all kept as parsed, with their kinds that have no namespace. */
const GROUPS: Readonly<Record<string, readonly string[]>> = {
  "networking.k8s.io": ["IngressClass", "ServiceCIDR", "IPAddress"],
  "gateway.networking.k8s.io": ["GatewayClass"],
  "gateway.networking.x-k8s.io": [],
  "multicluster.x-k8s.io": [],
  "cilium.io": [
    "CiliumCIDRGroup",
    "CiliumNode",
    "CiliumIdentity",
    "CiliumLoadBalancerIPPool",
    "CiliumEgressGatewayPolicy",
    "CiliumClusterwideEnvoyConfig",
    "CiliumBGPClusterConfig",
    "CiliumBGPPeerConfig",
    "CiliumBGPAdvertisement",
    "CiliumBGPNodeConfig",
    "CiliumBGPNodeConfigOverride",
    "CiliumBGPPeeringPolicy",
    "CiliumL2AnnouncementPolicy",
    "CiliumPodIPPool",
  ],
  "projectcalico.org": [
    "IPPool",
    "IPReservation",
    "BGPConfiguration",
    "BGPFilter",
    "BGPPeer",
    "FelixConfiguration",
    "HostEndpoint",
    "StagedGlobalNetworkPolicy",
    "KubeControllersConfiguration",
    "ClusterInformation",
    "Profile",
    "CalicoNodeStatus",
    "BlockAffinity",
    "IPAMBlock",
    "IPAMConfig",
    "IPAMConfiguration",
    "IPAMHandle",
    "Node",
  ],
  "operator.tigera.io": ["Installation", "APIServer", "Goldmane", "Whisker", "TigeraStatus"],
  "kubeproxy.config.k8s.io": ["KubeProxyConfiguration"],
  "kubelet.config.k8s.io": ["KubeletConfiguration"],
  "kubeadm.k8s.io": ["ClusterConfiguration", "InitConfiguration", "JoinConfiguration"],
  "kind.x-k8s.io": ["Cluster"],
  "networking.istio.io": [],
  "security.istio.io": [],
  "linkerd.io": [],
  "policy.linkerd.io": [],
  "k8s.cni.cncf.io": [],
  "metallb.io": [],
  "crd.antrea.io": ["ClusterNetworkPolicy", "Tier", "ClusterGroup"],
};

/** Kinds that say nothing about the network: dropped without a word (and without keeping what may be secret). */
const SILENT = new Set([
  "/Event",
  "/PersistentVolume",
  "/PersistentVolumeClaim",
  "/ResourceQuota",
  "/LimitRange",
  "/PodTemplate",
  "/ComponentStatus",
  "apps/ControllerRevision",
  "batch/CronJob",
]);
const SILENT_GROUPS = new Set([
  "rbac.authorization.k8s.io",
  "storage.k8s.io",
  "policy",
  "autoscaling",
  "apiextensions.k8s.io",
  "apiregistration.k8s.io",
  "admissionregistration.k8s.io",
  "coordination.k8s.io",
  "events.k8s.io",
  "scheduling.k8s.io",
  "certificates.k8s.io",
  "node.k8s.io",
  "flowcontrol.apiserver.k8s.io",
  "authentication.k8s.io",
  "authorization.k8s.io",
  "metrics.k8s.io",
  "kustomize.config.k8s.io",
  "cert-manager.io",
  "monitoring.coreos.com",
]);

export const groupOf = (apiVersion: string): string => {
  const group = apiVersion.includes("/") ? apiVersion.slice(0, apiVersion.indexOf("/")) : "";
  return group === "crd.projectcalico.org" ? "projectcalico.org" : group;
};

/** Configuration files of components have a kind but no metadata: they are named after their kind. */
export const isConfiguration = (apiVersion: string): boolean =>
  /^(\w+\.config\.k8s\.io|kubeadm\.k8s\.io|kind\.x-k8s\.io)$/.test(groupOf(apiVersion));

/** What to do with an object: a row of the table, "silent" (drop it), or "unknown" (keep it and say so once). */
export function kindOf(apiVersion: string, name: string): Kind | "silent" | "unknown" {
  const group = groupOf(apiVersion);
  const id = `${group}/${name}`;
  const known = KINDS[id];
  if (known !== undefined) return known;
  if (SILENT.has(id) || SILENT_GROUPS.has(group)) return "silent";
  const clusterScoped = GROUPS[group];
  return clusterScoped === undefined ? "unknown" : other(!clusterScoped.includes(name));
}
