/** HTTP requests and responses as a proxy tells of them. */
import type { FlowsResponse, Http } from "../types.ts";
import type { Packet, Teller } from "./teller.ts";

export interface HttpExchange {
  readonly method: string;
  readonly url: string;
  readonly headers: NonNullable<Http["headers"]>;
  readonly status: number;
  /** Nanoseconds that the server takes. */
  readonly latency: number;
}

const PROTOCOL = "HTTP/1.1";

/** `packet.reply` tells which of the two; `latency` is what a proxy measured, in nanoseconds. */
export function httpFlow(
  teller: Teller,
  packet: Packet,
  { method, url, headers, status }: HttpExchange,
  verdict: "FORWARDED" | "DROPPED",
  latency = 0,
): FlowsResponse {
  const http: Http = {
    ...(packet.reply && { code: status }),
    method,
    url,
    protocol: PROTOCOL,
    ...(headers.length > 0 && { headers }),
  };
  const line = `${method} ${url}`;
  const l7 = {
    type: packet.reply ? "RESPONSE" : "REQUEST",
    ...(packet.reply && latency > 0 && { latency_ns: String(latency) }),
    http,
  };
  const summary = packet.reply
    ? `${PROTOCOL} ${status} ${Math.floor(latency / 1e6)}ms (${line})`
    : `${PROTOCOL} ${line}`;
  return teller.request(packet, verdict, l7, summary);
}
