/** The comparison of CNIs: every variant that the models know, run on one cluster of two subnets. */
import type { Cluster, Node, OtherObject, Pod, Source } from "../model/types.ts";
import { overheadText } from "./overhead.ts";
import { CAPABILITIES, type Capabilities, type Variant } from "./capabilities.ts";
import { checkReach } from "./check.ts";
import { createNetwork } from "./network.ts";
import { pathBetween } from "./paths.ts";
import type { CniName, Fabric } from "./types.ts";

/** What a variant does with packets between the nodes. Shapes as in `Variant.claims`. */
export interface Measured {
  readonly encapsulation: Fabric["encapsulation"];
  readonly encrypted: boolean;
  readonly near: readonly string[] | undefined;
  readonly far: readonly string[] | undefined;
  readonly mtu: number;
  /** Octets of headers on the wire, and the link MTUs that follow, by the packets' own sizes. */
  readonly overhead: string;
  readonly nat: boolean;
}

const SOURCE: Source = { file: "", line: 0 };
const meta = (name: string, namespace = "") => ({ name, namespace, labels: {}, annotations: {} });

const node = (name: string, address: string, podCIDR: string): Node => ({
  apiVersion: "v1",
  kind: "Node",
  metadata: meta(name),
  spec: { podCIDR, podCIDRs: [podCIDR] },
  status: { addresses: [{ type: "InternalIP", address }] },
  source: SOURCE,
});

const pod = (name: string, nodeName: string, ip: string): Pod => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: meta(name, "default"),
  spec: { nodeName, containers: [] },
  status: { phase: "Running", podIP: ip, podIPs: [{ ip }] },
  source: SOURCE,
});

const ROUTER_ADDRESSES = ["192.168.1.1", "192.168.2.1"];

/** Every node peers with the router of its own subnet; sessions to the other one would be over two hops. */
const peer = (peerIP: string): OtherObject => ({
  apiVersion: "projectcalico.org/v3",
  kind: "BGPPeer",
  metadata: meta(peerIP),
  source: SOURCE,
  spec: { peerIP, asNumber: 64_513 },
});

/** Cilium tells routers the pods' ranges where an advertisement says so. */
const advertisement: OtherObject = {
  apiVersion: "cilium.io/v2",
  kind: "CiliumBGPAdvertisement",
  metadata: meta("pods"),
  source: SOURCE,
  spec: { advertisements: [{ advertisementType: "PodCIDR" }] },
};

function objectsOf(cni: CniName, pool: OtherObject, routers: boolean): [string, OtherObject[]][] {
  if (cni === "calico")
    return [
      ["IPPool", [pool]],
      ["BGPPeer", routers ? ROUTER_ADDRESSES.map(peer) : []],
    ];
  return cni === "cilium" && routers ? [["CiliumBGPAdvertisement", [advertisement]]] : [];
}

/** Two nodes in one subnet, a third in another; a pod each. */
export function referenceCluster(cni: CniName, variant: Variant): Cluster {
  const net = cni === "weave" ? "10.32" : "10.244";
  const pool: OtherObject = {
    apiVersion: "projectcalico.org/v3",
    kind: "IPPool",
    metadata: meta("default"),
    source: SOURCE,
    spec: { cidr: "10.244.0.0/16", natOutgoing: true, ...variant.spec },
  };
  return {
    namespaces: [],
    nodes: [
      node("node-1", "192.168.1.11", `${net}.1.0/24`),
      node("node-2", "192.168.1.12", `${net}.2.0/24`),
      node("node-3", "192.168.2.13", `${net}.3.0/24`),
    ],
    pods: [
      pod("a", "node-1", `${net}.1.5`),
      pod("b", "node-2", `${net}.2.5`),
      pod("c", "node-3", `${net}.3.5`),
    ],
    workloads: [],
    services: [],
    endpointSlices: [],
    networkPolicies: [],
    anps: [],
    banps: [],
    clusterNetworkPolicies: [],
    ciliumPolicies: [],
    calicoPolicies: [],
    calicoTiers: [],
    calicoNetworkSets: [],
    ingresses: [],
    gatewayObjects: [],
    secrets: [],
    others: new Map(objectsOf(cni, pool, variant.routers === true)),
    problems: [],
  };
}

export function measure(cni: CniName, variant: Variant): Measured {
  const network = createNetwork(referenceCluster(cni, variant), {
    cni,
    ...(variant.set !== undefined && { set: variant.set }),
    subnets: ["192.168.1.0/24", "192.168.2.0/24"],
  });
  const wire = (to: string) => {
    const way = pathBetween(network, "default/a", `default/${to}`);
    return typeof way === "string" || way.outcome !== "delivered"
      ? undefined
      : way.path.links.find((l) => l.kind === "card")?.tunnels;
  };
  const near = wire("b");
  const far = wire("c");
  const fabric = network.model.fabricTo(network.context.pods[1]?.addresses[0] ?? "");
  const kinds = (tunnels: typeof near) => tunnels?.map((t) => t.kind);
  return {
    encapsulation: fabric.encapsulation,
    encrypted: (far ?? near ?? []).some(
      (t) => t.kind === "wireguard" || t.kind === "esp" || t.encrypted === true,
    ),
    near: kinds(near),
    far: kinds(far),
    mtu: Math.min(
      ...(network.place("pod/default/a")?.devices ?? []).filter((d) => d.name === "eth0").map((d) => d.mtu),
      ...(network.place("pod/default/a")?.routes ?? []).flatMap((r) => r.mtu ?? []),
    ),
    overhead: overheadText(far ?? near ?? []),
    nat: checkReach(network).translated.length > 0,
  };
}

export interface Comparison {
  readonly cni: CniName;
  readonly capabilities: Capabilities;
  readonly variants: readonly { readonly variant: Variant; readonly measured: Measured }[];
}

const ORDER: readonly CniName[] = ["calico", "cilium", "flannel", "weave", "bridge"];

export const compare = (): Comparison[] =>
  ORDER.map((cni) => ({
    cni,
    capabilities: CAPABILITIES[cni],
    variants: CAPABILITIES[cni].variants.map((variant) => ({ variant, measured: measure(cni, variant) })),
  }));

const FACTS: readonly [string, (c: Comparison) => string][] = [
  ["Developer", (c) => c.capabilities.developer],
  ["Data plane", (c) => c.capabilities.dataPlane],
  [
    "Between nodes",
    (c) =>
      c.variants
        .filter((v) => !v.measured.encrypted)
        .map((v) => v.variant.name)
        .join(", "),
  ],
  [
    "Encryption",
    (c) =>
      [...new Set(c.variants.filter((v) => v.measured.encrypted).flatMap((v) => secretOf(v.measured)))].join(
        ", ",
      ) || "none",
  ],
  ["Without encapsulation, in one subnet", (c) => yes(c.variants.some((v) => v.measured.near?.length === 0))],
  ["Without encapsulation, over routers", (c) => over(c)],
  ["Network policy", (c) => c.capabilities.policy],
  ["kube-proxy replacement", (c) => c.capabilities.kubeProxyReplacement],
  ["Observability", (c) => c.capabilities.observability],
  ["Service mesh", (c) => c.capabilities.serviceMesh],
  ["Several clusters", (c) => c.capabilities.multiCluster],
  ["Addresses", (c) => c.capabilities.ipam],
  ["IPv6", (c) => c.capabilities.ipv6],
  ["No NAT between pods", (c) => yes(c.variants.every((v) => !v.measured.nat))],
  ["State", (c) => c.capabilities.state],
];

/** Whether every variant without headers gets over the routers, or only those that tell them. */
function over({ variants }: Comparison): string {
  const plain = variants.filter(
    (v) => v.measured.near?.length === 0 && v.measured.encapsulation === "none" && !v.measured.encrypted,
  );
  if (!plain.some((v) => v.measured.far?.length === 0)) return "no";
  return plain.some((v) => v.measured.far === undefined) ? "with BGP" : "yes, by the network's route table";
}

const yes = (value: boolean): string => (value ? "yes" : "no");
const NAMES: Readonly<Record<string, string>> = {
  wireguard: "WireGuard",
  esp: "IPsec (ESP)",
  sleeve: "NaCl",
};
const secretOf = ({ far, near }: Measured): string[] =>
  (far ?? near ?? []).flatMap((kind) => NAMES[kind] ?? []);

const wireText = (kinds: readonly string[] | undefined): string =>
  kinds === undefined ? "lost" : kinds.length === 0 ? "as it is" : kinds.join(" in ");

/** Both tables as Markdown: what the projects are, and what each variant does. */
export function compareMarkdown(all: readonly Comparison[] = compare()): string {
  const facts = [
    ["", ...all.map((c) => c.capabilities.title)],
    ...FACTS.map(([name, of]) => [name, ...all.map(of)]),
  ];
  const variants = [
    ["CNI", "between nodes", "one subnet", "two subnets", "octets of headers", "MTU of pods (card: 1500)"],
    ...all.flatMap((c) =>
      c.variants.map(({ variant, measured: m }) => [
        c.capabilities.title,
        variant.name,
        wireText(m.near),
        wireText(m.far),
        m.overhead,
        String(m.mtu),
      ]),
    ),
  ];
  return `${table(facts)}\n\n${table(variants)}\n`;
}

function table([head = [], ...rows]: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const widths = head.map((_, i) => Math.max(3, ...[head, ...rows].map((row) => (row[i] ?? "").length)));
  const padded = (row: readonly string[]) => line(row.map((cell, i) => cell.padEnd(widths[i] ?? 0)));
  return [padded(head), line(widths.map((w) => "-".repeat(w))), ...rows.map(padded)].join("\n");
}
