/** The HTTP answer of kube-proxy at a Service's `healthCheckNodePort`, by which load balancers find nodes with endpoints. */
import type { Cluster, Service } from "../model/types.ts";
import { endpointIndex } from "./endpoints.ts";
import { proxiedPorts } from "./service-port.ts";

export interface ServiceHealth {
  readonly status: 200 | 503;
  readonly port: number;
  readonly localEndpoints: number;
}

/** undefined for a Service without such a port. Counts the ready endpoints of `node`, each address once. */
export function serviceHealth(cluster: Cluster, node: string, service: Service): ServiceHealth | undefined {
  const found = (["IPv4", "IPv6"] as const).flatMap((family) => {
    const endpointsOf = endpointIndex(cluster, family);
    return proxiedPorts(cluster, family)
      .filter((port) => port.service === service && port.healthCheckNodePort !== 0)
      .map((port) => ({ port: port.healthCheckNodePort, endpoints: endpointsOf(port) }));
  });
  const [first] = found;
  if (first === undefined) return undefined;
  const ready = found
    .flatMap(({ endpoints }) => endpoints)
    .filter((each) => each.ready && each.nodeName === node);
  const localEndpoints = new Set(ready.map(({ address }) => address)).size;
  return { status: localEndpoints > 0 ? 200 : 503, port: first.port, localEndpoints };
}
