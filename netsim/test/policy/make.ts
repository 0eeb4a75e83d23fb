/** Short ways to write objects in tests. */
export const pod = (
  id: string,
  labels: object,
  ip: string,
  more: { node?: string; ports?: object[]; spec?: object; status?: object } = {},
) => {
  const [namespace, name] = id.split("/");
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { namespace, name, labels },
    spec: {
      nodeName: more.node ?? "node-1",
      containers: [{ name: "c", ports: more.ports ?? [] }],
      ...more.spec,
    },
    status: { phase: "Running", podIP: ip, podIPs: [{ ip }], ...more.status },
  };
};

export const node = (name: string, ip: string, labels: object = {}) => ({
  apiVersion: "v1",
  kind: "Node",
  metadata: { name, labels },
  status: { addresses: [{ type: "InternalIP", address: ip }] },
});

export const namespace = (name: string, labels: object = {}) => ({
  apiVersion: "v1",
  kind: "Namespace",
  metadata: { name, labels },
});

const object = (apiVersion: string, kind: string) => (id: string, spec: object) => {
  const [ns, name] = id.includes("/") ? id.split("/") : [undefined, id];
  return { apiVersion, kind, metadata: { name, ...(ns !== undefined && { namespace: ns }) }, spec };
};

export const networkPolicy = object("networking.k8s.io/v1", "NetworkPolicy");
export const calicoPolicy = object("projectcalico.org/v3", "NetworkPolicy");
export const globalPolicy = object("projectcalico.org/v3", "GlobalNetworkPolicy");
export const tier = object("projectcalico.org/v3", "Tier");
export const ciliumPolicy = object("cilium.io/v2", "CiliumNetworkPolicy");
export const adminPolicy = object("policy.networking.k8s.io/v1alpha1", "AdminNetworkPolicy");
export const clusterPolicy = object("policy.networking.k8s.io/v1alpha2", "ClusterNetworkPolicy");
export const service = object("v1", "Service");
