/** One rule that would let a connection through, in one line of YAML, in the language of the policy that denies it. */
import type { KubeObject, Labels } from "../model/types.ts";
import type { Endpoint } from "../policy/endpoint.ts";
import type { Direction, Probe } from "../policy/rule.ts";

export const isCilium = (object: KubeObject): boolean => object.kind.startsWith("Cilium");

/** Labels that a controller gives each pod or each version of it select too little. */
const FLEETING =
  /^(pod-template-hash|controller-revision-hash|statefulset\.kubernetes\.io\/pod-name|apps\.kubernetes\.io\/pod-index)$/;

/** At most two labels that stay: enough to mean a workload. */
function lasting(labels: Labels): Labels {
  const stay = Object.entries(labels).filter(([key]) => !FLEETING.test(key));
  const app = stay.find(([key]) => /^(app|k8s-app|app\.kubernetes\.io\/name)$/.test(key));
  return Object.fromEntries(app === undefined ? stay.slice(0, 2) : [app]);
}

/** YAML's flow style, with quotes only where they are needed. */
function flow(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(flow).join(", ")}]`;
  if (typeof value === "object" && value !== null)
    return `{${Object.entries(value)
      .map(([k, v]) => `${flow(k)}: ${flow(v)}`)
      .join(", ")}}`;
  const text = String(value);
  const plain = typeof value === "number" || /^[A-Za-z_/][\w./-]*$/.test(text);
  const word = /^(true|false|null|yes|no|on|off|y|n)$/i.test(text);
  return plain && !word ? text : JSON.stringify(text);
}

const prefixOf = (peer: Endpoint): string => `${peer.address.text}/${peer.address.v6 ? 128 : 32}`;

function kubernetesPeer(object: KubeObject, peer: Endpoint): object {
  if (peer.kind !== "pod" || peer.onHost) return { ipBlock: { cidr: prefixOf(peer) } };
  const podSelector = { matchLabels: lasting(peer.labels) };
  if (peer.namespace === object.metadata.namespace) return { podSelector };
  return {
    namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": peer.namespace } },
    podSelector,
  };
}

function ciliumRule(
  object: KubeObject,
  direction: Direction,
  peer: Endpoint,
  ports: readonly Probe[],
): object {
  const [endpoints, entities, cidr] =
    direction === "egress"
      ? ["toEndpoints", "toEntities", "toCIDR"]
      : ["fromEndpoints", "fromEntities", "fromCIDR"];
  const matchLabels = {
    ...(peer.namespace === object.metadata.namespace
      ? {}
      : { "k8s:io.kubernetes.pod.namespace": peer.namespace }),
    ...lasting(peer.labels),
  };
  const whom =
    peer.kind === "external"
      ? { [cidr as string]: [prefixOf(peer)] }
      : peer.kind === "node" || peer.onHost
        ? { [entities as string]: ["host", "remote-node"] }
        : { [endpoints as string]: [{ matchLabels }] };
  const dns = direction === "egress" && ports.every((p) => p.port === 53);
  return {
    ...whom,
    toPorts: [
      {
        ports: dns
          ? [{ port: "53", protocol: "ANY" }]
          : ports.map((p) => ({ port: String(p.port), protocol: p.protocol })),
        ...(dns && { rules: { dns: [{ matchPattern: "*" }] } }),
      },
    ],
  };
}

/** Null for kinds whose rules are not written here. */
export function ruleLine(
  object: KubeObject,
  direction: Direction,
  peer: Endpoint,
  ports: readonly Probe[],
): string | null {
  if (isCilium(object)) return `- ${flow(ciliumRule(object, direction, peer, ports))}`;
  if (object.kind !== "NetworkPolicy" || !object.apiVersion.startsWith("networking.k8s.io/")) return null;
  const whom = [kubernetesPeer(object, peer)];
  const list = ports.map(({ port, protocol }) => ({ protocol, port }));
  return `- ${flow(direction === "egress" ? { to: whom, ports: list } : { from: whom, ports: list })}`;
}
