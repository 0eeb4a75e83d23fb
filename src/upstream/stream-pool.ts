import { Deadlines } from "./deadlines.ts";
import type { Exchange } from "./exchange.ts";
import { Stream, type Dialer } from "./stream.ts";
import type { PoolOptions } from "./udp-pool.ts";

/** Milliseconds that opening a connection may take: twice what it took of late, within these. */
const LEAST_PATIENCE = 1000;
const MOST_PATIENCE = 5000;
/** How much a new measurement moves the average. */
const WEIGHT = 4;

/**
 * TCP or TLS exchanges with one upstream. A question takes a connection that is idle, the one that was idle longest; else a new one; and
 * where there are `most` of them, it goes along with others over the least busy one. (Many servers answer one question of a
 * connection after the other, CoreDNS among them: so a connection of its own is better.)
 */
export class StreamPool {
  readonly #options: PoolOptions;
  readonly #dialer: Dialer;
  readonly #most: number;
  readonly #deadlines: Deadlines;
  readonly #streams = new Set<Stream>();
  #average: number = MOST_PATIENCE / 2;
  #sweep: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(options: PoolOptions, dialer: Dialer, most: number) {
    this.#options = options;
    this.#dialer = dialer;
    this.#most = most;
    this.#deadlines = new Deadlines(options.readTimeout);
  }

  start(exchange: Exchange): void {
    const found = this.#choose(performance.now());
    if (found === undefined) this.#options.connections?.miss();
    else this.#options.connections?.hit();
    (found ?? this.#open()).start(exchange);
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#sweep);
    for (const stream of [...this.#streams]) stream.retire();
  }

  #choose(now: number): Stream | undefined {
    let idle: Stream | undefined;
    let least: Stream | undefined;
    for (const stream of this.#streams) {
      if (stream.isRetired) continue;
      if (this.#isSpent(stream, now)) {
        stream.retire();
        continue;
      }
      if (stream.open === 0 && (idle === undefined || stream.used < idle.used)) idle = stream;
      if (least === undefined || stream.open < least.open) least = stream;
    }
    return idle ?? (this.#streams.size >= this.#most ? least : undefined);
  }

  #isSpent(stream: Stream, now: number): boolean {
    const { expire, maxAge } = this.#options;
    return (stream.open === 0 && now - stream.used > expire) || (maxAge > 0 && now - stream.created > maxAge);
  }

  #open(): Stream {
    const patience = Math.min(Math.max(2 * this.#average, LEAST_PATIENCE), MOST_PATIENCE);
    const stream = new Stream(this.#dialer, this.#options.target, this.#deadlines, patience, {
      opened: (milliseconds) => {
        this.#average += (milliseconds - this.#average) / WEIGHT;
      },
      eased: (eased) => this.#eased(eased),
      closed: (closed) => this.#streams.delete(closed),
    });
    this.#streams.add(stream);
    this.#sweepLater();
    return stream;
  }

  #eased(stream: Stream): void {
    if (stream.open > 0 || stream.isRetired) return;
    const { maxIdle } = this.#options;
    const isTooMany = maxIdle > 0 && [...this.#streams].filter(({ open }) => open === 0).length > maxIdle;
    if (this.#isClosed || isTooMany) stream.retire();
  }

  #sweepLater(): void {
    if (this.#sweep !== undefined || this.#isClosed) return;
    this.#sweep = setTimeout(
      () => {
        this.#sweep = undefined;
        const now = performance.now();
        for (const stream of [...this.#streams]) if (this.#isSpent(stream, now)) stream.retire();
        if (this.#streams.size > 0) this.#sweepLater();
      },
      Math.max(this.#options.expire, 1000),
    );
    this.#sweep.unref();
  }
}
