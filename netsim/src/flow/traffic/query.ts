/** One DNS query of a pod's resolver: its datagrams, and what the DNS proxy sees of it. */
import type { Endpoint as Party } from "../../policy/endpoint.ts";
import type { FlowsResponse } from "../types.ts";
import { dnsFlow } from "./dns.ts";
import { tellFailure } from "./failures.ts";
import type { Query } from "./plan.ts";
import type { Scene } from "./scene.ts";
import { partsOf, routeOf, type Stop } from "./segments.ts";
import { nobody, type Ends, type Packet, type Teller } from "./teller.ts";
import { dropOf, verdictFields } from "./verdicts.ts";

const DNS_PORT = 53;

/** The resolver's end; `known` after the first query that was sent from it. */
export interface Socket {
  readonly port: number;
  readonly known: boolean;
}

export function tellQuery(
  teller: Teller,
  scene: Scene,
  from: Party,
  { asked, exchange }: Query,
  start: bigint,
  { port: clientPort, known }: Socket,
): FlowsResponse[] {
  const { cluster, engine, mode, audit } = scene;
  // What somebody outside asks, no node sees.
  if (from.node === "") return [];
  const { crossing, proto, server } = asked;
  const protocol = proto === "udp" ? "UDP" : "TCP";
  const to = crossing.endpoint;
  const ends: Ends = {
    client: from,
    clientPort,
    server: to ?? nobody(server, from),
    serverPort: DNS_PORT,
    protocol,
    names: [],
    known: [],
  };
  if (to === undefined) {
    const how = crossing.fate === "closed" ? "refused" : "silence";
    return tellFailure(teller, { ends, start, timeout: 0, how, ebpf: mode === "ebpf", noBackend: true });
  }
  const probe = { port: DNS_PORT, protocol };
  const egress = engine.judge.side(from, to, probe, "egress");
  const ingress = engine.judge.side(to, from, probe, "ingress");
  const route = routeOf(cluster, from, { to, egress, ingress }, scene.everything);
  const wait = BigInt(Math.max(10_000, Math.round(route.rtt / 4)));
  const out: FlowsResponse[] = [];
  let now = start;
  const packet = (node: string, direction: Stop["direction"], reply: boolean): Packet => ({
    ends,
    time: now,
    node,
    direction,
    reply,
    known,
    ...(protocol === "TCP" && { flags: ["ACK", "PSH"] as const }),
  });
  const pass = (stops: readonly Stop[], reply: boolean): void => {
    for (const { node, point, direction } of stops) {
      out.push(teller.trace(packet(node, direction, reply), point));
      now += wait;
    }
  };
  const ask = (direction: "egress" | "ingress"): boolean => {
    const side = direction === "egress" ? egress : ingress;
    const [node, way] =
      direction === "egress" ? [from.node, "EGRESS" as const] : [to.node, "INGRESS" as const];
    const fields = verdictFields(side, direction, audit);
    const isDenied = side.action === "deny";
    // A verdict is of a connection, and told once; what is denied never becomes one.
    if (fields !== undefined && (!known || (isDenied && !audit)))
      out.push(teller.verdict(packet(node, way, false), fields));
    if (!isDenied || audit) return true;
    out.push(teller.drop(packet(node, way, false), ...dropOf(side)));
    return false;
  };
  const proxied = egress.action === "redirect";
  const seen = proxied || scene.visibility === "all";
  const atProxy = (reply: boolean, verdict: "FORWARDED" | "DROPPED" = "FORWARDED"): void => {
    if (seen) out.push(dnsFlow(teller, packet(from.node, "EGRESS", reply), exchange, verdict));
  };

  const refused = crossing.fate === "refuse";
  for (const [i, segment] of route.segments.entries()) {
    const last = i === route.segments.length - 1;
    const [before, between, after] = partsOf(segment);
    pass(before, false);
    if (i === 0 && !ask("egress")) return out;
    if (last && !(refused && proxied)) atProxy(false);
    pass(between, false);
    if (refused && segment.proxy === "egress") {
      atProxy(false, "DROPPED");
      atProxy(true);
      pass(segment.reply, true);
      return out;
    }
    if (segment.crosses && !ask("ingress")) return out;
    pass(after, false);
  }
  if (crossing.fate === "closed") return [...out, teller.unreachable(packet(from.node, "EGRESS", true))];
  if (exchange.rcode === undefined) return out;
  for (const segment of route.segments.toReversed()) {
    if (segment === route.segments[0]) atProxy(true);
    pass(segment.reply, true);
  }
  return out;
}
