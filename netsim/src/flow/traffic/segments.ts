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

/** `everything`: also where packets come from, which Cilium tells of only without aggregation. */
export function routeOf(
  cluster: Cluster,
  from: Party,
  way: Pick<Judged, "to" | "egress" | "ingress">,
  everything: boolean,
): Route {
  const { to, egress, ingress } = way;
  const atClient = (point: Point): Stop => ({ node: from.node, point, direction: "EGRESS" });
  const atServer = (point: Point): Stop => ({ node: to.node, point, direction: "INGRESS" });
  const only = (stops: readonly Stop[]): readonly Stop[] => (everything ? stops : []);
  const out = exit(cluster, from, to);
  const back = to.kind === "external" ? undefined : exit(cluster, to, from);
  const crosses = (
    point: Point | undefined,
    near: (point: Point) => Stop,
    far: (point: Point) => Stop,
  ): Stop[] => {
    if (point === undefined) return [];
    const entry = ENTRIES[point];
    return [near(point), ...only(entry === undefined ? [] : [far(entry)])];
  };
  const starts = only(isWorkload(from) ? [atClient("from-endpoint")] : []);
  const startsBack = only(isWorkload(to) ? [atServer("from-endpoint")] : []);
  const leaves = crosses(out, atClient, to.kind === "external" ? atClient : atServer);
  const leavesBack = crosses(back, atServer, from.kind === "external" ? atServer : atClient);
  const toHost = to.onHost && out === undefined ? [atServer("to-host")] : [];
  const arrives = isWorkload(to) ? [atServer("to-endpoint")] : toHost;
  const arrivesBack = isWorkload(from) ? [atClient("to-endpoint")] : [];
  const segments: Segment[] = [];
  const egressProxy = isProxied(egress);
  const ingressProxy = isProxied(ingress);
  if (egressProxy)
    segments.push({
      forward: [...starts, atClient("to-proxy")],
      reply: [...only([atClient("from-proxy")]), ...arrivesBack],
      proxy: "egress",
      crosses: false,
    });
  segments.push({
    forward: [
      ...(egressProxy ? only([atClient("from-proxy")]) : starts),
      ...leaves,
      ...(ingressProxy ? [atServer("to-proxy")] : arrives),
    ],
    reply: [
      ...(ingressProxy ? only([atServer("from-proxy")]) : startsBack),
      ...leavesBack,
      ...(egressProxy ? [atClient("to-proxy")] : arrivesBack),
    ],
    proxy: ingressProxy ? "ingress" : undefined,
    crosses: true,
  });
  if (ingressProxy)
    segments.push({
      forward: [...only([atServer("from-proxy")]), ...arrives],
      reply: [...startsBack, atServer("to-proxy")],
      proxy: undefined,
      crosses: false,
    });
  const outside = to.kind === "external" || from.kind === "external";
  const rtt = outside ? RTT.outside : from.node === to.node ? RTT.node : RTT.cluster;
  return { segments, rtt };
}

/** Where a packet comes into the other node. */
const ENTRIES: Readonly<Partial<Record<Point, Point>>> = {
  "to-overlay": "from-overlay",
  "to-network": "from-network",
};

/** The stops before the source's verdict, between the verdicts, and after the destination's. */
export function partsOf({
  forward,
  crosses,
}: Segment): readonly [readonly Stop[], readonly Stop[], readonly Stop[]] {
  const first = forward.findIndex(({ point }) => point !== "from-endpoint");
  const begin = first < 0 ? forward.length : first;
  const last = forward.findIndex(
    ({ point, direction }) => direction === "INGRESS" && point.startsWith("to-"),
  );
  const end = !crosses || last < 0 ? forward.length : last;
  return [forward.slice(0, begin), forward.slice(begin, end), forward.slice(end)];
}

export const isProxied = (side: Side): boolean => side.action === "redirect";
