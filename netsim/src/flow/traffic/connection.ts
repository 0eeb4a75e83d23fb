/** One connection, packet by packet: what is told of it on the nodes that it passes. */
import type { TcpFlag } from "../types.ts";
import type { FlowsResponse } from "../types.ts";
import type { Judged } from "../../trace/connect.ts";
import type { Request } from "../../trace/goal.ts";
import { throughProxy } from "../../trace/l7.ts";
import { httpFlow, type HttpExchange } from "./http.ts";
import { isProxied, partsOf, type Route, type Segment, type Stop } from "./segments.ts";
import type { Ends, Packet, Teller } from "./teller.ts";
import { dropOf, verdictFields } from "./verdicts.ts";

export interface Connection {
  readonly ends: Ends;
  readonly way: Pick<Judged, "to" | "egress" | "ingress">;
  readonly route: Route;
  /** Nanoseconds since 1970. */
  readonly start: bigint;
  /** Nanoseconds that an attempt without an answer lasts. */
  readonly timeout: number;
  readonly http: HttpExchange | undefined;
  readonly request: Request | undefined;
  /** Whether what no proxy sees is told of, too. */
  readonly allVisible: boolean;
  /** Cilium's policy audit mode: denied, said, and let through. */
  readonly audit: boolean;
}

const SYN: readonly TcpFlag[] = ["SYN"];
const SYN_ACK: readonly TcpFlag[] = ["SYN", "ACK"];
const ACK: readonly TcpFlag[] = ["ACK"];
const DATA: readonly TcpFlag[] = ["ACK", "PSH"];
const FIN: readonly TcpFlag[] = ["ACK", "FIN"];
const RST: readonly TcpFlag[] = ["ACK", "RST"];

/** When Linux sends a SYN again, in seconds after the first (tcp_syn_retries 6). */
const RETRIES = [1, 3, 7, 15, 31, 63];
const SECOND = 1e9;

/** The times of a SYN that nobody answers, in nanoseconds after the first. */
export const attempts = (timeout: number): number[] => [
  0,
  ...RETRIES.map((s) => s * SECOND).filter((at) => at < timeout),
];

export function tellConnection(teller: Teller, c: Connection): FlowsResponse[] {
  const out: FlowsResponse[] = [];
  const { ends, route } = c;
  const isTcp = ends.protocol === "TCP";
  const wait = Math.max(10_000, Math.round(route.rtt / 4));
  let now = c.start;

  /** Along the stops, time going on from one to the next. */
  const pass = (stops: readonly Stop[], reply: boolean, flags: readonly TcpFlag[] | undefined): void => {
    for (const { node, point, direction } of stops) {
      out.push(teller.trace(packet(node, direction, reply, flags), point));
      now += BigInt(wait);
    }
  };
  const packet = (
    node: string,
    direction: Stop["direction"],
    reply: boolean,
    flags?: readonly TcpFlag[],
  ): Packet => ({ ends, time: now, node, direction, reply, ...(isTcp && flags !== undefined && { flags }) });

  /** The verdict of one end on the first packet; false where it ends there. */
  const ask = (direction: "egress" | "ingress"): boolean => {
    const side = c.way[direction];
    const node = direction === "egress" ? ends.client.node : ends.server.node;
    const first = packet(node, direction === "egress" ? "EGRESS" : "INGRESS", false, SYN);
    const fields = verdictFields(side, direction, c.audit);
    if (fields !== undefined) out.push(teller.verdict(first, fields));
    if (side.action !== "deny" || c.audit) return true;
    out.push(teller.drop(first, ...dropOf(side)));
    return false;
  };

  /** The first packet of a piece, with the verdicts on the way. */
  const open = (segment: Segment, isFirst: boolean): boolean => {
    const [before, between, after] = partsOf(segment);
    pass(before, false, SYN);
    if (isFirst && !ask("egress")) return false;
    pass(between, false, SYN);
    if (segment.crosses && !ask("ingress")) return false;
    pass(after, false, SYN);
    return true;
  };

  const [first] = route.segments;
  if (first === undefined) return out;
  if (isBlocked(c)) {
    for (const at of isTcp ? attempts(c.timeout) : [0]) {
      now = c.start + BigInt(at);
      for (const [i, segment] of route.segments.entries()) if (!open(segment, i === 0)) break;
    }
    return out;
  }
  const reached: Segment[] = [];
  let refused = false;
  for (const [i, segment] of route.segments.entries()) {
    open(segment, i === 0);
    reached.push(segment);
    if (isTcp) {
      pass(segment.reply, true, SYN_ACK);
      pass(segment.forward, false, ACK);
      pass(segment.forward, false, DATA);
    }
    refused = sawRequest(segment);
    if (refused) break;
  }
  if (!refused) now += BigInt(c.http?.latency ?? 0);
  const status = refused ? 403 : c.http?.status;
  for (const segment of reached.toReversed()) {
    pass(segment.reply, true, isTcp ? DATA : undefined);
    sawResponse(segment, status);
  }
  if (isTcp)
    for (const segment of reached) {
      pass(segment.forward, false, refusesBytes(c) ? RST : FIN);
      if (!refusesBytes(c)) pass(segment.reply, true, FIN);
    }
  return out;

  /** What is told of the request where this piece ends; true where the proxy refuses it. */
  function sawRequest(segment: Segment): boolean {
    const side = segment.proxy ?? visibleAt(c, segment);
    if (side === undefined || c.http === undefined || refusesBytes(c))
      return side !== undefined && refusesBytes(c);
    const stop = segment.proxy === undefined ? undefined : throughProxy(c.way[side], side, c.request)?.stop;
    const at = placeOf(ends, side);
    const denied = stop !== undefined && !c.audit;
    out.push(
      httpFlow(teller, packet(at.node, at.direction, false), c.http, denied ? "DROPPED" : "FORWARDED"),
    );
    return denied;
  }

  function sawResponse(segment: Segment, status: number | undefined): void {
    const side = segment.proxy ?? visibleAt(c, segment);
    if (side === undefined || c.http === undefined || status === undefined || refusesBytes(c)) return;
    const at = placeOf(ends, side);
    const latency = Number(now - c.start);
    out.push(
      httpFlow(teller, packet(at.node, at.direction, true), { ...c.http, status }, "FORWARDED", latency),
    );
  }
}

const placeOf = (ends: Ends, side: "egress" | "ingress"): Pick<Stop, "node" | "direction"> =>
  side === "egress"
    ? { node: ends.client.node, direction: "EGRESS" }
    : { node: ends.server.node, direction: "INGRESS" };

/** Where no proxy looks: at the client, or at the server for a client from outside. */
function visibleAt(
  { allVisible, way, ends }: Connection,
  segment: Segment,
): "egress" | "ingress" | undefined {
  if (!allVisible || !segment.crosses || isProxied(way.egress) || isProxied(way.ingress)) return undefined;
  const side = ends.client.kind === "external" ? "ingress" : "egress";
  return placeOf(ends, side).node === "" ? undefined : side;
}

const isBlocked = ({ way, audit }: Connection): boolean =>
  !audit && (way.egress.action === "deny" || way.ingress.action === "deny");

/** An HTTP proxy that is given TLS reads nothing of it, and closes. */
const refusesBytes = ({ way, request }: Connection): boolean =>
  (["egress", "ingress"] as const).some(
    (side) => throughProxy(way[side], side, request)?.stop?.reason === "l7-tls",
  );
