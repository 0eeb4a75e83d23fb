/** How connections to a port are read: by the protocols of the listeners there. */
import { isServed } from "../gateway/listeners.ts";
import type { GatewayTable } from "../gateway/route.ts";

export interface PortPlan {
  /** `tls` begins with a handshake, `http` with a request, `tcp` with anything; `none`: no listener is used. */
  readonly kind: "http" | "tls" | "tcp" | "udp" | "none";
}

export function entranceListeners({ listeners }: GatewayTable, port: number): PortPlan {
  const protocols = listeners.filter((l) => l.port === port && isServed(l)).map(({ protocol }) => protocol);
  if (protocols.some((p) => p === "HTTPS" || p === "TLS")) return { kind: "tls" };
  if (protocols.includes("HTTP")) return { kind: "http" };
  if (protocols.includes("TCP")) return { kind: "tcp" };
  return { kind: protocols.includes("UDP") ? "udp" : "none" };
}
