import type { Peer, Protocol } from "../dns/query.ts";

/** A peer whose fields are plain values. */
export function plainPeer(protocol: Protocol, remote: Endpoint, local: Endpoint): Peer {
  const address = bare(remote.address);
  const peer: Peer = {
    protocol,
    family: address.includes(":") ? 6 : 4,
    address,
    port: remote.port,
    localAddress: bare(local.address),
    localPort: local.port,
    keep: () => peer,
  };
  return peer;
}

export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/** IPv4 clients of a dual-stack socket are IPv4 clients; a link-local address goes without its zone. */
function bare(address: string): string {
  const mapped = address.startsWith("::ffff:") && address.includes(".") ? address.slice(7) : address;
  const zone = mapped.indexOf("%");
  return zone < 0 ? mapped : mapped.slice(0, zone);
}
