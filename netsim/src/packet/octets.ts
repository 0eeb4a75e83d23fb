/** Frames of a journey as octets: IP headers, fragments, encapsulations, Ethernet. */
import { addressBytes, checksum, concat, digest, fields, macBytes, noise, type Bytes } from "./bytes.ts";
import type { Frame } from "./fragment.ts";
import type { Link, Tunnel } from "./path.ts";
import { PROTOCOL, udp, type Cargo, type Ends } from "./transport.ts";
import { familyOf, HEADER, ipHeader, isTransport, PORTS, wrap } from "./tunnel.ts";

interface Ip {
  readonly ends: Ends;
  readonly protocol: number;
  readonly ttl: number;
  readonly id: number;
  readonly df: boolean;
  readonly fragment: { readonly offset: number; readonly more: boolean } | undefined;
}

export function ipPacket({ ends, protocol, ttl, id, df, fragment }: Ip, payload: Bytes): Bytes {
  const addresses = concat(addressBytes(ends.source), addressBytes(ends.destination));
  if (familyOf(ends.source) === 6) {
    const next = fragment === undefined ? protocol : PROTOCOL.fragment;
    const extension =
      fragment === undefined
        ? new Uint8Array()
        : fields([protocol, 1], [0, 1], [fragment.offset + (fragment.more ? 1 : 0), 2], [id, 4]);
    const length = extension.length + payload.length;
    return concat(fields([0x60000000, 4], [length, 2], [next, 1], [ttl, 1]), addresses, extension, payload);
  }
  const flags = (df ? 0x4000 : 0) + (fragment?.more === true ? 0x2000 : 0) + (fragment?.offset ?? 0) / 8;
  const header = concat(
    fields(
      [0x45, 1],
      [0, 1],
      [20 + payload.length, 2],
      [id & 0xffff, 2],
      [flags, 2],
      [ttl, 1],
      [protocol, 1],
      [0, 2],
    ),
    addresses,
  );
  const sum = checksum(header);
  header[10] = sum >>> 8;
  header[11] = sum & 0xff;
  return concat(header, payload);
}

/** The port that the kernel takes for an outer header: of the inner packet's flow, within ip_local_port_range. */
const entropyPort = (inner: Bytes): number => 32768 + (digest(inner.subarray(12, 24)) % 28232);

export interface Writer {
  /** The frame as an IP packet, its original with the addresses that it has on this link. */
  write(frame: Frame, cargo: Cargo, ends: Ends): Bytes;
}

/** Identifications and sequence numbers count up: a writer's packets are the same each time, and differ from each other. */
export function createWriter(): Writer {
  const ids = new Map<unknown, number>();
  const idOf = (key: unknown): number => {
    const id = ids.get(key) ?? 0x1000 + ids.size;
    ids.set(key, id);
    return id;
  };

  function write(frame: Frame, cargo: Cargo, ends: Ends): Bytes {
    if (frame.part !== undefined) {
      const { of, offset, more } = frame.part;
      const whole = write(of, cargo, ends);
      const header = ipHeader(frame.family);
      const size = frame.octets - header - (frame.family === 6 ? HEADER.ipv6Fragment : 0);
      const at = header + offset;
      return ipPacket(
        { ...ipOf(of, cargo, ends), ttl: frame.ttl, df: frame.df, fragment: { offset, more } },
        whole.subarray(at, at + size),
      );
    }
    const ip = { ...ipOf(frame, cargo, ends), ttl: frame.ttl, df: frame.df, fragment: undefined };
    return ipPacket(ip, payloadOf(frame, cargo, ends));
  }

  function ipOf(frame: Frame, cargo: Cargo, ends: Ends): Pick<Ip, "ends" | "protocol" | "id"> {
    const { inside } = frame;
    if (inside === undefined) return { ends, protocol: cargo.protocol, id: idOf(cargo) };
    const { tunnel } = inside;
    const id = idOf(inside);
    if (isTransport(tunnel))
      return {
        ...ipOf(inside.frame, cargo, ends),
        id,
        protocol: tunnel.port === undefined ? PROTOCOL.esp : PROTOCOL.udp,
      };
    const protocol =
      tunnel.kind === "ipip"
        ? inside.frame.family === 4
          ? PROTOCOL.ipip
          : PROTOCOL.ipv6
        : tunnel.kind === "esp" && tunnel.port === undefined
          ? PROTOCOL.esp
          : PROTOCOL.udp;
    return { ends: { source: tunnel.source, destination: tunnel.destination }, protocol, id };
  }

  function payloadOf(frame: Frame, cargo: Cargo, ends: Ends): Bytes {
    const { inside } = frame;
    if (inside === undefined) return cargo.write(ends);
    const { tunnel, deviceMtu } = inside;
    const inner = write(inside.frame, cargo, ends);
    if (tunnel.kind === "ipip") return inner;
    const outer = ipOf(frame, cargo, ends).ends;
    if (tunnel.kind === "esp") {
      const covered = isTransport(tunnel) ? inner.length - ipHeader(inside.frame.family) : inner.length;
      const padded = covered + after(tunnel, inner.length, inside.frame.family, deviceMtu);
      const spi = tunnel.vni ?? 0xc0000001;
      const esp = concat(
        fields([spi, 4], [idOf(inside) - 0xfff, 4]),
        noise(digest(inner), HEADER.espIv + padded),
      );
      return tunnel.port === undefined ? esp : udp(esp, { ...outer, ports: [PORTS.esp, tunnel.port] });
    }
    const port = tunnel.port ?? PORTS[tunnel.kind];
    const message = messageOf(tunnel, inner, inside.frame.family, deviceMtu, idOf(inside));
    const own = tunnel.kind === "wireguard" || tunnel.kind === "sleeve" ? port : entropyPort(inner);
    return udp(message, { ...outer, ports: [own, port] });
  }

  return { write };
}

/** What padding, trailer and ICV or tag add behind. */
const after = (tunnel: Tunnel, octets: number, family: 4 | 6, deviceMtu: number): number =>
  wrap(tunnel, octets, deviceMtu, family).after.reduce((sum, l) => sum + l.octets, 0);

/** What the tunnel's UDP datagram carries. */
function messageOf(tunnel: Tunnel, inner: Bytes, family: 4 | 6, deviceMtu: number, counter: number): Bytes {
  if (tunnel.kind === "wireguard") {
    const sealed = inner.length + after(tunnel, inner.length, family, deviceMtu);
    // Type 4 and three reserved octets, receiver index, counter: little-endian (wireguard.com/protocol).
    const little = (value: number, width: number) => fields([value, width]).reverse();
    const head = concat(
      little(4, 4),
      little(tunnel.vni ?? 0x5eed0001, 4),
      little(counter - 0x1000, 4),
      little(0, 4),
    );
    return concat(head, noise(digest(inner), sealed));
  }
  const frame = ethernet(tunnel.inner, family, inner);
  const vni = tunnel.vni ?? 1;
  switch (tunnel.kind) {
    case "geneve":
      return concat(geneveHeader(tunnel.options ?? 0, vni), frame);
    case "sleeve": {
      const name = (mac: string | undefined) => macBytes(mac ?? "");
      const packet = name(tunnel.inner?.source);
      const head = concat(packet, name(tunnel.inner?.destination), fields([frame.length, 2]));
      return tunnel.encrypted === true
        ? concat(packet, fields([counter & 0x7fff, 2]), noise(digest(inner), head.length + frame.length + 16))
        : concat(packet, head, frame);
    }
    default:
      // RFC 7348 section 5: the I flag, reserved bits, the VNI.
      return concat(fields([0x08000000, 4], [vni, 3], [0, 1]), frame);
  }
}

/** RFC 8926 section 3.4: version 0, options in words of 4, Ethernet inside. Options of the experimental class, one for all. */
function geneveHeader(options: number, vni: number): Bytes {
  const head = fields([options / 4, 1], [0, 1], [0x6558, 2], [vni, 3], [0, 1]);
  if (options === 0) return head;
  return concat(head, fields([0xffff, 2], [1, 1], [options / 4 - 1, 1]), new Uint8Array(options - 4));
}

/** IEEE 802.3 with the type of an IP packet; without addresses they are zero. */
export function ethernet(mac: Link["mac"], family: 4 | 6, packet: Bytes): Bytes {
  return concat(
    macBytes(mac?.destination ?? ""),
    macBytes(mac?.source ?? ""),
    fields([family === 4 ? 0x0800 : 0x86dd, 2]),
    packet,
  );
}
