/** What Cilium's datapath and proxies tell of one packet or request at one place, as Hubble's parser puts it (pkg/hubble/parser). */
import type { Endpoint as Party } from "../../policy/endpoint.ts";
import { canonicalTime } from "../time.ts";
import type { Flow, FlowsResponse, Layer4, Layer7, TcpFlag } from "../types.ts";
import type { Identities } from "./identities.ts";
import { uuid, type Random } from "./random.ts";

export type Point =
  | "to-endpoint"
  | "to-proxy"
  | "to-host"
  | "to-stack"
  | "to-overlay"
  | "to-network"
  | "from-endpoint"
  | "from-proxy"
  | "from-overlay"
  | "from-network";

/** `event_type.sub_type` and the name of the observation point. */
const POINTS: Readonly<Record<Point, readonly [number, string]>> = {
  "to-endpoint": [0, "TO_ENDPOINT"],
  "to-proxy": [1, "TO_PROXY"],
  "to-host": [2, "TO_HOST"],
  "to-stack": [3, "TO_STACK"],
  "to-overlay": [4, "TO_OVERLAY"],
  "to-network": [11, "TO_NETWORK"],
  "from-endpoint": [5, "FROM_ENDPOINT"],
  "from-proxy": [6, "FROM_PROXY"],
  "from-overlay": [9, "FROM_OVERLAY"],
  "from-network": [10, "FROM_NETWORK"],
};
const EVENT = { drop: 1, trace: 4, verdict: 5, socket: 7, l7: 129 } as const;

/** A connection's two ends, from the side that opened it. */
export interface Ends {
  readonly client: Party;
  readonly clientPort: number;
  readonly server: Party;
  readonly serverPort: number;
  readonly protocol: "TCP" | "UDP" | "SCTP";
  /** Names by which the world outside is known here, and the labels that policy knows it by. */
  readonly names: readonly string[];
  readonly known: readonly string[];
}

export interface Packet {
  readonly ends: Ends;
  /** Nanoseconds since 1970. */
  readonly time: bigint;
  /** Where it is seen. */
  readonly node: string;
  readonly direction: "EGRESS" | "INGRESS";
  readonly reply: boolean;
  /** Of TCP, in the order of Hubble's text. */
  readonly flags?: readonly TcpFlag[];
  /** The connection is known: it is not the first packet between these ports. */
  readonly known?: boolean;
}

export interface Teller {
  trace(packet: Packet, point: Point): FlowsResponse;
  drop(packet: Packet, reason: number, name: string): FlowsResponse;
  /** `more` says the policy's verdict. */
  verdict(packet: Packet, more: Flow): FlowsResponse;
  request(packet: Packet, verdict: string, l7: Layer7, summary: string): FlowsResponse;
  /** Translation of a Service's address when a program connects: before (`to` is the Service's) and after. */
  socket(packet: Packet, to: { address: string; port: number }, after: boolean): FlowsResponse;
  /** ICMP of the client's own node: nobody serves that port. */
  unreachable(packet: Packet): FlowsResponse;
}

/** An address that nobody in the cluster has, such as a cluster IP. */
export const nobody = (address: string, like: Party): Party => ({
  ...like,
  id: address,
  kind: "external",
  address: { ...like.address, text: address },
  node: "",
  onHost: false,
});

export function createTeller(identities: Identities, random: Random): Teller {
  const tell = (packet: Packet, more: Flow): FlowsResponse => {
    const { ends, node, direction, reply } = packet;
    const time = canonicalTime(packet.time);
    const client = identities.endpoint(ends.client, node);
    const server = identities.endpoint(ends.server, node, ends.server.kind === "external" ? ends.known : []);
    const [source, destination] = reply ? [server, client] : [client, server];
    const [from, to] = reply ? [ends.server, ends.client] : [ends.client, ends.server];
    const { name, labels } = identities.node(node);
    const named = ends.names.length > 0 && {
      [reply ? "source_names" : "destination_names"]: [...ends.names],
    };
    const flow: Flow = {
      time,
      uuid: uuid(random),
      IP: {
        source: from.address.text,
        destination: to.address.text,
        ipVersion: to.address.v6 ? "IPv6" : "IPv4",
      },
      l4: layer4(packet),
      source,
      destination,
      Type: "L3_L4",
      node_name: name,
      ...(labels.length > 0 && { node_labels: [...labels] }),
      ...named,
      traffic_direction: direction,
      Summary: packet.flags === undefined ? ends.protocol : `TCP Flags: ${packet.flags.join(", ")}`,
      ...more,
    };
    return { flow, node_name: name, time };
  };
  const replies = (reply: boolean): Flow => ({ is_reply: reply, ...(reply && { reply }) });

  return {
    trace(packet, point) {
      const [subType, name] = POINTS[point];
      const isFirst = packet.known !== true && (packet.flags === undefined || packet.flags.join() === "SYN");
      const reason = packet.reply ? "REPLY" : isFirst ? "NEW" : "ESTABLISHED";
      const told = tell(packet, {
        verdict: "FORWARDED",
        event_type: { type: EVENT.trace, ...(subType > 0 && { sub_type: subType }) },
        trace_observation_point: name,
        // Where a packet comes in, nobody has looked for its connection yet.
        ...(point.startsWith("to-") && { trace_reason: reason, ...replies(packet.reply) }),
      });
      if (point.startsWith("from-")) delete told.flow!.traffic_direction;
      return told;
    },
    drop: (packet, reason, name) =>
      tell(packet, {
        verdict: "DROPPED",
        event_type: { type: EVENT.drop, sub_type: reason },
        drop_reason: reason,
        drop_reason_desc: name,
      }),
    verdict: (packet, more) => tell(packet, { event_type: { type: EVENT.verdict }, ...more }),
    request: (packet, verdict, l7, Summary) =>
      tell(packet, {
        verdict,
        Type: "L7",
        l7,
        event_type: { type: EVENT.l7 },
        ...replies(packet.reply),
        Summary,
      }),
    socket(packet, { address, port }, after) {
      const { ends } = packet;
      const {
        l4: _ports,
        traffic_direction: _unknown,
        ...told
      } = tell(packet, {
        verdict: after ? "TRANSLATED" : "TRACED",
        Type: "SOCK",
        event_type: { type: EVENT.socket, sub_type: after ? 2 : 1 },
        sock_xlate_point: `SOCK_XLATE_POINT_${after ? "POST" : "PRE"}_DIRECTION_FWD`,
        Summary: ends.protocol,
      }).flow!;
      const service = after ? undefined : identities.service(address, port);
      const flow: Flow = {
        ...told,
        l4: { [ends.protocol]: { destination_port: after ? ends.serverPort : port } },
        ...(!after && { IP: { ...told.IP, destination: address } }),
        // No identity belongs to a Service's address.
        ...(!after && { destination: identities.endpoint(nobody(address, ends.client), packet.node) }),
        ...(service !== undefined && { destination_service: service }),
      };
      return { flow, node_name: told.node_name!, time: told.time! };
    },
    unreachable: (packet) => {
      const v6 = packet.ends.client.address.v6;
      return tell(
        { ...packet, reply: true },
        {
          verdict: "FORWARDED",
          l4: v6 ? { ICMPv6: { type: 1, code: 4 } } : { ICMPv4: { type: 3, code: 3 } },
          event_type: { type: EVENT.trace },
          trace_observation_point: "TO_ENDPOINT",
          trace_reason: "RELATED",
          is_reply: true,
          reply: true,
          Summary: v6
            ? "ICMPv6 DestinationUnreachable(PortUnreachable)"
            : "ICMPv4 DestinationUnreachable(Port)",
        },
      );
    },
  };
}

function layer4({ ends, reply, flags }: Packet): Layer4 {
  const [source, destination] = reply
    ? [ends.serverPort, ends.clientPort]
    : [ends.clientPort, ends.serverPort];
  const ports = { source_port: source, destination_port: destination };
  if (ends.protocol !== "TCP") return { [ends.protocol]: ports };
  return {
    TCP: {
      ...ports,
      ...(flags !== undefined && { flags: Object.fromEntries(flags.map((flag) => [flag, true])) }),
    },
  };
}
