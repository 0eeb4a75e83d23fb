/**
 * What an encapsulation adds to an IP packet, from the sizes of its headers. Lengths are of IP packets: the outer Ethernet
 * header is the link's own and counts in no MTU, the inner one is cargo and does.
 */
import type { Tunnel } from "./path.ts";

/** Octets of headers without options. */
export const HEADER = {
  /** RFC 791 section 3.1. */
  ipv4: 20,
  /** RFC 8200 section 3. */
  ipv6: 40,
  /** RFC 8200 section 4.5. */
  ipv6Fragment: 8,
  /** RFC 768. */
  udp: 8,
  /** RFC 9293 section 3.1. */
  tcp: 20,
  /** RFC 7323 section 3.2, with the two NOPs that every stack puts before it. */
  tcpTimestamps: 12,
  /** RFC 792, RFC 4443 section 4.1: an echo's. */
  icmp: 8,
  /** IEEE 802.3, without a VLAN tag and the checksum. */
  ethernet: 14,
  /** RFC 7348 section 5. */
  vxlan: 8,
  /** RFC 8926 section 3.4, without options. */
  geneve: 8,
  /** WireGuard's data message: type, receiver, counter (wireguard.com/protocol). */
  wireguard: 16,
  /** Poly1305's tag, RFC 8439 section 2.8. */
  poly1305: 16,
  /** SPI and sequence number, RFC 4303 section 2. */
  esp: 8,
  /** AES-GCM's explicit IV, RFC 4106 section 3.1. */
  espIv: 8,
  /** Pad length and next header, RFC 4303 section 2. */
  espTrailer: 2,
  /** AES-GCM's integrity check value in full, RFC 4106 section 6. */
  espIcv: 16,
  /** Weave's sleeve: the sending peer's name, a packet each. */
  sleevePacket: 6,
  /** Capturing and destination peer's names and the length, a frame each. */
  sleeveFrame: 14,
  /** Offset of the nonce and NaCl's box, where sleeve encrypts. */
  sleeveNacl: 18,
} as const;

/** A run of octets that has a name. `fields` are what is worth knowing of it. */
export interface Layer {
  readonly name: string;
  readonly octets: number;
  readonly fields: Readonly<Record<string, string | number>>;
}

/** UDP destination ports: IANA's for vxlan and geneve, the usual ones for the others. */
export const PORTS = {
  vxlan: 4789,
  geneve: 6081,
  wireguard: 51820,
  sleeve: 6783,
  fastdp: 6784,
  esp: 4500,
} as const;

export const familyOf = (address: string): 4 | 6 => (address.includes(":") ? 6 : 4);

export const ipHeader = (family: 4 | 6): number => (family === 4 ? HEADER.ipv4 : HEADER.ipv6);

/** The kinds whose cargo is an Ethernet frame. */
export const carriesFrames = ({ kind }: Tunnel): boolean =>
  kind === "vxlan" || kind === "geneve" || kind === "sleeve" || kind === "fastdp";

export const isTransport = ({ kind, mode }: Tunnel): boolean => kind === "esp" && mode === "transport";

/**
 * WireGuard pads what it encrypts to 16 octets, but never past the MTU of its own device; ESP pads so that the trailer ends on
 * 4 (RFC 4303 section 2.4).
 */
function paddingOf({ kind }: Tunnel, cargo: number, deviceMtu: number): number {
  if (kind === "wireguard") return Math.max(0, Math.min(deviceMtu, Math.ceil(cargo / 16) * 16) - cargo);
  if (kind === "esp") return (4 - ((cargo + HEADER.espTrailer) % 4)) % 4;
  return 0;
}

export interface Wrapping {
  /** Outermost first. In ESP's transport mode without the IP header, which is the packet's own. */
  readonly before: readonly Layer[];
  readonly after: readonly Layer[];
  /** Of the IP packet that comes out. */
  readonly octets: number;
}

/** Encapsulates an IP packet of `octets`. `deviceMtu`: of the tunnel's own device, where it has one. */
export function wrap(tunnel: Tunnel, octets: number, deviceMtu = Infinity, innerFamily: 4 | 6 = 4): Wrapping {
  const cargo = isTransport(tunnel) ? octets - ipHeader(innerFamily) : octets;
  const before = headersOf(tunnel);
  const padding = paddingOf(tunnel, cargo, deviceMtu);
  const after = trailersOf(tunnel, padding);
  const sum = (layers: readonly Layer[]) => layers.reduce((all, l) => all + l.octets, 0);
  return { before, after, octets: octets + sum(before) + sum(after) };
}

const layer = (name: string, octets: number, fields: Layer["fields"] = {}): Layer => ({
  name,
  octets,
  fields,
});

function headersOf(tunnel: Tunnel): readonly Layer[] {
  const { kind, source, destination, vni, inner } = tunnel;
  const family = familyOf(destination);
  const ip = layer(`IPv${family}`, ipHeader(family), { source, destination });
  const udp = (port: number) => layer("UDP", HEADER.udp, { port });
  const frame = layer("Ethernet", HEADER.ethernet, inner === undefined ? {} : { ...inner });
  switch (kind) {
    case "vxlan":
    case "fastdp":
      return [
        ip,
        udp(tunnel.port ?? PORTS[kind]),
        layer("VXLAN", HEADER.vxlan, vni === undefined ? {} : { vni }),
        frame,
      ];
    case "geneve":
      return [
        ip,
        udp(tunnel.port ?? PORTS.geneve),
        layer("Geneve", HEADER.geneve + (tunnel.options ?? 0), vni === undefined ? {} : { vni }),
        frame,
      ];
    case "ipip":
      return [ip];
    case "wireguard":
      return [
        ip,
        udp(tunnel.port ?? PORTS.wireguard),
        layer("WireGuard", HEADER.wireguard, vni === undefined ? {} : { receiver: vni }),
      ];
    case "sleeve":
      return [
        ip,
        udp(tunnel.port ?? PORTS.sleeve),
        layer(
          "sleeve",
          HEADER.sleevePacket + HEADER.sleeveFrame + (tunnel.encrypted === true ? HEADER.sleeveNacl : 0),
        ),
        frame,
      ];
    case "esp":
      return [
        ...(isTransport(tunnel) ? [] : [ip]),
        ...(tunnel.port === undefined ? [] : [udp(tunnel.port)]),
        layer("ESP", HEADER.esp + HEADER.espIv, vni === undefined ? {} : { spi: vni }),
      ];
  }
}

function trailersOf({ kind }: Tunnel, padding: number): readonly Layer[] {
  const pad = padding === 0 ? [] : [layer("padding", padding)];
  if (kind === "wireguard") return [...pad, layer("tag", HEADER.poly1305)];
  if (kind === "esp") return [...pad, layer("trailer", HEADER.espTrailer), layer("ICV", HEADER.espIcv)];
  return [];
}

/** Octets that an encapsulation costs at least: without the padding, which depends on the packet. */
export const overheadOf = (tunnel: Tunnel): number => {
  const { before, after } = { before: headersOf(tunnel), after: trailersOf(tunnel, 0) };
  return [...before, ...after].reduce((all, l) => all + l.octets, 0);
};

/** The largest IP packet that is no larger than `mtu` once encapsulated; less than 0 where the headers alone are. */
export function roomIn(tunnel: Tunnel, mtu: number, deviceMtu = Infinity, innerFamily: 4 | 6 = 4): number {
  let room = mtu - overheadOf(tunnel);
  // Padding is less than 16 octets.
  for (let i = 0; i < 16 && room > 0 && wrap(tunnel, room, deviceMtu, innerFamily).octets > mtu; i++) room--;
  return room;
}

/**
 * How a kind's device treats a packet that its outer route cannot take whole.
 * `tells`: it answers the packet's source. "bridge": only where it is a bridge's port (Linux: vxlan and geneve; elsewhere they
 * pass the packet on). "always": IP tunnels and IPsec, for packets that must not be fragmented. "never": WireGuard.
 * `df` of an outer IPv4 header: vxlan, geneve, WireGuard and sleeve leave it off, IPIP (as the module's own device tunl0, which
 * Calico uses, has it: nopmtudisc) and IPsec copy the inner one, Open vSwitch (fastdp) sets it.
 * `splits`: an outer IPv6 packet may be fragmented by the node that made it.
 */
export interface Manner {
  readonly tells: "bridge" | "always" | "never";
  readonly df: "unset" | "set" | "inherit";
  readonly splits: boolean;
}

const MANNERS: Readonly<Record<Tunnel["kind"], Manner>> = {
  vxlan: { tells: "bridge", df: "unset", splits: false },
  geneve: { tells: "bridge", df: "unset", splits: false },
  ipip: { tells: "always", df: "inherit", splits: false },
  wireguard: { tells: "never", df: "unset", splits: true },
  esp: { tells: "always", df: "inherit", splits: true },
  sleeve: { tells: "always", df: "unset", splits: true },
  fastdp: { tells: "always", df: "set", splits: false },
};

export const mannerOf = (tunnel: Tunnel): Manner => ({
  ...MANNERS[tunnel.kind],
  ...(tunnel.df !== undefined && { df: tunnel.df }),
});
