/** What Calico does when a pod is made. */
import { bare, hostBlock, isV6 } from "../address.ts";
import type { Creation, CreationEvent, PodFacts } from "../types.ts";
import type { Felix } from "./felix.ts";
import type { Affinity } from "./ipam.ts";
import { GATEWAY, GATEWAY6, type Calico } from "./state.ts";

interface Made {
  readonly device: string;
  readonly mtu: number;
  readonly felix: Felix;
}

/** A dash in a name is doubled, because dashes part the names. */
const part = (name: string): string => name.replaceAll("-", "--");

const HOW: Readonly<Record<Affinity["from"], string>> = {
  BlockAffinity: "a BlockAffinity says so",
  IPAMBlock: "an IPAMBlock says so",
  pods: "by the pods that have its addresses",
  "pod range": "the first of the node's pod range",
  free: "the first that was free",
};

export function calicoCreation(calico: Calico, p: PodFacts, made: Made): Creation {
  const { ipam, pools } = calico;
  const workload = `${part(p.node)}-k8s-${part(p.name)}-eth0`;
  const blocks = p.addresses.map((address) => ({
    address,
    pool: ipam.poolOf(address),
    affinity: ipam.affinityOf(address),
  }));
  const labels = calico.context.nodes.find((n) => n.name === p.node)?.node.metadata.labels ?? {};
  return {
    configList: {
      file: "/etc/cni/net.d/10-calico.conflist",
      content: {
        cniVersion: "1.1.0",
        name: "k8s-pod-network",
        plugins: [
          {
            type: "calico",
            datastore_type: "kubernetes",
            nodename: p.node,
            mtu: made.mtu,
            ipam: {
              type: "calico-ipam",
              assign_ipv4: String(p.addresses.some((a) => !isV6(a))),
              assign_ipv6: String(p.addresses.some(isV6)),
            },
            policy: { type: "k8s" },
            kubernetes: { kubeconfig: "/etc/cni/net.d/calico-kubeconfig" },
          },
          { type: "portmap", snat: true, capabilities: { portMappings: true } },
          { type: "bandwidth", capabilities: { bandwidth: true } },
        ],
      },
    },
    ipam: {
      actor: "calico-ipam",
      action: "IPAM",
      says: blocks.map((b) => decision(p, b)).join("; "),
      object: {
        pools: pools.map((pool) => ({
          name: pool.name,
          cidr: pool.block.text,
          usable: !pool.disabled && pool.uses.includes("Workload") && pool.selects(labels),
        })),
        assigned: blocks.map(({ address, pool, affinity }) => ({
          address,
          pool: pool?.name ?? null,
          block: affinity?.block.text ?? null,
          affinity: affinity === undefined ? null : `host:${affinity.node}`,
          handle: `k8s-pod-network.${p.sandbox}`,
        })),
      },
    },
    gateways: Object.fromEntries(
      p.addresses.map((a) => [isV6(a) ? "IPv6" : "IPv4", isV6(a) ? GATEWAY6 : GATEWAY]),
    ),
    routes: [],
    further: [endpoint(p, made, workload), ...tunnel(calico, p), ...announcement(calico, p)],
  };
}

function decision(
  p: PodFacts,
  {
    address,
    pool,
    affinity,
  }: { address: string; pool: Calico["pools"][number] | undefined; affinity: Affinity | undefined },
): string {
  if (pool === undefined) return `${address} is in no IPPool: calico-ipam would not give it`;
  if (affinity === undefined) return `${address} of IPPool ${pool.name} is in a block that no node has`;
  if (affinity.node !== p.node)
    return `${address} of IPPool ${pool.name} is borrowed: its block ${affinity.block.text} is ${affinity.node}'s, and ${p.node} has no free address of its own`;
  return `${address} of IPPool ${pool.name}, block ${affinity.block.text} (/${pool.blockSize}), which is ${p.node}'s: ${HOW[affinity.from]}`;
}

const endpoint = (p: PodFacts, { device, mtu }: Made, name: string): CreationEvent => ({
  actor: "calico",
  action: "WorkloadEndpoint",
  says: `written for Felix of every node: policy, and the route to the pod, follow from it. ${device} is cali and 11 digits of SHA-1 of "${p.namespace}.${p.name}"; MTU ${mtu}`,
  object: {
    apiVersion: "projectcalico.org/v3",
    kind: "WorkloadEndpoint",
    metadata: {
      name,
      namespace: p.namespace,
      labels: {
        ...p.pod.metadata.labels,
        "projectcalico.org/namespace": p.namespace,
        "projectcalico.org/orchestrator": "k8s",
      },
    },
    spec: {
      orchestrator: "k8s",
      node: p.node,
      pod: p.name,
      containerID: p.sandbox,
      endpoint: "eth0",
      interfaceName: device,
      mac: p.mac,
      ipNetworks: p.addresses.map(hostBlock),
      profiles: [`kns.${p.namespace}`, `ksa.${p.namespace}.${p.pod.spec.serviceAccountName ?? "default"}`],
    },
  },
});

/** What other nodes need to reach the pod over VXLAN; it is there for the node already. */
function tunnel(calico: Calico, p: PodFacts): CreationEvent[] {
  const node = calico.context.nodes.find((n) => n.name === p.node);
  return p.addresses.flatMap((address): CreationEvent[] => {
    const pool = calico.ipam.poolOf(address);
    const block = calico.ipam.affinityOf(address)?.block.text ?? hostBlock(address);
    if (node === undefined || pool === undefined || pool.vxlan === "Never") return [];
    const own = calico.tunnelIp(node, "vxlan", isV6(address));
    const says = `other nodes have a route to ${block} via ${own ?? "?"}, this node's VXLAN address, with neighbour and FDB entries for it: nothing new for one more pod`;
    return [
      {
        actor: "felix (other nodes)",
        action: "VXLAN",
        says,
        object: { block, via: own ?? null, dst: node.nets.map(bare) },
      },
    ];
  });
}

function announcement({ ipam, bgp, felix }: Calico, p: PodFacts): CreationEvent[] {
  return p.addresses.flatMap((address): CreationEvent[] => {
    const pool = ipam.poolOf(address);
    const affinity = ipam.affinityOf(address);
    const byFelix =
      pool === undefined ||
      pool.vxlan !== "Never" ||
      (pool.ipip !== "Never" ? felix.programs.ipip : felix.programs.none);
    if (byFelix || affinity === undefined) return [];
    const v6 = isV6(address);
    const block = affinity.node === p.node ? affinity.block.text : hostBlock(address);
    const peers = bgp.sessions
      .filter((s) => s.v6 === v6 && [s.a.name, s.b.name].includes(p.node))
      .map((s) => (s.a.name === p.node ? s.b.name : s.a.name));
    const says =
      peers.length === 0
        ? `BIRD has no session: nobody learns ${block}`
        : `BIRD announces ${block} to ${peers.join(", ")}, once for all pods of the block`;
    return [{ actor: "bird", action: "BGP", says, object: { prefix: block, peers } }];
  });
}
