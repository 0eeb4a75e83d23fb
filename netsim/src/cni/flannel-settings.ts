/** How flannel is set up: net-conf.json; and what of it does not fit the nodes. */
import { inside as within } from "./address.ts";
import { missingRanges } from "./bridge.ts";
import { lineOf, objectName } from "../model/source.ts";
import { isV6, parseBlock } from "./address.ts";
import { type Fields, configMap, fields, isTrue, positive, text } from "./fields.ts";
import type { Context } from "./network.ts";
import { type NodeFacts, addressOf, sameSubnet } from "./nodes.ts";
import { clusterCidrs } from "./ranges.ts";
import { settingsOf } from "./settings.ts";
import type { Fabric, Finding } from "./types.ts";
import { load } from "js-yaml";

const BACKENDS = ["vxlan", "host-gw", "wireguard", "ipip"] as const;
export type Backend = (typeof BACKENDS)[number];

export interface Flannel {
  readonly context: Context;
  readonly backend: Backend;
  readonly direct: boolean;
  readonly vni: number;
  readonly port: number;
  readonly cardMtu: number | undefined;
  readonly networks: readonly string[];
  findings(): readonly Finding[];
  readonly by: Fabric["by"];
}

export function readFlannel(context: Context): Flannel {
  const { cluster, options, nodes } = context;
  const map = configMap(cluster, "kube-flannel-cfg");
  const { tree } = settingsOf(parsed(text(fields(map?.data)["net-conf.json"])), options.set ?? []);
  const config = fields(tree["Backend"]);
  const word = (text(config["Type"]) ?? "vxlan").toLowerCase();
  const backend = BACKENDS.find((b) => b === word);
  const place =
    map === undefined
      ? {}
      : {
          object: objectName(map),
          file: map.source.file,
          line: lineOf(map.source, ["data", "net-conf.json"]),
        };
  const findings: Finding[] =
    backend === undefined
      ? [
          {
            severity: "error",
            code: "unknown-backend",
            text: `there is no model of flannel's backend ${word}: VXLAN is taken`,
            ...place,
          },
        ]
      : [];
  const given = ["Network", "IPv6Network"].flatMap((key) => parseBlock(text(tree[key]) ?? "")?.text ?? []);
  const networks = given.length > 0 ? given : networksOf(clusterCidrs(cluster, options, nodes));
  const flannel: Flannel = {
    context,
    backend: backend ?? "vxlan",
    direct: isTrue(config["DirectRouting"]),
    vni: positive(config["VNI"]) ?? 1,
    port: positive(config["Port"]) ?? 8472,
    cardMtu: positive(config["MTU"]),
    networks,
    findings: () => findings,
    by:
      map === undefined
        ? undefined
        : { object: map, path: ["data", "net-conf.json"], rule: `Backend.Type: ${word}` },
  };
  return {
    ...flannel,
    findings: () => [
      ...findings,
      ...missingRanges(cluster, nodes),
      ...problems(flannel).map((f) => ({ ...place, ...f })),
    ],
  };
}

/** Without a net-conf.json: the usual network where all ranges are in it. */
function networksOf(ranges: readonly string[]): readonly string[] {
  const usual = parseBlock("10.244.0.0/16")!;
  const v4 = ranges.filter((r) => !isV6(r)).flatMap((r) => parseBlock(r) ?? []);
  return v4.every((r) => within(r, usual)) ? [usual.text, ...ranges.filter(isV6)] : ranges;
}

export const parsed = (written: string | undefined): Fields => {
  try {
    return fields(load(written ?? ""));
  } catch {
    return {};
  }
};

export function problems({ backend, context, networks, cardMtu }: Flannel): Finding[] {
  const { nodes } = context;
  const found: Finding[] = [];
  const apart = nodes.some((a) => nodes.some((b) => a !== b && (both(a, b, false) || both(a, b, true))));
  if (backend === "host-gw" && apart)
    found.push({
      severity: "error",
      code: "no-route-between-subnets",
      text: "host-gw needs all nodes in one subnet: a node of another one is no next hop, and the routers between do not know the pods' ranges",
    });
  for (const node of nodes)
    for (const range of node.podCIDRs) {
      const block = parseBlock(range);
      const same = networks.flatMap((n) => parseBlock(n) ?? []).filter((n) => n.family === block?.family);
      if (block === undefined || same.length === 0 || same.some((n) => within(block, n))) continue;
      found.push({
        severity: "error",
        code: "range-outside-network",
        text: `the pod range ${block.text} of node ${node.name} is not in flannel's network ${same.map((n) => n.text).join(", ")}: packets from other nodes are masqueraded`,
      });
    }
  if (backend === "vxlan" && nodes.some((n) => addressOf(n, true) !== undefined && n.podCIDRs.some(isV6)))
    found.push({
      severity: "warning",
      code: "mtu-above-card",
      text: "flannel reckons 50 octets for VXLAN over IPv6 too, where the headers are 70: IPv6 packets of the pods' MTU are 20 octets too large for the card",
    });
  const low = nodes.filter((n) => cardMtu !== undefined && cardMtu > n.mtu).map((n) => n.name);
  if (low.length > 0)
    found.push({
      severity: "warning",
      code: "mtu-above-card",
      text: `Backend.MTU ${cardMtu} is more than the card's MTU on ${low.join(", ")}`,
    });
  return found;
}

export const both = (a: NodeFacts, b: NodeFacts, v6: boolean): boolean =>
  addressOf(a, v6) !== undefined && addressOf(b, v6) !== undefined && !sameSubnet(a, b, v6);
