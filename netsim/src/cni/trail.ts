/** The links of a path, written down as the packet passes them. */
import type { Link, Tunnel } from "../packet/path.ts";
import { bare, isV6 } from "./address.ts";
import type { Network } from "./network.ts";
import type { Device, Place } from "./types.ts";

/** The addresses of an Ethernet frame. */
export interface Frame {
  readonly source: string;
  readonly destination: string;
}

export interface Trail {
  readonly links: readonly Link[];
  /** The packet passes a device, in a frame where it is in one; `routeMtu`: of the route into the device. */
  pass(place: Place, device: Device, frame?: Frame, routeMtu?: number): void;
  /** It passes a subnet's network, or the one outside. */
  wire(mtu: number, frame: Frame | undefined, says: string): void;
}

/** `around`: the tunnels that the packet is inside of just now. */
export function createTrail(network: Network, v6: boolean, around: () => readonly Tunnel[]): Trail {
  const links: Link[] = [];

  function pass(place: Place, device: Device, frame?: Frame, routeMtu?: number): void {
    const kind = LINKS[device.kind];
    links.push({
      node: place.kind === "router" ? "" : network.nodeOf(place),
      device: device.name,
      kind: place.kind === "router" ? "wire" : place.kind === "pod" && kind === "veth" ? "pod" : kind,
      mtu: device.mtu,
      ...(routeMtu !== undefined && routeMtu < device.mtu && { routeMtu }),
      tunnels: around(),
      ...(frame !== undefined && { mac: frame }),
      ...signature(place, v6),
      ...(device.bridged === true && { bridged: true }),
      says: device.says,
    });
  }

  function wire(mtu: number, frame: Frame | undefined, says: string): void {
    links.push({
      node: "",
      device: "wire",
      kind: "wire",
      mtu,
      tunnels: around(),
      ...(frame !== undefined && { mac: frame }),
      // A subnet is a switch: whoever gets a frame that is too large says nothing.
      bridged: true,
      says,
    });
  }

  return { links, pass, wire };
}

/** With what a place signs ICMP errors to pods: the address of their bridge, else of its card. */
function signature(place: Place, v6: boolean): { address?: string } {
  const by = (kind: Device["kind"]) =>
    place.devices
      .filter((d) => d.kind === kind)
      .flatMap((d) => d.addresses.map(bare))
      .find((a) => isV6(a) === v6);
  const address = place.kind === "pod" ? undefined : (by("bridge") ?? by("card"));
  return address === undefined ? {} : { address };
}

const LINKS: Readonly<Record<Device["kind"], Link["kind"]>> = {
  loopback: "veth",
  veth: "veth",
  bridge: "bridge",
  card: "card",
  vxlan: "tunnel",
  geneve: "tunnel",
  ipip: "tunnel",
  wireguard: "tunnel",
  datapath: "tunnel",
};
