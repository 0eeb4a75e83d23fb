import { Deadlines } from "./deadlines.ts";
import type { Exchange } from "./exchange.ts";
import type { ConnectionCounter } from "./metrics.ts";
import { callFailure, readTimeout, type Ends } from "./failure.ts";
import { Pending } from "./pending.ts";
import { random16, randomBelow } from "./random.ts";
import type { OpenUdp, UdpSocket, UdpTarget } from "./udp-socket.ts";

/** How connections to one upstream are kept. Times in milliseconds. */
export interface PoolOptions {
  readonly target: UdpTarget;
  /** `address:port` of the upstream, for messages. */
  readonly remote: string;
  /** Until a reply must be there. */
  readonly readTimeout: number;
  /** Idle connections are closed after this time, */
  readonly expire: number;
  /** and any after this; 0: never. */
  readonly maxAge: number;
  /** Connections that are kept; 0: as many as there are. */
  readonly maxIdle: number;
  readonly connections: ConnectionCounter | undefined;
}

/** Sockets that share the questions: an answer must come to the right one of so many ports. */
const SOCKETS = 8;
/** A socket's port is good for so many questions, and up to twice as many: then comes another. */
const QUESTIONS = 512;
/** Ids in use on one socket; above, a free one is hard to draw at random. */
const MOST_PENDING = 32768;

/**
 * UDP exchanges with one upstream. Each question has an id and goes out of a port that can't be foretold (RFC 5452): from one
 * of a few sockets that are drawn at random and replaced after some hundreds of questions.
 */
export class UdpPool {
  readonly #options: PoolOptions;
  readonly #open: OpenUdp;
  readonly #deadlines: Deadlines;
  readonly #flows: (Flow | undefined)[];
  #sweep: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(options: PoolOptions, open: OpenUdp) {
    this.#options = options;
    this.#open = open;
    this.#deadlines = new Deadlines(options.readTimeout);
    const { maxIdle } = options;
    this.#flows = new Array<undefined>(maxIdle > 0 ? Math.min(maxIdle, SOCKETS) : SOCKETS).fill(undefined);
  }

  start(exchange: Exchange): void {
    const slot = randomBelow(this.#flows.length);
    const now = performance.now();
    let flow = this.#flows[slot];
    if (flow !== undefined && flow.isSpent(now, this.#options)) {
      flow.retire();
      flow = undefined;
    }
    if (flow === undefined) {
      this.#options.connections?.miss();
      try {
        flow = new Flow(this.#options, this.#open, this.#deadlines, (failed) => this.#remove(failed));
      } catch (error) {
        const failure = callFailure(this.#ends(), error as NodeJS.ErrnoException);
        // In a turn of its own, so that somebody who tries again and again does not stop the world.
        setImmediate(() => exchange.failed(failure));
        return;
      }
      if (!this.#isClosed) this.#flows[slot] = flow;
      this.#sweepLater();
    } else {
      this.#options.connections?.hit();
    }
    flow.start(exchange, now);
    if (this.#isClosed) flow.retire();
  }

  /** Ends what is idle at once, and the rest with its exchanges. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#sweep);
    for (const flow of this.#flows) flow?.retire();
    this.#flows.fill(undefined);
  }

  #ends(): Ends {
    return { network: "udp", local: "", remote: this.#options.remote };
  }

  #remove(flow: Flow): void {
    const slot = this.#flows.indexOf(flow);
    if (slot >= 0) this.#flows[slot] = undefined;
  }

  #sweepLater(): void {
    if (this.#sweep !== undefined || this.#isClosed) return;
    this.#sweep = setTimeout(
      () => {
        this.#sweep = undefined;
        const now = performance.now();
        for (const [slot, flow] of this.#flows.entries()) {
          if (flow === undefined || !flow.isSpent(now, this.#options)) continue;
          flow.retire();
          this.#flows[slot] = undefined;
        }
        if (this.#flows.some((flow) => flow !== undefined)) this.#sweepLater();
      },
      Math.max(this.#options.expire, 1000),
    );
    this.#sweep.unref();
  }
}

/** One socket and what is under way on it. */
class Flow {
  readonly #ends: Ends;
  readonly #socket: UdpSocket;
  readonly #deadlines: Deadlines;
  readonly #onFailure: (flow: Flow) => void;
  readonly #pending = new Pending();
  /** Ids whose questions got no reply in time. They are not used again, so that a late one is not taken for another's. */
  readonly #gone = new Set<number>();
  readonly #created: number = performance.now();
  #used: number = this.#created;
  #left: number = QUESTIONS + randomBelow(QUESTIONS);
  #isRetired = false;
  #isClosed = false;

  constructor(options: PoolOptions, open: OpenUdp, deadlines: Deadlines, onFailure: (flow: Flow) => void) {
    this.#socket = open(options.target, {
      received: (packet) => this.#received(packet),
      failed: (error) => this.#failed(error),
    });
    this.#ends = { network: "udp", local: this.#socket.local, remote: options.remote };
    this.#deadlines = deadlines;
    this.#onFailure = onFailure;
  }

  isSpent(now: number, { expire, maxAge }: PoolOptions): boolean {
    if (this.#left === 0 || this.#pending.size > MOST_PENDING) return true;
    return (
      (this.#pending.size === 0 && now - this.#used > expire) || (maxAge > 0 && now - this.#created > maxAge)
    );
  }

  start(exchange: Exchange, now: number): void {
    this.#left--;
    this.#used = now;
    let id = random16();
    while (this.#pending.get(id) !== undefined || this.#gone.has(id)) id = random16();
    const { packet } = exchange;
    packet[0] = id >> 8;
    packet[1] = id;
    exchange.id = id;
    exchange.owner = this;
    exchange.local = this.#socket.local;
    this.#pending.add(exchange);
    this.#deadlines.add(exchange);
    this.#socket.send(packet);
  }

  forget(exchange: Exchange): void {
    this.#deadlines.remove(exchange);
    this.#pending.delete(exchange);
    if (this.#pending.size === 0 && this.#isRetired) this.#close();
  }

  timedOut(exchange: Exchange): void {
    this.#gone.add(exchange.id);
    exchange.failed(readTimeout(this.#ends));
  }

  /** Takes no more questions, and ends with its last exchange. */
  retire(): void {
    this.#isRetired = true;
    if (this.#pending.size === 0) this.#close();
  }

  #received(packet: Buffer): void {
    // A header, and a response.
    if (packet.length < 12 || packet[2]! < 0x80) return;
    this.#pending.get((packet[0]! << 8) | packet[1]!)?.replied(packet);
  }

  #failed(error: NodeJS.ErrnoException): void {
    if (this.#isClosed) return;
    this.#onFailure(this);
    this.#isRetired = true;
    const failure = callFailure(this.#ends, error);
    for (const exchange of this.#pending.all()) exchange.failed(failure);
    this.#close();
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#socket.close();
  }
}
