/** Small clusters for the tests of CNIs. */
import { createNetwork, type Network, type NetworkOptions } from "../../src/cni/network.ts";
import { pathBetween } from "../../src/cni/paths.ts";
import type { Walk } from "../../src/cni/walk.ts";
import { loadObjects } from "../../src/model/load.ts";

/** A node with its InternalIPs and pod ranges. */
export const node = (
  name: string,
  addresses: string | readonly string[],
  ranges: string | readonly string[] = [],
  metadata: object = {},
): object => {
  const podCIDRs = typeof ranges === "string" ? [ranges] : ranges;
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name, ...metadata },
    spec: podCIDRs.length === 0 ? {} : { podCIDR: podCIDRs[0], podCIDRs },
    status: {
      addresses: [addresses].flat().map((address) => ({ type: "InternalIP", address })),
    },
  };
};

/** A running pod of the namespace default. */
export const pod = (
  name: string,
  nodeName: string,
  ips: string | readonly string[],
  spec: object = {},
): object => {
  const podIPs = [ips].flat().map((ip) => ({ ip }));
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace: "default" },
    spec: { nodeName, containers: [{ name: "c" }], ...spec },
    status: { phase: "Running", podIP: podIPs[0]?.ip, podIPs },
  };
};

export const calico = (kind: string, name: string, spec: object): object => ({
  apiVersion: "crd.projectcalico.org/v1",
  kind,
  metadata: { name },
  spec,
});

export const pool = (spec: object, name = "default-ipv4-ippool"): object =>
  calico("IPPool", name, { cidr: "10.244.0.0/16", natOutgoing: true, ...spec });

export const configMap = (name: string, data: object): object => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, namespace: "kube-system" },
  data,
});

export const flannelConfig = (net: object): object =>
  configMap("kube-flannel-cfg", { "net-conf.json": JSON.stringify({ Network: "10.244.0.0/16", ...net }) });

/** Two nodes in 192.168.1.0/24, the third behind a router; two pods on the first, one on each of the others. */
export const three: readonly object[] = [
  node("n1", "192.168.1.11", "10.244.1.0/24"),
  node("n2", "192.168.1.12", "10.244.2.0/24"),
  node("n3", "192.168.2.13", "10.244.3.0/24"),
  pod("a", "n1", "10.244.1.5"),
  pod("b", "n1", "10.244.1.6"),
  pod("c", "n2", "10.244.2.7"),
  pod("d", "n3", "10.244.3.8"),
];

/** Both families, pods and nodes, one subnet. */
export const dual: readonly object[] = [
  node("n1", ["192.168.1.11", "fd00:1::11"], ["10.244.1.0/24", "fd00:10:1::/64"]),
  node("n2", ["192.168.1.12", "fd00:1::12"], ["10.244.2.0/24", "fd00:10:2::/64"]),
  pod("a", "n1", ["10.244.1.5", "fd00:10:1::5"]),
  pod("c", "n2", ["10.244.2.7", "fd00:10:2::7"]),
];

export const network = (objects: readonly object[], options?: NetworkOptions): Network =>
  createNetwork(loadObjects(objects), options);

export function way(net: Network, from: string, to: string, v6?: boolean): Walk {
  const full = (end: string) => (/^[a-z]$/.test(end) ? `default/${end}` : end);
  const found = pathBetween(net, full(from), full(to), v6);
  if (typeof found === "string") throw new Error(found);
  return found;
}

/** `node/device`, each. */
export const devices = ({ path }: Walk): readonly string[] =>
  path.links.map(({ node: n, device }) => `${n === "" ? "-" : n}/${device}`);

/** What is around the packets on the first card that they leave by, innermost first. */
export const around = ({ path }: Walk): readonly string[] | undefined =>
  path.links.find((l) => l.kind === "card")?.tunnels.map((t) => t.kind);

export const codes = (net: Network): readonly string[] =>
  net
    .findings()
    .map((f) => f.code)
    .filter((c) => c !== "assumed-subnet");
