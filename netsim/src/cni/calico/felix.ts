/** What FelixConfiguration, the operator's Installation and calico-config say of MTUs, tunnels and NAT. */
import type { Cluster } from "../../model/types.ts";
import { lineOf, objectName } from "../../model/source.ts";
import { configMap, fields, isTrue, others, positive, text, type Fields } from "../fields.ts";
import { addressOf, type NodeFacts } from "../nodes.ts";
import type { Finding } from "../types.ts";
import type { Pool } from "./pools.ts";

/** Octets of the outer headers that Felix subtracts from the card's MTU. */
const OVERHEAD = { ipip: 20, vxlan: 50, vxlan6: 70, wireguard: 60, wireguard6: 80 } as const;

export interface Felix {
  readonly vxlanPort: number;
  readonly vxlanVni: number;
  readonly interfacePrefix: string;
  readonly wireguard: (v6: boolean) => boolean;
  readonly wireguardPort: (v6: boolean) => number;
  /** IPPoolsAndHostIPs: packets to nodes keep the pod's address too. */
  readonly excludeHosts: boolean;
  /** Felix, and not BIRD, writes the routes to IP in IP pools and to pools without encapsulation. */
  readonly programs: { readonly ipip: boolean; readonly none: boolean };
  readonly bpf: boolean;
  findings(): readonly Finding[];
  tunnelMtu(kind: "ipip" | "vxlan" | "wireguard", node: NodeFacts, v6: boolean): number;
  podMtu(node: NodeFacts): number;
}

export function readFelix(
  cluster: Cluster,
  pools: readonly Pool[],
  nodes: readonly NodeFacts[],
  overrides: Fields,
): Felix {
  const object = others(cluster, "FelixConfiguration").find((o) => o.metadata.name === "default");
  const spec = { ...fields(object?.spec), ...overrides };
  const installation = others(cluster, "Installation")[0];
  const installed = positive(fields(fields(installation?.spec)["calicoNetwork"])["mtu"]);
  const veth = positive(fields(configMap(cluster, "calico-config")?.data)["veth_mtu"]);
  const wireguard = (v6: boolean): boolean => isTrue(spec[v6 ? "wireguardEnabledV6" : "wireguardEnabled"]);
  const findings: Finding[] = [];
  const programs = text(spec["programClusterRoutes"]) ?? "Disabled";

  const tunnelMtu: Felix["tunnelMtu"] = (kind, node, v6) => {
    const key = {
      ipip: "ipipMTU",
      vxlan: v6 ? "vxlanMTUV6" : "vxlanMTU",
      wireguard: v6 ? "wireguardMTUV6" : "wireguardMTU",
    }[kind];
    const overhead = kind === "ipip" ? OVERHEAD.ipip : OVERHEAD[`${kind}${v6 ? "6" : ""}`];
    return positive(spec[key]) ?? installed ?? node.mtu - overhead;
  };

  function podMtu(node: NodeFacts): number {
    const chosen = installed ?? veth;
    if (chosen !== undefined) return chosen;
    const used = [
      ...(pools.some((p) => p.ipip !== "Never") ? [tunnelMtu("ipip", node, false)] : []),
      ...[false, true].flatMap((v6) => [
        ...(pools.some((p) => p.vxlan !== "Never" && (p.block.family === "IPv6") === v6)
          ? [tunnelMtu("vxlan", node, v6)]
          : []),
        ...(wireguard(v6) ? [tunnelMtu("wireguard", node, v6)] : []),
      ]),
    ];
    return used.length === 0 ? node.mtu : Math.min(...used);
  }

  if (object !== undefined && "mtu" in spec)
    findings.push({
      severity: "note",
      code: "felix-mtu",
      text: `FelixConfiguration has no field mtu: the API server drops it. Pods' MTU is the least of the tunnels' in use (${nodes.slice(0, 1).map(podMtu).join("")}); the operator's Installation has calicoNetwork.mtu`,
      object: objectName(object),
      file: object.source.file,
      line: lineOf(object.source, ["spec", "mtu"]),
    });
  return {
    vxlanPort: positive(spec["vxlanPort"]) ?? 4789,
    vxlanVni: positive(spec["vxlanVNI"]) ?? 4096,
    interfacePrefix: text(spec["interfacePrefix"])?.split(",")[0] ?? "cali",
    wireguard,
    wireguardPort: (v6) =>
      positive(spec[v6 ? "wireguardListeningPortV6" : "wireguardListeningPort"]) ?? (v6 ? 51_821 : 51_820),
    excludeHosts: spec["natOutgoingExclusions"] === "IPPoolsAndHostIPs",
    programs: { ipip: /^Enabled(IPIPOnly)?$/.test(programs), none: /^Enabled(NoEncapOnly)?$/.test(programs) },
    bpf: isTrue(spec["bpfEnabled"]),
    findings: () => [...findings, ...tooLarge(nodes, pools, tunnelMtu, wireguard, object)],
    tunnelMtu,
    podMtu,
  };
}

/** MTUs that leave no room for the outer headers on the node's card. */
function tooLarge(
  nodes: readonly NodeFacts[],
  pools: readonly Pool[],
  mtuOf: Felix["tunnelMtu"],
  wireguard: Felix["wireguard"],
  object: Cluster["ingresses"][number] | undefined,
): Finding[] {
  const kinds = [
    {
      kind: "ipip" as const,
      v6: false,
      used: pools.some((p) => p.ipip !== "Never"),
      over: OVERHEAD.ipip,
      key: "ipipMTU",
    },
    ...[false, true].flatMap((v6) => [
      {
        kind: "vxlan" as const,
        v6,
        used: pools.some((p) => p.vxlan !== "Never" && (p.block.family === "IPv6") === v6),
        over: v6 ? OVERHEAD.vxlan6 : OVERHEAD.vxlan,
        key: v6 ? "vxlanMTUV6" : "vxlanMTU",
      },
      {
        kind: "wireguard" as const,
        v6,
        used: wireguard(v6),
        over: v6 ? OVERHEAD.wireguard6 : OVERHEAD.wireguard,
        key: v6 ? "wireguardMTUV6" : "wireguardMTU",
      },
    ]),
  ];
  return kinds.flatMap(({ kind, v6, used, over, key }) => {
    const worst = nodes.filter(
      (n) => used && addressOf(n, v6) !== undefined && mtuOf(kind, n, v6) + over > n.mtu,
    );
    const [first] = worst;
    if (first === undefined) return [];
    const text = `${key} ${mtuOf(kind, first, v6)} and ${over} octets of headers are more than the card's ${first.mtu} on ${worst.length === nodes.length ? "every node" : worst.map((n) => n.name).join(", ")}: set it to ${first.mtu - over} or less, or give the cards a larger MTU (--mtu, annotation)`;
    const place =
      object === undefined
        ? {}
        : {
            object: objectName(object),
            file: object.source.file,
            line: lineOf(object.source, ["spec", key]),
          };
    return [{ severity: "warning", code: "mtu-above-card", text, ...place }];
  });
}
