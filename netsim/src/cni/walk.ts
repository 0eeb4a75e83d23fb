/** A packet through the tables: what the kernels on its way do with it, device by device. */
import type { Path, Tunnel } from "../packet/path.ts";
import { bare, covers, isV6 } from "./address.ts";
import type { Network } from "./network.ts";
import { find, firstSource, longest, lookup, macFor, named, owns, sourceFor } from "./tables.ts";
import { createTrail, type Frame } from "./trail.ts";
import type { Bpf, Device, Place, Route } from "./types.ts";

export interface Walk {
  readonly path: Path;
  /** `delivered` to its destination's namespace; `outside`: it left the cluster; the others end the way. */
  readonly outcome: "delivered" | "outside" | "dropped";
  /** The key of the place where it ended. */
  readonly at: string;
  readonly why: string;
}

/** `sent`: the source address as the sender wrote it. */
interface Packet {
  source: string;
  sent: string;
  readonly destination: string;
  tunnels: readonly Tunnel[];
  sourceNat?: string;
}

type End = Pick<Walk, "outcome" | "at" | "why">;

const MAX_STEPS = 64;

/** From a place (a pod's or a node's namespace) to an address. `source`: one of the place's own, else as the route has it. */
export function walk(network: Network, from: Place, destination: string, source?: string): Walk {
  const v6 = isV6(destination);
  const packet: Packet = { source: source ?? "", sent: source ?? "", destination, tunnels: [] };
  const { links, pass, wire } = createTrail(network, v6, () => packet.tunnels);
  let steps = 0;

  const drop = (place: Place, why: string): End => ({ outcome: "dropped", at: place.key, why });
  const outer = (): string => packet.tunnels.at(-1)?.destination ?? packet.destination;

  /** A packet at the IP layer of a place, come in by `input` (undefined: made there). */
  function receive(place: Place, input: Device | undefined): End {
    if (++steps > MAX_STEPS) return drop(place, "the packet goes round in circles");
    if (place.kind !== "router" && owns(place, outer())) {
      if (packet.tunnels.length > 0) return unwrap(place);
      return { outcome: "delivered", at: place.key, why: "" };
    }
    if (place.kind === "pod" && input !== undefined)
      return drop(place, `${place.name} has not the address ${outer()}, and does not forward`);
    const program = place.bpf !== undefined && input !== undefined && input.kind !== "card";
    return (program ? throughBpf(place, place.bpf!) : undefined) ?? forward(place);
  }

  function throughBpf(place: Place, bpf: Bpf): End | undefined {
    const local = packet.tunnels.length === 0 ? bpf.endpoints.get(packet.destination) : undefined;
    if (local !== undefined) return transmit(place, find(place, local)!, packet.destination, {});
    const entry = longest(bpf.ipcache, outer());
    const overlay = bpf.overlay === undefined ? undefined : find(place, bpf.overlay);
    if (entry?.tunnel === undefined || overlay === undefined) return undefined;
    const pod = links[0]?.mac;
    return encapsulate(place, overlay, entry.tunnel, pod);
  }

  function forward(place: Place): End {
    const to = outer();
    const route = lookup(place, to, packet.tunnels.length > 0);
    if (route === undefined) return drop(place, `${named(place)} has no route to ${to}`);
    if (route.type === "blackhole" || route.type === "unreachable")
      return drop(
        place,
        `${named(place)}: ${route.type} ${route.to}${route.says === undefined ? "" : `: ${route.says}`}`,
      );
    const device = find(place, route.dev ?? "");
    if (device === undefined) return drop(place, `${named(place)}: no device ${route.dev ?? ""}`);
    if (packet.source === "") packet.source = packet.sent = sourceFor(place, route, device, v6);
    if (place.bpf !== undefined && device.name === "cilium_host") {
      const there = throughBpf(place, place.bpf);
      if (there !== undefined) return there;
    }
    return transmit(place, device, route.via ?? to, route);
  }

  function transmit(place: Place, device: Device, via: string, route: Partial<Route>): End {
    if (++steps > MAX_STEPS) return drop(place, "the packet goes round in circles");
    if (device.kind === "veth") return overVeth(place, device, via, route.mtu);
    if (device.kind === "bridge") {
      const mac = macFor(place, device, via);
      if (mac === undefined) return drop(place, `nobody on ${device.name} answers for ${via}`);
      pass(place, device, { source: device.mac ?? "", destination: mac }, route.mtu);
      return switched(place, device, { source: device.mac ?? "", destination: mac });
    }
    if (device.kind === "card") return overWire(place, device, via, route.mtu);
    const remote = remoteOf(place, device, via);
    return typeof remote === "string"
      ? encapsulate(place, device, remote, innerOf(place, device, via), route.mtu)
      : remote;
  }

  function overVeth(place: Place, device: Device, via: string, mtu?: number): End {
    const other = network.place(device.peer?.place ?? "");
    const end = other === undefined ? undefined : find(other, device.peer?.device ?? "");
    if (other === undefined || end === undefined) return drop(place, `${device.name} has no other end`);
    // Cilium's program answers ARP, and keeps pods' MACs in a map of its own.
    const mac = macFor(place, device, via) ?? (place.bpf === undefined ? undefined : end.mac);
    if (mac === undefined)
      return drop(place, `nobody answers for ${via} on ${device.name} of ${named(place)}`);
    const frame = { source: device.mac ?? "", destination: mac };
    pass(place, device, frame, mtu);
    pass(other, end, frame);
    const bridge = end.master === undefined ? undefined : find(other, end.master);
    return bridge === undefined ? receive(other, end) : onBridge(other, bridge, frame);
  }

  /** A frame that came into a bridge by a port: up to the bridge itself, or out by another port. */
  function onBridge(place: Place, bridge: Device, frame: Frame): End {
    pass(place, bridge, frame);
    return frame.destination === bridge.mac ? receive(place, bridge) : switched(place, bridge, frame);
  }

  function switched(place: Place, bridge: Device, frame: Frame): End {
    if (++steps > MAX_STEPS) return drop(place, "the packet goes round in circles");
    const entry = place.fdb.find((f) => f.master === bridge.name && f.mac === frame.destination);
    if (entry === undefined) return drop(place, `${bridge.name} knows no port of ${frame.destination}`);
    if (entry.dst !== undefined) return encapsulate(place, bridge, entry.dst, frame, undefined, true);
    const port = find(place, entry.dev);
    const other = port === undefined ? undefined : network.place(port.peer?.place ?? "");
    const end = other === undefined ? undefined : find(other, port?.peer?.device ?? "");
    if (port === undefined || other === undefined || end === undefined)
      return drop(place, `${bridge.name}: port ${entry.dev} leads nowhere`);
    pass(place, port, frame);
    pass(other, end, frame);
    const next = end.master === undefined ? undefined : find(other, end.master);
    return next === undefined ? receive(other, end) : onBridge(other, next, frame);
  }

  /** Where a tunnel device sends packets whose next hop is `via`. */
  function remoteOf(place: Place, device: Device, via: string): string | End {
    const { tunnel } = device;
    if (tunnel?.kind === "ipip") return via;
    if (tunnel?.kind === "wireguard") {
      const peer = tunnel.peers?.find((p) => p.allowed.some((a) => covers(a, packet.destination)));
      return (
        peer?.endpoint ??
        drop(place, `${device.name}: no peer has ${packet.destination} among its allowed IPs`)
      );
    }
    const mac = macFor(place, device, via);
    if (mac === undefined) return drop(place, `${device.name}: no neighbour entry for ${via}`);
    const entry = place.fdb.find((f) => f.dev === device.name && f.mac === mac);
    return entry?.dst ?? drop(place, `${device.name}: no forwarding entry for ${mac}`);
  }

  const innerOf = (place: Place, device: Device, via: string): Frame | undefined =>
    device.tunnel?.kind === "vxlan" || device.tunnel?.kind === "geneve"
      ? { source: device.mac ?? "", destination: macFor(place, device, via) ?? "" }
      : undefined;

  function encapsulate(
    place: Place,
    device: Device,
    remote: string,
    inner?: Frame,
    mtu?: number,
    passed = false,
  ): End {
    const { tunnel } = device;
    if (tunnel === undefined) return drop(place, `${device.name} is no tunnel`);
    if (!passed) pass(place, device, inner, mtu);
    const { kind, local, port } = tunnel;
    const vni = tunnel.vni ?? (inner === undefined ? undefined : place.bpf?.identities.get(packet.sent));
    const header: Tunnel = {
      kind,
      source: local,
      destination: remote,
      ...(port !== undefined && { port }),
      ...(vni !== undefined && { vni }),
      ...(inner !== undefined && { inner }),
      ...(tunnel.encrypted === true && kind === "sleeve" && { encrypted: true }),
    };
    packet.tunnels = [...packet.tunnels, header];
    if (tunnel.encrypted === true && kind === "fastdp")
      packet.tunnels = [
        ...packet.tunnels,
        { kind: "esp", source: local, destination: remote, mode: "transport" },
      ];
    return forward(place);
  }

  function overWire(place: Place, device: Device, via: string, mtu?: number): End {
    masquerade(place, device);
    const secret = encryptionFor(place);
    if (secret !== undefined) {
      if (secret.device !== undefined) pass(place, secret.device, undefined, mtu);
      packet.tunnels = [...packet.tunnels, secret.tunnel];
      return forward(place);
    }
    const mac = macFor(place, device, via);
    if (mac === undefined)
      return drop(place, `nobody answers for ${via} on ${device.name} of ${named(place)}`);
    const frame = { source: device.mac ?? "", destination: mac };
    pass(place, device, frame, mtu);
    const there = network.onWire(via);
    if (there === undefined) {
      wire(device.mtu, frame, `to ${via}`);
      return place.kind === "router"
        ? { outcome: "outside", at: place.key, why: `${packet.destination} is outside the cluster` }
        : drop(place, `nobody has ${via}`);
    }
    const card = there.devices.find((d) => d.kind === "card" && d.addresses.some((a) => bare(a) === via));
    if (card === undefined) return drop(there, `${via} is on no card of ${named(there)}`);
    // Between subnets it is the routers' routes that are narrow.
    const routed = place.kind === "router" || there.kind === "router";
    wire(
      Math.min(device.mtu, card.mtu, routed ? Infinity : (network.wireMtu ?? Infinity)),
      frame,
      `${named(place)} to ${named(there)}`,
    );
    if (there.kind === "router") return fromRouter(there);
    pass(there, card, frame);
    return receive(there, card);
  }

  /** Routers between subnets; what they have no route for leaves the cluster, or is lost when it is the cluster's own. */
  function fromRouter(router: Place): End {
    const to = outer();
    if (lookup(router, to, false) !== undefined) return forward(router);
    if (network.isOurs(to))
      return drop(
        router,
        `the routers between the nodes have no route to ${to}: they know nothing of the pods' range`,
      );
    wire(network.wireMtu ?? 1500, undefined, `out of the cluster, to ${to}`);
    return { outcome: "outside", at: router.key, why: `${to} is outside the cluster` };
  }

  function masquerade(place: Place, device: Device): void {
    if (packet.tunnels.length > 0 || place.kind !== "node" || packet.sourceNat !== undefined) return;
    const { source, destination: to } = packet;
    const rule = place.masquerade.find((m) => covers(m.from, source) && !m.except.some((e) => covers(e, to)));
    const own = device.addresses.map(bare).find((a) => isV6(a) === v6);
    if (rule === undefined || own === undefined || own === source) return;
    packet.source = own;
    packet.sourceNat = own;
  }

  /** What encrypts on the way out, beside the overlay (Cilium). */
  function encryptionFor(place: Place): { device: Device | undefined; tunnel: Tunnel } | undefined {
    const encrypt = place.bpf?.encrypt;
    const done = packet.tunnels.some((t) => t.kind === encrypt?.kind);
    if (encrypt === undefined || done) return undefined;
    const entry = longest(place.bpf?.ipcache ?? [], packet.destination);
    const remote = entry === undefined ? undefined : encrypt.ends.get(entry.node);
    if (remote === undefined || owns(place, remote)) return undefined;
    const device = place.devices.find((d) => d.tunnel?.kind === encrypt.kind);
    const local = device?.tunnel?.local ?? encrypt.ends.get(place.name) ?? "";
    const port = device?.tunnel?.port;
    return {
      device,
      tunnel: { kind: encrypt.kind, source: local, destination: remote, ...(port !== undefined && { port }) },
    };
  }

  function unwrap(place: Place): End {
    const header = packet.tunnels.at(-1)!;
    packet.tunnels = packet.tunnels.slice(0, -1);
    if (header.kind === "esp") return receive(place, find(place, "lo"));
    const device = place.devices.find(
      (d) =>
        d.tunnel?.kind === header.kind &&
        d.tunnel.port === header.port &&
        (d.tunnel.vni === undefined || d.tunnel.vni === header.vni) &&
        d.tunnel.local === header.destination,
    );
    if (device === undefined)
      return drop(
        place,
        `${named(place)} has no ${header.kind} device that takes packets from ${header.source}`,
      );
    if (device.kind === "datapath")
      return onBridge(place, device, header.inner ?? { source: "", destination: "" });
    pass(place, device, header.inner);
    if (header.inner !== undefined && place.bpf === undefined && header.inner.destination !== device.mac)
      return drop(place, `${device.name} of ${named(place)} is not ${header.inner.destination}`);
    return receive(place, device);
  }

  const end = receive(from, undefined);
  const path: Path = {
    source:
      packet.sent === "" ? (owns(from, destination) ? destination : firstSource(from, v6)) : packet.sent,
    destination,
    links,
    ...(packet.sourceNat !== undefined && { sourceNat: packet.sourceNat }),
  };
  return { path, ...end };
}
