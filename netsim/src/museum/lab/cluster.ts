/** Clusters out of a few lines, for exhibits. */
import { loadText } from "../../model/load.ts";
import type { Cluster } from "../../model/types.ts";

/** Reads manifests. What is wrong with them is the exhibit's own fault. */
export function manifests(text: string): Cluster {
  const cluster = loadText(text, "museum");
  const [problem] = cluster.problems.filter(({ severity }) => severity === "error");
  if (problem !== undefined) throw new SyntaxError(`${problem.object ?? ""} ${problem.message}`);
  return cluster;
}

/** What a DNS server sees of a cluster. */
export const dnsObjects = ({
  namespaces,
  services,
  endpointSlices,
  pods,
  nodes,
}: Cluster): readonly object[] => [...namespaces, ...services, ...endpointSlices, ...pods, ...nodes];

/** Two nodes, as YAML. */
export const NODES = [1, 2]
  .map(
    (i) => `
apiVersion: v1
kind: Node
metadata: { name: node-${i}, labels: { kubernetes.io/hostname: node-${i} } }
spec: { podCIDR: 10.244.${i}.0/24 }
status: { addresses: [{ type: InternalIP, address: 172.18.0.${i + 1} }] }
---`,
  )
  .join("");

/** A pod as YAML, with one port. */
export const pod = (
  id: string,
  ip: string,
  {
    labels = `app: ${id.split("/")[1] ?? id}`,
    node = ip.startsWith("10.244.2.") ? "node-2" : "node-1",
    port = 8080,
    spec = "",
    ready = true,
  } = {},
): string => {
  const [namespace, name] = id.split("/");
  return `
apiVersion: v1
kind: Pod
metadata: { name: ${name}, namespace: ${namespace}, labels: { ${labels} } }
spec:
  nodeName: ${node}
  containers: [{ name: main, image: i, ports: [{ containerPort: ${port} }] }]
${spec}
status:
  phase: Running
  podIP: ${ip}
  podIPs: [{ ip: ${ip} }]
  conditions: [{ type: Ready, status: "${ready ? "True" : "False"}" }]
---`;
};

/** A Service of pods with `app: name`, as YAML. */
export const service = (
  id: string,
  clusterIP: string,
  { port = 80, targetPort = 8080, more = "", protocol = "TCP" } = {},
): string => {
  const [namespace, name] = id.split("/");
  return `
apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: ${namespace} }
spec:
  clusterIP: ${clusterIP}
  selector: { app: ${name} }
  ports: [{ port: ${port}, targetPort: ${targetPort}, protocol: ${protocol} }]
${more}
---`;
};

/** A slice of endpoints as YAML: `address`, or `address not-ready`, or `address terminating`. */
export const slice = (
  id: string,
  endpoints: readonly string[],
  { port = 8080, protocol = "TCP" } = {},
): string => {
  const [namespace, name] = id.split("/");
  const lines = endpoints.map((text) => {
    const [address = "", state = "ready", node = address.startsWith("10.244.2.") ? "node-2" : "node-1"] =
      text.split(" ");
    const conditions =
      state === "terminating"
        ? "ready: false, serving: true, terminating: true"
        : `ready: ${state === "ready"}`;
    return `- { addresses: [${address}], nodeName: ${node}, conditions: { ${conditions} } }`;
  });
  return `
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: ${name}-1, namespace: ${namespace}, labels: { kubernetes.io/service-name: ${name} } }
addressType: IPv4
ports: [{ port: ${port}, protocol: ${protocol} }]
endpoints:
${lines.length === 0 ? "  []" : lines.map((line) => `  ${line}`).join("\n")}
---`;
};
