/**
 * One IP packet on its way along a path: what every device makes of its size. The rules are Linux's, as observed with real
 * packets (see the recorded cases of the tests): routing fragments or answers with ICMP (RFC 792, RFC 1191, RFC 8201), bridging
 * drops in silence, tunnels do what their kind does (`mannerOf`).
 */
import { fragments, payloadOf, type Frame } from "./fragment.ts";
import type { Link, Path, Tunnel } from "./path.ts";
import { familyOf, isTransport, mannerOf, roomIn, wrap } from "./tunnel.ts";

/** A VLAN tag: what bridges and veth devices accept beyond the MTU (`is_skb_forwardable` in Linux); nobody knows of switches. */
const TAG = 4;

/** What nodes remember of path MTUs: of tunnels' outer destinations, and of inner ones (IPv6, which forwarding heeds). */
export interface Memory {
  readonly outer: Map<string, number>;
  readonly inner: Map<string, number>;
}

export const createMemory = (): Memory => ({ outer: new Map(), inner: new Map() });

export interface World {
  /** Nobody's ICMP errors arrive: a filter throws them away, the cause of PMTU black holes (RFC 2923 section 2.1). */
  readonly blackHole?: boolean;
  /** br_netfilter with bridge-nf-call-iptables, which kube-proxy's iptables mode asks for: bridges see IP. */
  readonly bridgeNetfilter?: boolean;
}

/** A packet on a link, by the link's index. */
export interface Sighting {
  readonly link: number;
  readonly frame: Frame;
}

/**
 * That a packet was too big. To its "source"; to the node that made the "tunnel", about an outer packet; "self": the sending
 * node's own tunnel device tells the socket, without a packet.
 */
export interface Icmp {
  readonly link: number;
  readonly mtu: number;
  /** The address that signs it, where it is known. */
  readonly by: string | undefined;
  readonly to: "source" | "tunnel" | "self";
  readonly about: Frame;
}

export type Loss = "too-big" | "silent" | "bridge-netfilter" | "outer-too-big" | "tunnel-too-big" | "no-room";

export interface Drop {
  readonly link: number;
  readonly frame: Frame;
  readonly why: Loss;
}

export interface Journey {
  readonly arrived: boolean;
  readonly sightings: readonly Sighting[];
  readonly drops: readonly Drop[];
  readonly icmp: readonly Icmp[];
}

type Entry = "output" | "received" | "routed" | "bridged";

/** How packets get to the device of `links[i]` when they are not encapsulated in front of it. */
export function entryOf(links: readonly Link[], i: number): Entry {
  const link = links[i];
  const before = links[i - 1];
  if (link === undefined || before === undefined) return "output";
  if (link.node !== before.node) {
    if (link.node !== "") return "received";
    return link.bridged === true ? "bridged" : "routed";
  }
  switch (link.kind) {
    case "pod":
      return "received";
    case "tunnel":
      if (link.tunnels.length < before.tunnels.length) return "received";
      return link.bridged === true ? "bridged" : "routed";
    case "bridge":
      return before.kind === "veth" || before.bridged === true ? "received" : "routed";
    case "veth":
      if (before.kind === "pod") return "received";
      // Out of a bridge by a port that is a cable to the next bridge (Weave): its other end.
      if (before.kind === "veth" && entryOf(links, i - 1) === "bridged") return "received";
      return before.kind === "bridge" || before.bridged === true ? "bridged" : "routed";
    case "wire":
      return link.bridged === true ? "bridged" : "routed";
    case "card":
      return "routed";
  }
}

export const mtuOf = ({ mtu, routeMtu }: Link): number => Math.min(mtu, routeMtu ?? Infinity);

const keyOf = ({ source, destination }: Tunnel): string => `${source} ${destination}`;

/** What the outer route of `tunnel` takes, as its node knows. */
const outerMtu = (link: Link, tunnel: Tunnel, memory: Memory): number =>
  Math.min(mtuOf(link), memory.outer.get(keyOf(tunnel)) ?? Infinity);

/**
 * Sends a packet, as the `pieces` that its sender made of it. `segmented`: it stands for a train of TCP segments that the card cuts (GSO): bridges let those pass, whatever
 * their size.
 */
export function travel(
  path: Path,
  pieces: readonly Frame[],
  memory: Memory,
  world: World = {},
  segmented = false,
): Journey {
  const { links } = path;
  // A pod to itself.
  if (links.length === 0) return { arrived: path.lost === undefined, sightings: [], drops: [], icmp: [] };
  const sightings: Sighting[] = [];
  const drops: Drop[] = [];
  const icmp: Icmp[] = [];
  /** Octets of payload that have come in, of packets that were fragmented. */
  const collected = new Map<Frame, number>();
  let arrived = false;

  const drop = (link: number, frame: Frame, why: Loss): void => void drops.push({ link, frame, why });

  function refuse(i: number, frame: Frame, mtu: number, why: Loss, by = links[i]?.address): void {
    drop(i, frame, why);
    // Nobody answers to a fragment but the first (RFC 1122 section 3.2.2).
    if ((frame.part?.offset ?? 0) > 0) return;
    const tunnel = frame.inside?.tunnel ?? frame.part?.of.inside?.tunnel;
    icmp.push({ link: i, mtu, by, to: tunnel === undefined ? "source" : "tunnel", about: frame });
    if (tunnel === undefined || world.blackHole === true) return;
    const floor = Math.max(mtu, familyOf(tunnel.destination) === 6 ? 1280 : 552);
    memory.outer.set(keyOf(tunnel), Math.min(floor, memory.outer.get(keyOf(tunnel)) ?? Infinity));
  }

  /** All the pieces of a packet that was fragmented, or the packet that never was. */
  function whole(frame: Frame): Frame | undefined {
    if (frame.part === undefined) return frame;
    const { of } = frame.part;
    const had = (collected.get(of) ?? 0) + payloadOf(frame);
    collected.set(of, had);
    return had >= payloadOf(of) ? { ...of, ttl: frame.ttl } : undefined;
  }

  function onward(i: number, frames: readonly Frame[]): void {
    for (const frame of frames) {
      sightings.push({ link: i, frame });
      if (i + 1 < links.length) enter(i + 1, frame);
      else if (path.lost === undefined && whole(frame) !== undefined) arrived = true;
    }
  }

  function enter(i: number, frame: Frame): void {
    const link = links[i]!;
    const before = links[i - 1]!;
    const added = link.tunnels.slice(before.tunnels.length);
    if (added.length > 0) return encapsulate(i, frame, added);
    let inner = frame;
    for (let n = before.tunnels.length; n > link.tunnels.length; n--) {
      const complete = whole(inner);
      if (complete === undefined) return;
      inner = complete.inside?.frame ?? complete;
    }
    admit(i, inner);
  }

  /** A packet that goes on as it is: by routing, by bridging, or received at the other end of a cable. */
  function admit(i: number, frame: Frame): void {
    const link = links[i]!;
    const entry = entryOf(links, i);
    const routed = entry === "routed" ? { ...frame, ttl: frame.ttl - 1 } : frame;
    const learnt = entry === "routed" && frame.family === 6 ? memory.inner.get(link.node) : undefined;
    const mtu = Math.min(mtuOf(link), learnt ?? Infinity);
    if (entry === "received") {
      const taken = link.kind === "tunnel" || link.kind === "bridge" || segmented;
      if (!taken && frame.octets > link.mtu + TAG) return drop(i, frame, "silent");
      return onward(i, [frame]);
    }
    if (frame.octets <= mtu) return onward(i, [routed]);
    if (entry === "bridged") return bridge(i, frame);
    if (frame.family === 6 || frame.df) return refuse(i, frame, mtu, "too-big");
    return split(i, routed, mtu);
  }

  function split(i: number, frame: Frame, mtu: number): void {
    const made = fragments(frame, mtu);
    return made.length === 0 ? drop(i, frame, "no-room") : onward(i, made);
  }

  function bridge(i: number, frame: Frame): void {
    const { mtu, kind } = links[i]!;
    if (kind === "wire") return drop(i, frame, "silent");
    if (segmented) return onward(i, [frame]);
    if (world.bridgeNetfilter === true) {
      if (frame.family === 6 || frame.df) return drop(i, frame, "bridge-netfilter");
      return split(i, frame, mtu);
    }
    return frame.octets <= mtu + TAG ? onward(i, [frame]) : drop(i, frame, "silent");
  }

  function encapsulate(i: number, frame: Frame, tunnels: readonly Tunnel[]): void {
    const [tunnel, ...rest] = tunnels;
    const link = links[i]!;
    if (tunnel === undefined) return admitOutput(i, frame);
    // What the tunnels around this one leave of the underlay's MTU.
    const limit = [tunnel, ...rest].reduceRight(
      (room, t) => roomIn(t, Math.min(room, outerMtu(link, t, memory)), deviceMtuOf(i, t), frame.family),
      Infinity,
    );
    const manner = mannerOf(tunnel);
    const mustNot = frame.family === 6 || frame.df;
    if (frame.octets > limit) {
      const device = links[i - 1]!;
      const port = device.kind === "tunnel" && device.bridged === true;
      if (mustNot && (manner.tells === "always" || (manner.tells === "bridge" && port)))
        // A bridge's port has no address of its own there: it answers in the destination's name.
        return refuse(i, frame, limit, "tunnel-too-big", port ? path.destination : device.address);
      if (manner.tells === "bridge" && !port && frame.family === 6) learnInner(device.node, limit);
      if (manner.tells === "bridge" && links[0]!.node === device.node && links[0]!.kind !== "pod")
        icmp.push({ link: i, mtu: limit, by: undefined, to: "self", about: frame });
    }
    const deviceMtu = deviceMtuOf(i, tunnel);
    const family = isTransport(tunnel) ? frame.family : familyOf(tunnel.destination);
    const df =
      family === 4 &&
      (manner.df === "set" || (manner.df === "inherit" && mustNot) || (isTransport(tunnel) && frame.df));
    const outer: Frame = {
      family,
      octets: wrap(tunnel, frame.octets, deviceMtu, frame.family).octets,
      df,
      ttl: 64,
      inside: { tunnel, frame, deviceMtu },
    };
    encapsulate(i, outer, rest);
  }

  /** The padding of WireGuard depends on the MTU of its device. */
  function deviceMtuOf(i: number, tunnel: Tunnel): number {
    const device = links[i - 1];
    return tunnel.kind === "wireguard" && device?.kind === "tunnel" ? device.mtu : Infinity;
  }

  function learnInner(node: string, mtu: number): void {
    memory.inner.set(node, Math.min(Math.max(mtu, 1280), memory.inner.get(node) ?? Infinity));
  }

  /** The outer packet leaves the node that made it. */
  function admitOutput(i: number, frame: Frame): void {
    const link = links[i]!;
    const { tunnel } = frame.inside!;
    const mtu = outerMtu(link, tunnel, memory);
    if (frame.octets <= mtu) return onward(i, [frame]);
    if (frame.family === 4 ? frame.df : !mannerOf(tunnel).splits) return drop(i, frame, "outer-too-big");
    return split(i, frame, mtu);
  }

  onward(0, pieces);
  return { arrived, sightings, drops, icmp };
}
