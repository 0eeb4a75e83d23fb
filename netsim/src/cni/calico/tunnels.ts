import { calicoTunnelMac, hostBlock } from "../address.ts";
import { type NodeFacts, addressOf } from "../nodes.ts";
import type { Device } from "../types.ts";
import { allowedOf } from "./routes.ts";
import { type Calico, uses, vxlanName, wireguardName } from "./state.ts";

export function tunnelDevices(calico: Calico, facts: NodeFacts): Device[] {
  const { felix, context } = calico;
  const devices: Device[] = [];
  for (const v6 of [false, true]) {
    const local = addressOf(facts, v6);
    if (local === undefined) continue;
    const own = (kind: "vxlan" | "ipip" | "wireguard"): string[] => {
      const address = calico.tunnelIp(facts, kind, v6);
      return address === undefined ? [] : [hostBlock(address)];
    };
    if (uses(calico, "vxlan", v6))
      devices.push({
        name: vxlanName(v6),
        kind: "vxlan",
        mtu: felix.tunnelMtu("vxlan", facts, v6),
        mac: calicoTunnelMac(v6 ? `${facts.name}-v6` : facts.name),
        addresses: own("vxlan"),
        tunnel: {
          kind: "vxlan",
          local,
          port: felix.vxlanPort,
          vni: felix.vxlanVni,
          lower: facts.card,
          learning: false,
        },
        says: `VXLAN: the frame goes in UDP to port ${felix.vxlanPort} of the other node`,
      });
    if (!v6 && uses(calico, "ipip", v6))
      devices.push({
        name: "tunl0",
        kind: "ipip",
        mtu: felix.tunnelMtu("ipip", facts, v6),
        addresses: own("ipip"),
        tunnel: { kind: "ipip", local },
        says: "IP in IP: a second IP header, from node to node",
      });
    if (felix.wireguard(v6))
      devices.push({
        name: wireguardName(v6),
        kind: "wireguard",
        mtu: felix.tunnelMtu("wireguard", facts, v6),
        addresses: own("wireguard"),
        tunnel: {
          kind: "wireguard",
          local,
          port: felix.wireguardPort(v6),
          peers: context.nodes.flatMap((n) => {
            const endpoint = n === facts ? undefined : addressOf(n, v6);
            return endpoint === undefined
              ? []
              : [{ node: n.name, endpoint, allowed: allowedOf(calico, n, v6) }];
          }),
        },
        says: "WireGuard: encrypted, in UDP to the other node",
      });
  }
  return devices;
}

/** What other nodes must know of a node's VXLAN devices: the route's gateway, its MAC, the node's own address. */
export function vtep(calico: Calico, node: NodeFacts) {
  return [false, true].flatMap((v6) => {
    const dst = addressOf(node, v6);
    const address = uses(calico, "vxlan", v6) ? calico.tunnelIp(node, "vxlan", v6) : undefined;
    if (dst === undefined || address === undefined) return [];
    return [{ address, dst, dev: vxlanName(v6), mac: calicoTunnelMac(v6 ? `${node.name}-v6` : node.name) }];
  });
}
