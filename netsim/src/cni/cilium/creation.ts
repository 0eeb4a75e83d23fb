/** What Cilium does when a pod is made. */
import { hostBlock, isV6 } from "../address.ts";
import type { Creation, CreationEvent, PodFacts } from "../types.ts";
import { identityOf, lxcOf, type Cilium } from "./state.ts";

export function ciliumCreation(cilium: Cilium, p: PodFacts): Creation {
  const { config } = cilium;
  const node = cilium.context.nodes.find((n) => n.name === p.node);
  const gateways = Object.fromEntries(
    p.addresses.flatMap((a) => {
      const via = cilium.router(p.node, isV6(a));
      return via === undefined ? [] : [[isV6(a) ? "IPv6" : "IPv4", via]];
    }),
  );
  const ranges = cilium.rangesOf(p.node);
  const from =
    config.ipam === "kubernetes"
      ? "the Node's spec.podCIDRs"
      : config.ipam === "cluster-pool"
        ? "its CiliumNode, dealt by the operator from the cluster's pool"
        : `ipam ${config.ipam}`;
  return {
    configList: {
      file: "/etc/cni/net.d/05-cilium.conflist",
      content: {
        cniVersion: "1.1.0",
        name: "cilium",
        plugins: [
          { type: "cilium-cni", "enable-debug": false, "log-file": "/var/run/cilium/cilium-cni.log" },
        ],
      },
    },
    ipam: {
      actor: "cilium-agent",
      action: "IPAM",
      says: `${p.addresses.join(" and ")} of the node's range ${ranges.join(", ")} (${from}), asked for over the agent's socket`,
      object: {
        request: "POST /v1/ipam",
        owner: p.id,
        address: p.addresses,
        hostAddressing: gateways,
        podCIDRs: ranges,
      },
    },
    gateways,
    routes:
      node === undefined || cilium.routeMtu(node) >= cilium.deviceMtu(node)
        ? []
        : [{ to: "default", mtu: cilium.routeMtu(node) }],
    further: [endpoint(p), program(cilium, p), ...ipcache(cilium, p)],
  };
}

const endpoint = (p: PodFacts): CreationEvent => ({
  actor: "cilium-agent",
  action: "endpoint",
  says: `${lxcOf(p)} (lxc and 12 digits of SHA-256 of the sandbox's id) becomes an endpoint; its labels give it identity ${identityOf(p)}, by which policy knows it`,
  object: {
    apiVersion: "cilium.io/v2",
    kind: "CiliumEndpoint",
    metadata: { name: p.name, namespace: p.namespace },
    status: {
      "external-identifiers": {
        "container-id": p.sandbox,
        "pod-name": p.id,
        "k8s-pod-name": p.name,
        "k8s-namespace": p.namespace,
      },
      identity: {
        id: identityOf(p),
        labels: Object.entries(p.pod.metadata.labels).map(([k, v]) => `k8s:${k}=${v}`),
      },
      networking: {
        addressing: [Object.fromEntries(p.addresses.map((a) => [isV6(a) ? "ipv6" : "ipv4", a]))],
        node: p.node,
      },
      state: "ready",
    },
  },
});

const program = ({ config }: Cilium, p: PodFacts): CreationEvent => ({
  actor: "cilium-agent",
  action: "eBPF",
  says: `the endpoint's programs are attached to ${lxcOf(p)} (cil_from_container, cil_to_container), its policy map and an entry in cilium_lxc made${config.kubeProxyReplacement ? "; Services are translated at connect(), by programs on the cgroup: there is no kube-proxy" : ""}`,
  object: { map: "cilium_lxc", entries: p.addresses.map((ip) => ({ ip, device: lxcOf(p), mac: p.mac })) },
});

function ipcache({ config, context }: Cilium, p: PodFacts): CreationEvent[] {
  const end = context.nodes.find((n) => n.name === p.node)?.nets.map((n) => n.split("/")[0]);
  const how =
    config.tunnel === undefined ? "native routing: no tunnel end" : `by cilium_${config.tunnel} to the node`;
  return [
    {
      actor: "cilium-agent (all nodes)",
      action: "ipcache",
      says: `every node learns ${p.addresses.map(hostBlock).join(" and ")} = identity ${identityOf(p)}, ${how}${config.encryption === undefined ? "" : `, encrypted with ${config.encryption === "ipsec" ? "IPsec" : "WireGuard"}`}`,
      object: {
        map: "cilium_ipcache",
        entries: p.addresses.map((ip) => ({
          prefix: hostBlock(ip),
          identity: identityOf(p),
          tunnelEndpoint: config.tunnel === undefined ? null : end,
        })),
      },
    },
  ];
}
