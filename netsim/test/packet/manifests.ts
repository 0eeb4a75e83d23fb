/** Manifests of a small cluster: web on node-1, api and DNS on node-2, and what says which CNI there is. */

export const metadata = (name: string, labels = {}) => ({ name, namespace: "default", labels });
export const node = (name: string, address: string, podCIDR: string) => ({
  apiVersion: "v1",
  kind: "Node",
  metadata: { name },
  spec: { podCIDR },
  status: { addresses: [{ type: "InternalIP", address }] },
});
export const pod = (name: string, nodeName: string, podIP: string, port: number) => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: metadata(name, { app: name }),
  spec: { nodeName, containers: [{ name: "app", image: "app", ports: [{ containerPort: port }] }] },
  status: { phase: "Running", podIP, conditions: [{ type: "Ready", status: "True" }] },
});
export const service = (
  name: string,
  clusterIP: string,
  port: number,
  targetPort: number,
  protocol = "TCP",
) => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: metadata(name),
  spec: { clusterIP, selector: { app: name }, ports: [{ port, targetPort, protocol }] },
});
export const dns = (object: ReturnType<typeof pod> | ReturnType<typeof service>) => ({
  ...object,
  metadata: {
    ...object.metadata,
    namespace: "kube-system",
    labels: { app: "kube-dns", "k8s-app": "kube-dns" },
  },
});
export const pool = (spec: object) => ({
  apiVersion: "crd.projectcalico.org/v1",
  kind: "IPPool",
  metadata: { name: "default-ipv4-ippool" },
  spec: { cidr: "10.244.0.0/16", natOutgoing: true, ...spec },
});
export const felix = (spec: object) => ({
  apiVersion: "crd.projectcalico.org/v1",
  kind: "FelixConfiguration",
  metadata: { name: "default" },
  spec,
});
export const cluster = [
  node("node-1", "172.18.0.2", "10.244.1.0/24"),
  node("node-2", "172.18.0.3", "10.244.2.0/24"),
  pod("web", "node-1", "10.244.1.10", 8080),
  pod("api", "node-2", "10.244.2.10", 8080),
  service("api", "10.96.1.1", 80, 8080),
  service("empty", "10.96.1.2", 80, 8080),
  dns(pod("kube-dns", "node-2", "10.244.2.53", 53)),
  dns(service("kube-dns", "10.96.0.10", 53, 53, "UDP")),
];
export const policy = (type: "Ingress" | "Egress", app: string) => ({
  apiVersion: "networking.k8s.io/v1",
  kind: "NetworkPolicy",
  metadata: metadata(`deny-${app}`),
  spec: {
    podSelector: { matchLabels: { app } },
    policyTypes: [type],
    ...(type === "Egress" && { egress: [{ ports: [{ port: 53, protocol: "UDP" }] }] }),
  },
});

export const configMap = (name: string, data: object) => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, namespace: "kube-system" },
  data,
});
export const weave = {
  apiVersion: "apps/v1",
  kind: "DaemonSet",
  metadata: { name: "weave-net", namespace: "kube-system" },
  spec: {
    selector: { matchLabels: { name: "weave-net" } },
    template: {
      metadata: { labels: { name: "weave-net" } },
      spec: { hostNetwork: true, containers: [{ name: "weave", image: "weaveworks/weave-kube:2.8.1" }] },
    },
  },
};
export const flannel = (type: string) =>
  configMap("kube-flannel-cfg", {
    "net-conf.json": JSON.stringify({ Network: "10.244.0.0/16", Backend: { Type: type } }),
  });
export const cilium = (data: object) => configMap("cilium-config", { "routing-mode": "tunnel", ...data });
