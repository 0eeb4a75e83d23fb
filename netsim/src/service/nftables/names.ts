import { shortHash } from "../hash.ts";
import type { ProxiedPort } from "../service-port.ts";

/** A name may have 256 bytes; 16 are kept for the prefix (`service-`). */
const LONGEST = 256 - 16;

/** What the chains of a service port end in: a hash of `namespace/name/protocol/port` and that text itself. */
export function portSuffix(port: ProxiedPort): string {
  return hashed(portPath(port));
}

/** The same for one endpoint of it, for its chain and its affinity set. */
export function endpointSuffix(port: ProxiedPort, endpoint: { address: string; port: number }): string {
  return hashed(`${portPath(port)}__${endpoint.address.replaceAll(":", ".")}/${endpoint.port}`);
}

function portPath({ service: { metadata }, portName, protocol }: ProxiedPort): string {
  return `${metadata.namespace}/${metadata.name}/${protocol.toLowerCase()}/${portName}`;
}

function hashed(path: string): string {
  const name = `${shortHash(path, 8)}-${path}`;
  return name.length > LONGEST ? `${name.slice(0, LONGEST - 3)}...` : name;
}
