import { shortHash } from "../hash.ts";
import type { Policy } from "../plan.ts";
import type { ProxiedPort } from "../service-port.ts";

export interface ChainNames {
  /** KUBE-SVC- (policy Cluster) or KUBE-SVL- (Local). */
  service(policy: Policy): string;
  readonly external: string;
  readonly firewall: string;
}

const LETTERS = 16;

/** A service port's chains: all end in the same hash, of `namespace/name:port` and the protocol. */
export function chainNames(port: ProxiedPort): ChainNames {
  const hash = shortHash(port.name + port.protocol.toLowerCase(), LETTERS);
  return {
    service: (policy) => `KUBE-${policy === "cluster" ? "SVC" : "SVL"}-${hash}`,
    external: `KUBE-EXT-${hash}`,
    firewall: `KUBE-FW-${hash}`,
  };
}

/** The chain of one endpoint, `key` being its `address:port`. */
export function endpointChain(port: ProxiedPort, key: string): string {
  return `KUBE-SEP-${shortHash(port.name + port.protocol.toLowerCase() + key, LETTERS)}`;
}
