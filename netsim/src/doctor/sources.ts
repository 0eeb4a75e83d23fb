/** What checks refer to. */
import type { Reference } from "./types.ts";

const page = (text: string, url: string): Reference => ({ text, url });
const kubernetes = (text: string, path: string): Reference =>
  page(`Kubernetes: ${text}`, `https://kubernetes.io/docs/${path}`);

/** An issue or a pull request. */
export const thread = (repository: string, number: number): Reference =>
  page(`${repository}#${number}`, `https://github.com/${repository}/issues/${number}`);
export const k8s = (number: number): Reference => thread("kubernetes/kubernetes", number);
export const coredns = (number: number): Reference => thread("coredns/coredns", number);
export const coreDnsPlugin = (name: string): Reference =>
  page(`CoreDNS: ${name}`, `https://coredns.io/plugins/${name}/`);

export const NETWORK_POLICIES = kubernetes(
  "Network Policies",
  "concepts/services-networking/network-policies/",
);
export const NETWORKING = kubernetes("Cluster Networking", "concepts/cluster-administration/networking/");
export const SERVICE = kubernetes("Service", "concepts/services-networking/service/");
export const POD_DNS = kubernetes(
  "DNS for Services and Pods",
  "concepts/services-networking/dns-pod-service/",
);
export const DEBUG_DNS = kubernetes(
  "Debugging DNS Resolution",
  "tasks/administer-cluster/dns-debugging-resolution/",
);
export const DEBUG_SERVICE = kubernetes("Debug Services", "tasks/debug/debug-application/debug-service/");
export const NODELOCAL = kubernetes("Using NodeLocal DNSCache", "tasks/administer-cluster/nodelocaldns/");
export const PROBES = kubernetes(
  "Configure Liveness, Readiness and Startup Probes",
  "tasks/configure-pod-container/configure-liveness-readiness-startup-probes/",
);
export const INGRESS = kubernetes("Ingress", "concepts/services-networking/ingress/");
export const SYSCTLS = kubernetes(
  "Using sysctls in a Kubernetes Cluster",
  "tasks/administer-cluster/sysctl-cluster/",
);
export const DUAL_STACK = kubernetes("IPv4/IPv6 dual-stack", "concepts/services-networking/dual-stack/");
export const STATEFUL_SET = kubernetes("StatefulSets", "concepts/workloads/controllers/statefulset/");
export const SOURCE_IP = kubernetes("Using Source IP", "tutorials/services/source-ip/");
export const VIRTUAL_IPS = kubernetes("Virtual IPs and Service Proxies", "reference/networking/virtual-ips/");
export const KUBELET = kubernetes("Kubelet Configuration", "reference/config-api/kubelet-config.v1beta1/");
export const GATEWAY = page("Gateway API: specification", "https://gateway-api.sigs.k8s.io/reference/spec/");
export const REFERENCE_GRANT = page(
  "Gateway API: ReferenceGrant",
  "https://gateway-api.sigs.k8s.io/api-types/referencegrant/",
);
export const CILIUM_DNS = page(
  "Cilium: DNS based policies",
  "https://docs.cilium.io/en/stable/security/policy/language/#dns-based",
);
export const CALICO_MTU = page(
  "Calico: Configure MTU",
  "https://docs.tigera.io/calico/latest/networking/configuring/mtu",
);
export const KERNEL_IP = page("Linux: IP sysctl", "https://docs.kernel.org/networking/ip-sysctl.html");
export const KERNEL_CONNTRACK = page(
  "Linux: netfilter conntrack sysctl",
  "https://docs.kernel.org/networking/nf_conntrack-sysctl.html",
);
export const KERNEL_NET = page("Linux: sysctl net", "https://docs.kernel.org/admin-guide/sysctl/net.html");
export const SCALING_COREDNS = page(
  "CoreDNS: Scaling CoreDNS in Kubernetes",
  "https://github.com/coredns/deployment/blob/master/kubernetes/Scaling_CoreDNS.md",
);
