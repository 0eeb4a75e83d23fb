import { connect, type Socket } from "node:net";
import type { Deadlines } from "./deadlines.ts";
import type { Exchange } from "./exchange.ts";
import { callFailure, dialTimeout, hostPort, readTimeout, type ExchangeFailure } from "./failure.ts";
import { Pending } from "./pending.ts";
import { random16 } from "./random.ts";
import type { UdpTarget } from "./udp-socket.ts";

/** Makes connections of one sort. */
export interface Dialer {
  /** Of the socket, once messages can be written. */
  readonly ready: "connect" | "secureConnect";
  dial(target: UdpTarget): Socket;
}

/** Plain TCP. */
export const tcpDialer: Dialer = {
  ready: "connect",
  dial: (target) => connect(connectOptions(target)),
};

export interface ConnectOptions {
  readonly host: string;
  readonly port: number;
  readonly noDelay: true;
  readonly localAddress?: string;
}

export const connectOptions = ({ address, port, source }: UdpTarget): ConnectOptions => ({
  host: address,
  port,
  noDelay: true,
  ...(source === undefined ? {} : { localAddress: source }),
});

export interface StreamEvents {
  /** It can be written to, so many milliseconds after it was made. */
  opened(milliseconds: number): void;
  /** An exchange ended: there is room, or nothing is left to do. */
  eased(stream: Stream): void;
  /** It is no more. */
  closed(stream: Stream): void;
}

/** Octets of length in front of each message (RFC 1035 §4.2.2). */
const LENGTH = 2;
const HEADER = 12;

const EOF: ExchangeFailure = { text: "EOF" };

/**
 * One TCP or TLS connection. Questions go out as they come, and replies may come in any order (RFC 7766 §6.2.1.1). Questions
 * wait until it is open.
 */
export class Stream {
  readonly created: number = performance.now();
  /** When an exchange last began or ended. */
  used: number = this.created;
  /** Takes no more questions, and ends with its last exchange. */
  isRetired = false;
  #isConnected = false;
  #isClosed = false;
  /** A reply has come. Where such a connection is closed, the question may go over another one at once. */
  #hasServed = false;
  readonly #socket: Socket;
  readonly #ends: { network: "tcp"; local: string; remote: string };
  readonly #deadlines: Deadlines;
  readonly #events: StreamEvents;
  readonly #pending = new Pending();
  #timer: NodeJS.Timeout | undefined;
  /** The beginning of a message of which not all is there. */
  #rest: Buffer | undefined;

  /** `patience`: milliseconds that opening may take. Replies may take what `deadlines` give, from the opening on. */
  constructor(
    dialer: Dialer,
    target: UdpTarget,
    deadlines: Deadlines,
    patience: number,
    events: StreamEvents,
  ) {
    this.#deadlines = deadlines;
    this.#events = events;
    this.#ends = { network: "tcp", local: "", remote: hostPort(target.address, target.port) };
    const socket = dialer.dial(target);
    this.#socket = socket;
    this.#timer = setTimeout(() => this.#end(dialTimeout(this.#ends.remote)), patience);
    socket.unref();
    socket.on("error", (error: NodeJS.ErrnoException) => this.#end(callFailure(this.#ends, error)));
    socket.on("end", () => this.#end(EOF));
    socket.on("close", () => this.#end(EOF));
    socket.on("data", (chunk: Buffer) => this.#received(chunk));
    socket.once(dialer.ready, () => this.#opened());
  }

  /** Exchanges that are not over. */
  get open(): number {
    return this.#pending.size;
  }

  start(exchange: Exchange): void {
    let id = random16();
    while (this.#pending.get(id) !== undefined) id = random16();
    exchange.id = id;
    exchange.owner = this;
    this.used = performance.now();
    this.#pending.add(exchange);
    if (this.#isConnected) this.#send(exchange);
  }

  forget(exchange: Exchange): void {
    if (this.#isConnected) this.#deadlines.remove(exchange);
    this.#pending.delete(exchange);
    this.used = performance.now();
    if (this.#isClosed) return;
    if (this.isRetired && this.open === 0) this.#end(EOF);
    else this.#events.eased(this);
  }

  timedOut(exchange: Exchange): void {
    // What does not answer once is not trusted with more.
    this.isRetired = true;
    exchange.failed(readTimeout(this.#ends));
  }

  retire(): void {
    this.isRetired = true;
    if (this.open === 0) this.#end(EOF);
  }

  #opened(): void {
    if (this.#isClosed) return;
    clearTimeout(this.#timer);
    const { localAddress, localPort } = this.#socket;
    this.#ends.local = hostPort(localAddress ?? "", localPort ?? 0);
    this.#isConnected = true;
    this.#events.opened(performance.now() - this.created);
    for (const exchange of this.#pending.all()) this.#send(exchange);
  }

  #send(exchange: Exchange): void {
    const { packet, id } = exchange;
    exchange.local = this.#ends.local;
    this.#deadlines.add(exchange);
    const frame = Buffer.allocUnsafe(LENGTH + packet.length);
    frame[0] = packet.length >> 8;
    frame[1] = packet.length;
    packet.copy(frame, LENGTH);
    frame[LENGTH] = id >> 8;
    frame[LENGTH + 1] = id;
    this.#socket.write(frame);
  }

  #received(chunk: Buffer): void {
    const bytes = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    while (bytes.length - at >= LENGTH) {
      const end = at + LENGTH + ((bytes[at]! << 8) | bytes[at + 1]!);
      if (end > bytes.length) break;
      if (end - at >= LENGTH + HEADER) this.#reply(bytes.subarray(at + LENGTH, end));
      at = end;
    }
    this.#rest = at < bytes.length ? bytes.subarray(at) : undefined;
  }

  #reply(message: Buffer): void {
    if (message[2]! < 0x80) return;
    this.#hasServed = true;
    this.#pending.get((message[0]! << 8) | message[1]!)?.replied(message);
  }

  #end(failure: ExchangeFailure): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.isRetired = true;
    clearTimeout(this.#timer);
    this.#socket.destroy();
    this.#events.closed(this);
    const told: ExchangeFailure = this.#hasServed ? { ...failure, stale: true } : failure;
    for (const exchange of this.#pending.all()) exchange.failed(told);
  }
}
