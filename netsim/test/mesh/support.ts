import { createMesh, meshCluster, type Mesh } from "../../src/mesh/mesh.ts";
import { loadText } from "../../src/model/load.ts";

export interface ClusterOptions {
  readonly id?: number;
  /** The second octet of its pods' addresses. */
  readonly net: number;
  /** Lines of `cilium-config`, and manifests, beside what every cluster here has. */
  readonly config?: string;
  readonly more?: string;
  readonly bare?: boolean;
}

/** A cluster of one node and Cilium, with a pod `client` in namespace `shop`. */
export function clusterText(
  name: string,
  { id, net, config = "", more = "", bare = false }: ClusterOptions,
): string {
  const cilium = `apiVersion: v1
kind: ConfigMap
metadata: { name: cilium-config, namespace: kube-system }
data:
  cluster-name: ${name}
  cluster-id: "${id ?? net}"
  routing-mode: tunnel
${config}
---
`;
  return `${bare ? "" : cilium}apiVersion: v1
kind: Node
metadata: { name: node-1 }
spec: { podCIDR: 10.${net}.0.0/24 }
status: { addresses: [{ type: InternalIP, address: 192.168.${net}.1 }] }
---
${pod("client", `10.${net}.0.2`, "client")}
${more}`;
}

export const pod = (name: string, ip: string, app: string, ready = true): string => `apiVersion: v1
kind: Pod
metadata: { name: ${name}, namespace: shop, labels: { app: ${app} } }
spec: { nodeName: node-1, containers: [{ name: main, ports: [{ containerPort: 8080 }] }] }
status:
  phase: Running
  podIP: ${ip}
  podIPs: [{ ip: ${ip} }]
  conditions: [{ type: Ready, status: "${ready ? "True" : "False"}" }]
---
`;

export const service = (
  name: string,
  annotations: Readonly<Record<string, string>>,
  spec = "",
): string => `apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: shop, annotations: ${JSON.stringify(annotations)} }
spec: { selector: { app: ${name} }, ports: [{ name: http, port: 80, targetPort: 8080 }]${spec === "" ? "" : `, ${spec}`} }
---
`;

export const GLOBAL = { "service.cilium.io/global": "true" };

export function meshOf(texts: Readonly<Record<string, string>>): Mesh {
  return createMesh(
    Object.entries(texts).map(([name, text]) => meshCluster(name, loadText(text, `${name}.yaml`))),
  );
}
