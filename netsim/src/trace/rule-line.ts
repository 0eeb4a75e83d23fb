/** One rule that would let a connection through, in one line of YAML, in the language of the policy that denies it. */
import type { KubeObject, Labels } from "../model/types.ts";
import type { Endpoint } from "../policy/endpoint.ts";
import type { Direction, Probe } from "../policy/rule.ts";

const isCilium = (object: KubeObject): boolean => object.kind.startsWith("Cilium");

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
  name: string | undefined,
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
    peer.kind === "external" && name !== undefined && direction === "egress"
      ? { toFQDNs: [{ matchName: name }] }
      : peer.kind === "external"
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

/** Whether the policy has rules for that direction, to which one more can be added. */
const hasRules = (object: KubeObject, direction: Direction): boolean => {
  const { spec } = object as { readonly spec?: Partial<Record<Direction, unknown>> };
  return Array.isArray(spec?.[direction]) && spec[direction].length > 0;
};

/**
 * An item for the policy's list of rules, or the list where it has none. `name`: what the peer's address was
 * looked up by. Null for kinds whose rules are not written here.
 */
export function ruleLine(
  object: KubeObject,
  direction: Direction,
  peer: Endpoint,
  ports: readonly Probe[],
  name?: string,
): string | null {
  const rule = ruleFor(object, direction, peer, ports, name);
  if (rule === undefined) return null;
  return hasRules(object, direction) ? `- ${flow(rule)}` : `${direction}: ${flow([rule])}`;
}

function ruleFor(
  object: KubeObject,
  direction: Direction,
  peer: Endpoint,
  ports: readonly Probe[],
  name: string | undefined,
): object | undefined {
  if (isCilium(object)) return ciliumRule(object, direction, peer, ports, name);
  if (object.kind !== "NetworkPolicy" || !object.apiVersion.startsWith("networking.k8s.io/"))
    return undefined;
  const whom = [kubernetesPeer(object, peer)];
  const list = ports.map(({ port, protocol }) => ({ protocol, port }));
  return direction === "egress" ? { to: whom, ports: list } : { from: whom, ports: list };
}
