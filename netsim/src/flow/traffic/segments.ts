/** The pieces of a connection's way, cut at the proxies, and where on each piece its packets are seen. */
import type { Side } from "../../policy/judge.ts";
import type { Judged } from "../../trace/connect.ts";
import { route } from "../../trace/route.ts";
import type { Cluster } from "../../model/types.ts";
import type { Endpoint as Party } from "../../policy/endpoint.ts";
import { isWorkload } from "../../policy/peers.ts";
import { configText } from "../../trace/settings.ts";
import type { Point } from "./teller.ts";

export interface Stop {
  readonly node: string;
  readonly point: Point;
  readonly direction: "EGRESS" | "INGRESS";
}

/** `verdicts` are asked of the first packet, each before the `stop` at that place. */
export interface Segment {
  readonly forward: readonly Stop[];
  readonly reply: readonly Stop[];
  /** The end whose proxy is at the far end of this piece. */
  readonly proxy: "egress" | "ingress" | undefined;
  readonly crosses: boolean;
}

export interface Route {
  readonly segments: readonly Segment[];
  /** Nanoseconds there and back. */
  readonly rtt: number;
}

/** Round-trip times as a trace has them: within a node, between nodes, to the world outside. */
const RTT = { node: 100_000, cluster: 1_000_000, outside: 20_000_000 };

/** Where packets leave the node of `from` for `to`; undefined where they do not. */
function exit(cluster: Cluster, from: Party, to: Party): Point | undefined {
  if (from.node === "" || from.node === to.node) return undefined;
  if (to.kind === "external") return isMasqueradedInBpf(cluster) ? "to-network" : "to-stack";
  const how = route(cluster, from, to).hop.details?.["encapsulation"];
  return how === "vxlan" || how === "geneve" ? "to-overlay" : "to-network";
}

const isMasqueradedInBpf = (cluster: Cluster): boolean =>
  configText(cluster, "cilium-config", "enable-bpf-masquerade") === "true";

export function routeOf(
  cluster: Cluster,
  from: Party,
  way: Pick<Judged, "to" | "egress" | "ingress">,
): Route {
  const { to, egress, ingress } = way;
  const out = exit(cluster, from, to);
  const back = to.kind === "external" ? undefined : exit(cluster, to, from);
  const atClient = (point: Point): Stop => ({ node: from.node, point, direction: "EGRESS" });
  const atServer = (point: Point): Stop => ({ node: to.node, point, direction: "INGRESS" });
  const leaves = out === undefined ? [] : [atClient(out)];
  const arrives = isWorkload(to)
    ? [atServer("to-endpoint")]
    : to.onHost && out === undefined
      ? [atServer("to-host")]
      : [];
  const leavesBack = back === undefined ? [] : [atServer(back)];
  const arrivesBack = isWorkload(from) ? [atClient("to-endpoint")] : [];
  const segments: Segment[] = [];
  const egressProxy = isProxied(egress);
  const ingressProxy = isProxied(ingress);
  if (egressProxy)
    segments.push({ forward: [atClient("to-proxy")], reply: arrivesBack, proxy: "egress", crosses: false });
  segments.push({
    forward: [...leaves, ...(ingressProxy ? [atServer("to-proxy")] : arrives)],
    reply: [...leavesBack, ...(egressProxy ? [atClient("to-proxy")] : arrivesBack)],
    proxy: ingressProxy ? "ingress" : undefined,
    crosses: true,
  });
  if (ingressProxy)
    segments.push({ forward: arrives, reply: [atServer("to-proxy")], proxy: undefined, crosses: false });
  const rtt =
    to.kind === "external" || from.kind === "external"
      ? RTT.outside
      : from.node === to.node
        ? RTT.node
        : RTT.cluster;
  return { segments, rtt };
}

export const isProxied = (side: Side): boolean => side.action === "redirect";
