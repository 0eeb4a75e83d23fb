import type { Exchange } from "./exchange.ts";

/** Where a message is to go, and how. */
export interface Destination {
  readonly transport: "dns" | "tls" | "https";
  readonly network: "udp" | "tcp";
  readonly address: string;
  readonly port: number;
  /** Milliseconds until the reply must be there. */
  readonly timeout: number;
}

/**
 * Takes messages to other servers in place of the network, and their replies back: for chains of servers in one process. Rejects with an
 * Error whose message is the failure's text. The message is the carrier's own.
 */
export type Carrier = (message: Buffer, to: Destination) => Promise<Buffer>;

/** A transport to `endpoint` that leaves everything, time too, to the carrier. */
export function carrierTransport(
  carrier: Carrier,
  { transport, address, port }: Pick<Destination, "transport" | "address" | "port">,
  timeout: number,
): { start(exchange: Exchange): void; close(): void } {
  return {
    start(exchange) {
      const { network } = exchange;
      carrier(Buffer.from(exchange.packet), { transport, network, address, port, timeout }).then(
        (reply) => exchange.replied(reply),
        (error: Error) => exchange.failed({ text: error.message }),
      );
    },
    close: () => undefined,
  };
}
