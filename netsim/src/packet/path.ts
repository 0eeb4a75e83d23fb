/**
 * The way that a packet takes from one pod to another: the devices it passes, each with its MTU and with the tunnels that the
 * packet is inside of there. The CNI models make one; everything about sizes, fragments and captures is computed from it.
 */

/**
 * An encapsulation, by the addresses of its outer header. `source` and `destination` are IPv4 or IPv6 addresses, and their
 * family is the underlay's. `port`: the outer UDP destination port, where it is not the kind's usual one (for `esp`: UDP
 * encapsulation, RFC 3948). `vni`: the VXLAN or Geneve network identifier, a WireGuard receiver index or an ESP SPI. `inner`:
 * the MAC addresses of the inner Ethernet frame, for the kinds that carry frames (vxlan, geneve, sleeve, fastdp).
 *
 * `options`: octets of Geneve options, a multiple of 4. `mode` of `esp`: in transport mode the packet's own IP header stays the
 * outermost (default: tunnel). `encrypted`: sleeve's NaCl boxes. `df`: what becomes of DF in an outer IPv4 header, where it is
 * not the kind's own way (the option `df` of `ip link ... type vxlan`).
 */
export interface Tunnel {
  readonly kind: "vxlan" | "geneve" | "ipip" | "wireguard" | "esp" | "sleeve" | "fastdp";
  readonly source: string;
  readonly destination: string;
  readonly port?: number;
  readonly vni?: number;
  readonly inner?: { readonly source: string; readonly destination: string };
  readonly options?: number;
  readonly mode?: "tunnel" | "transport";
  readonly encrypted?: boolean;
  readonly df?: "unset" | "set" | "inherit";
}

/**
 * One device on the way, as a packet leaves or enters through it. `node`: the node's name, "" between nodes. `mtu`: octets of an
 * IP packet (network layer, without the Ethernet header), of the device. `routeMtu`: a lower one that the route into the device
 * has (Cilium). `tunnels`: those that the packet is inside of when it is on this device, innermost first; a tunnel device has
 * the packets that it encapsulates without its own tunnel. `mac`: the addresses of the outermost Ethernet frame there; a tunnel
 * device that carries IP packets and no frames has none. `address`: what the node signs with when it answers on this device
 * (ICMP errors to the packet's source). `says`: a sentence about the device.
 *
 * `bridged`: packets get into the device by bridging, not by routing: a tunnel device that is a port of the bridge beside it
 * (Weave; not flannel, whose bridge is a gateway), or a wire that is a switch's. Nobody answers there when a packet is too big.
 */
export interface Link {
  readonly node: string;
  readonly device: string;
  readonly kind: "pod" | "veth" | "bridge" | "tunnel" | "card" | "wire";
  readonly mtu: number;
  readonly routeMtu?: number;
  readonly tunnels: readonly Tunnel[];
  readonly mac?: { readonly source: string; readonly destination: string };
  readonly address?: string;
  readonly bridged?: boolean;
  readonly says: string;
}

/**
 * The way of packets from `source` to `destination` (addresses of the two ends). `links` in the order that a packet passes
 * them: with a pod's end at both its `pod` device and the node's `veth`. `sourceNat`: the address that the packet has as its
 * source when it arrives, where the way rewrites it. `lost`: why nobody takes packets at the end of the links, where it does not
 * lead to the destination.
 */
export interface Path {
  readonly source: string;
  readonly destination: string;
  readonly links: readonly Link[];
  readonly sourceNat?: string;
  readonly lost?: string;
}

/** The way back: what answers take where routing is symmetrical. `sourceNat` is undone by the node that did it. */
export function reversePath({ source, destination, links }: Path): Path {
  const turned = <T extends { readonly source: string; readonly destination: string }>(ends: T): T => ({
    ...ends,
    source: ends.destination,
    destination: ends.source,
  });
  return {
    source: destination,
    destination: source,
    links: [...links].reverse().map((link) => ({
      ...link,
      tunnels: link.tunnels.map((t) => ({
        ...turned(t),
        ...(t.inner !== undefined && { inner: turned(t.inner) }),
      })),
      ...(link.mac !== undefined && { mac: turned(link.mac) }),
    })),
  };
}
