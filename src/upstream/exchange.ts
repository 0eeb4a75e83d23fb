import type { ExchangeFailure } from "./failure.ts";

/** Who waits for a message to come back. Exactly one of its functions is called, once, unless the exchange is given up. */
export interface Asker {
  /** The reply, whole and with the id that was asked with; otherwise not looked at. Its bytes are good until this returns. */
  replied(reply: Buffer, exchange: Exchange): void;
  failed(failure: ExchangeFailure, exchange: Exchange): void;
}

/** One message on its way to an upstream, until a reply or a failure. */
export class Exchange {
  /** Without the two octets of length that streams have in front. The id in it is overwritten. */
  readonly packet: Buffer;
  readonly network: "udp" | "tcp";
  readonly asker: Asker;
  /** Milliseconds, as `performance.now()` has them. */
  readonly started: number = performance.now();
  /** Our end, as `address:port`, once it is known. */
  local = "";

  /** For the transport: the id in use, the time at which it is given up, and its neighbours in time. */
  id = 0;
  deadline = 0;
  before: Exchange | undefined = undefined;
  behind: Exchange | undefined = undefined;
  /** Another one with a like id. */
  beside: Exchange | undefined = undefined;
  /** Takes it out of the transport's books. */
  owner: { forget(exchange: Exchange): void; timedOut(exchange: Exchange): void } | undefined = undefined;
  isOver = false;

  constructor(packet: Buffer, network: "udp" | "tcp", asker: Asker) {
    this.packet = packet;
    this.network = network;
    this.asker = asker;
  }

  /** Nobody waits any more. */
  giveUp(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.owner?.forget(this);
  }

  replied(reply: Buffer): void {
    if (this.isOver) return;
    this.isOver = true;
    this.owner?.forget(this);
    this.asker.replied(reply, this);
  }

  failed(failure: ExchangeFailure): void {
    if (this.isOver) return;
    this.isOver = true;
    this.owner?.forget(this);
    this.asker.failed(failure, this);
  }
}
