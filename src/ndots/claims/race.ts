import type { Clock, Transport } from "../../resolver/types.ts";

/** Two first packets of one flow within so many ms may meet in conntrack. */
const WINDOW = 5;

/**
 * The insertion race of conntrack where a Service's address is translated: of two questions that leave one fresh UDP port together, the
 * second is dropped. Once for each port: then the flow is known.
 */
export function racing(transport: Transport, clock: Clock): Transport {
  const flows = new Map<number, { readonly begun: number; lost: boolean }>();
  return {
    send(question) {
      const { socket, proto } = question;
      const flow = flows.get(socket);
      if (proto === "udp" && flow === undefined) flows.set(socket, { begun: clock.now(), lost: false });
      else if (proto === "udp" && !flow!.lost && clock.now() - flow!.begun < WINDOW) {
        flow!.lost = true;
        return new Promise<never>(() => undefined);
      }
      return transport.send(question);
    },
    close(socket) {
      flows.delete(socket);
      transport.close(socket);
    },
  };
}
