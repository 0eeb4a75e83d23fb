/** Connections and queries that policy has nothing to do with, and that come to nothing all the same. */
import type { FlowsResponse } from "../types.ts";
import { attempts } from "./connection.ts";
import type { Ends, Teller } from "./teller.ts";

/** Cilium's reason for a Service without backends (pkg/monitor/api). */
const NO_BACKEND = [158, "SERVICE_BACKEND_NOT_FOUND"] as const;

export interface Failure {
  readonly ends: Ends;
  readonly start: bigint;
  readonly timeout: number;
  /** `refused`: the client is told at once. */
  readonly how: "refused" | "silence";
  /** eBPF knows itself that there is no backend; with kube-proxy the packet goes on to the node's rules. */
  readonly ebpf: boolean;
  readonly noBackend: boolean;
}

export function tellFailure(
  teller: Teller,
  { ends, start, timeout, how, ebpf, noBackend }: Failure,
): FlowsResponse[] {
  const isTcp = ends.protocol === "TCP";
  const { node } = ends.client;
  const times = isTcp && how === "silence" ? attempts(timeout) : [0];
  return times.flatMap((at) => {
    const packet = {
      ends,
      time: start + BigInt(at),
      node,
      direction: "EGRESS" as const,
      reply: false,
      ...(isTcp && { flags: ["SYN" as const] }),
    };
    if (ebpf && noBackend) return [teller.drop(packet, ...NO_BACKEND)];
    const sent = teller.trace(packet, "to-stack");
    return how === "refused"
      ? [sent, teller.unreachable({ ...packet, time: packet.time + 20_000n })]
      : [sent];
  });
}
