/** What of Calico's objects does not fit the cluster. */
import { objectName, lineOf } from "../../model/source.ts";
import { isV6, parseBlock, inside } from "../address.ts";
import { clusterCidrs } from "../ranges.ts";
import { addressOf, sameSubnet } from "../nodes.ts";
import type { Finding } from "../types.ts";
import type { Calico } from "./state.ts";

export function calicoFindings(calico: Calico): Finding[] {
  return [...outsideCluster(calico), ...strayPods(calico), ...unroutable(calico), ...brokenIpip(calico)];
}

/** kube-proxy takes what is outside the cluster's range for traffic from outside: it is masqueraded on its way to Services. */
function outsideCluster({ pools, context }: Calico): Finding[] {
  const nodesOwn = new Set(
    context.nodes.flatMap((n) => n.podCIDRs.flatMap((c) => parseBlock(c)?.text ?? [])),
  );
  const ranges = clusterCidrs(context.cluster, context.options, context.nodes);
  // Nodes' own ranges say nothing of a cluster whose addresses Calico gives.
  const known = ranges.filter((r) => !nodesOwn.has(r)).flatMap((r) => parseBlock(r) ?? []);
  return pools.flatMap((p) => {
    const family = known.filter((k) => k.family === p.block.family);
    if (p.disabled || family.length === 0 || family.some((k) => inside(p.block, k))) return [];
    const text = `IPPool ${p.name} (${p.block.text}) is not in the cluster's range ${family.map((k) => k.text).join(", ")}: kube-proxy takes its pods for outside`;
    return [{ severity: "warning", code: "pool-outside-cluster", text, ...placeOf(p.object, "cidr") }];
  });
}

const placeOf = (object: Calico["pools"][number]["object"], key: string) => ({
  object: objectName(object),
  file: object.source.file,
  line: lineOf(object.source, ["spec", key]),
});

function strayPods({ ipam, context, pools }: Calico): Finding[] {
  if (pools.length === 0)
    return [
      {
        severity: "error",
        code: "no-pool",
        text: "Calico without an IPPool that can be used: no pod gets an address",
      },
    ];
  const stray = context.pods.flatMap((p) =>
    p.addresses.filter((a) => ipam.poolOf(a) === undefined).map((a) => ({ p, a })),
  );
  const [first] = stray;
  if (first === undefined) return [];
  const more = stray.length > 1 ? ` and ${stray.length - 1} more` : "";
  const { p, a } = first;
  const text = `${p.id} has ${a}${more}, which is in no IPPool: no node has a route to it`;
  return [
    {
      severity: "error",
      code: "address-outside-pools",
      text,
      object: objectName(p.pod),
      file: p.pod.source.file,
      line: p.pod.source.line,
    },
  ];
}

/** Pools without encapsulation over subnets, where no router knows the blocks. */
function unroutable({ pools, ipam, bgp, context, felix }: Calico): Finding[] {
  return pools.flatMap((pool): Finding[] => {
    // WireGuard's routes and peers come from the datastore.
    if (felix.wireguard(pool.block.family === "IPv6")) return [];
    if (pool.vxlan !== "Never" || pool.ipip !== "Never") return [];
    const v6 = pool.block.family === "IPv6";
    const owners = context.nodes.filter((n) =>
      ipam.affinities.some((a) => a.pool === pool && a.node === n.name),
    );
    const lost = owners.filter(
      (n) =>
        addressOf(n, v6) !== undefined &&
        bgp.knownOutside(n.name, v6) === undefined &&
        context.nodes.some((o) => o !== n && addressOf(o, v6) !== undefined && !sameSubnet(o, n, v6)),
    );
    if (lost.length === 0) return [];
    const names = lost.length === owners.length ? "its nodes" : lost.map((n) => n.name).join(", ");
    const text = `IPPool ${pool.name} has no encapsulation, the nodes are in several subnets, and no router outside learns the blocks of ${names} by BGP: routers drop packets between the subnets. A BGPPeer to the routers, or CrossSubnet, would help`;
    return [{ severity: "error", code: "no-route-between-subnets", text, ...placeOf(pool.object, "cidr") }];
  });
}

/** BIRD writes the routes: nodes without a session to learn by have none. */
function brokenIpip({ pools, bgp, felix, context, ipam }: Calico): Finding[] {
  const needs = pools.some(
    (p) => p.vxlan === "Never" && !(p.ipip !== "Never" ? felix.programs.ipip : felix.programs.none),
  );
  if (!needs || felix.wireguard(false)) return [];
  const deaf = context.nodes.flatMap((n) => {
    const from = ipam.affinities.filter(
      (a) => a.node !== n.name && bgp.learned(n.name, a.node, isV6(a.block.text)) === undefined,
    );
    return addressOf(n, false) !== undefined && from.some((a) => !isV6(a.block.text))
      ? [{ node: n.name, of: [...new Set(from.map((a) => a.node))] }]
      : [];
  });
  const [first] = deaf;
  if (first === undefined) return [];
  const text = `BGP brings ${first.node} no route to the blocks of ${first.of.slice(0, 5).join(", ")}${deaf.length > 1 ? ` (and so for ${deaf.length - 1} more nodes)` : ""}: ${bgp.mesh ? "a route reflector is not in the mesh, and needs BGPPeers to all nodes" : "the node-to-node mesh is off, and no BGPPeer takes its place"}`;
  return [{ severity: "warning", code: "bgp-not-learned", text }];
}
