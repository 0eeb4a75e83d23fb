import type { UpstreamExchange } from "../../src/capabilities.ts";
import { reply, type Answer, type Failure, type Message } from "../../src/dns/message.ts";
import type { Query } from "../../src/dns/query.ts";
import { RCODE } from "../../src/dns/types.ts";
import type { MaybePromise, Next } from "../../src/plugin.ts";
import { Exchange, type Asker } from "../../src/upstream/exchange.ts";
import type { ExchangeFailure } from "../../src/upstream/failure.ts";
import type { UpstreamMetrics } from "../../src/upstream/metrics.ts";
import { queryPacket } from "../../src/upstream/query.ts";
import { isTruncated, readReply, truncatedReply } from "../../src/upstream/reply.ts";
import type { Upstream } from "../../src/upstream/upstream.ts";

/** What all attempts of one `forward` line have in common. */
export interface Attempts {
  readonly maxFails: number;
  /** Connections for one query; 0: any number. Undefined: two for each upstream. */
  readonly maxConnects: number | undefined;
  readonly failFast: boolean;
  readonly failover: ReadonlySet<number>;
  /** These answers, and those without data, are left to the next handler; none where that is no `forward`. */
  readonly next: ReadonlySet<number>;
  readonly nextOnNoData: boolean;
  readonly forceTcp: boolean;
  readonly preferUdp: boolean;
  /** Milliseconds after which another upstream is asked, too; undefined: never. */
  readonly hedge: number | undefined;
  /** Milliseconds that a query may take over all. */
  readonly patience: () => number;
  readonly metrics: UpstreamMetrics;
  /** All upstreams were found to be down. */
  readonly allDown: () => void;
  /** A number in [0, 1). */
  readonly random: () => number;
  /** Told which upstream answers the query. */
  readonly chosen: (query: Query, upstream: Upstream) => void;
  readonly tap: () => ((exchange: UpstreamExchange) => void) | undefined;
}

const NO_HEALTHY: ExchangeFailure = { text: "no healthy proxies" };

/** One query on its way through the upstreams, until an answer or until nobody is left to ask. */
export class Attempt implements Asker {
  readonly #of: Attempts;
  readonly #query: Query;
  readonly #next: Next;
  readonly #list: readonly Upstream[];
  readonly #done: (answer: MaybePromise<Answer>) => void;
  readonly #protocol: "udp" | "tcp";
  /** The largest datagram that the client, and so we, said to take. */
  readonly #room: number;
  readonly #packet: Buffer;
  readonly #deadline: number;
  /** Of the list: the next one to try. */
  #turn = 0;
  /** Upstreams in a row that were passed over. */
  #down = 0;
  #connects = 0;
  #failovers = 0;
  #failure: ExchangeFailure | undefined;
  /** What is under way, and with whom: two where hedged. */
  #first: Exchange | undefined;
  #firstUpstream: Upstream | undefined;
  #second: Exchange | undefined;
  #secondUpstream: Upstream | undefined;
  #hedge: NodeJS.Timeout | undefined;

  /** Reads all that it needs of `query` now: its packet may be gone later. */
  constructor(
    of: Attempts,
    query: Query,
    next: Next,
    list: readonly Upstream[],
    done: (answer: MaybePromise<Answer>) => void,
  ) {
    this.#of = of;
    this.#query = query;
    this.#next = next;
    this.#list = list;
    this.#done = done;
    this.#protocol = of.forceTcp ? "tcp" : of.preferUdp ? "udp" : query.peer.protocol;
    this.#room = query.limit;
    this.#packet = queryPacket(query);
    this.#deadline = performance.now() + of.patience();
  }

  /** Asks the next upstream in turn, or ends. */
  go(): void {
    const { maxFails, failFast, maxConnects } = this.#of;
    const list = this.#list;
    const most = maxConnects ?? 2 * list.length;
    for (;;) {
      if (performance.now() >= this.#deadline || (most > 0 && this.#connects >= most)) return this.#giveUp();
      if (this.#turn >= list.length) {
        this.#turn = 0;
        this.#down = 0;
      }
      let upstream = list[this.#turn++]!;
      if (upstream.health.isDown(maxFails)) {
        this.#down++;
        if (this.#down < list.length) continue;
        this.#of.allDown();
        if (failFast) return this.#giveUp();
        // The checks themselves may be what is broken.
        upstream = list[Math.floor(this.#of.random() * list.length)]!;
      }
      return this.#ask(upstream, upstream.networkFor(this.#protocol));
    }
  }

  replied(bytes: Buffer, exchange: Exchange): void {
    const upstream = this.#over(exchange);
    const { preferUdp, forceTcp, metrics } = this.#of;
    this.#tell(exchange, upstream, bytes);
    const isTooLong = exchange.network === "udp" && bytes.length > this.#room;
    const message = isTooLong ? truncatedReply(bytes, this.#query) : readReply(bytes, this.#query);
    const rcode = typeof message === "string" ? bytes[3]! & 15 : message.rcode;
    metrics.duration(upstream.name, rcode).observe((performance.now() - exchange.started) / 1000);
    const isCut = exchange.network === "udp" && (isTooLong || isTruncated(bytes));
    if (isCut && preferUdp && !forceTcp) return this.#ask(upstream, "tcp");
    if (message === "mismatch") return this.#finish(reply(this.#query, RCODE.FORMERR, 0));
    if (message === "malformed") {
      // Cut on its way, most likely: the client shall ask over TCP.
      if (exchange.network === "udp") return this.#finish(truncatedReply(bytes, this.#query));
      return this.#failed({ text: `${upstream.name} sent a reply that can't be read` }, upstream);
    }
    this.#answered(message, upstream);
  }

  failed(failure: ExchangeFailure, exchange: Exchange): void {
    const upstream = this.#over(exchange);
    if (failure.stale === true) return this.#ask(upstream, exchange.network);
    this.#tell(exchange, upstream, undefined);
    this.#failed(failure, upstream);
  }

  #failed(failure: ExchangeFailure, upstream: Upstream): void {
    this.#failure = failure;
    this.#connects++;
    if (this.#of.maxFails > 0) upstream.health.suspect();
    // The other one of two may still answer.
    if (this.#first !== undefined) return;
    if (this.#down < this.#list.length) this.go();
    else this.#giveUp();
  }

  #answered(message: Message, upstream: Upstream): void {
    const { failover, next, nextOnNoData, chosen } = this.#of;
    if (failover.has(message.rcode) && ++this.#failovers < this.#list.length) {
      this.#failure = undefined;
      return this.#first === undefined ? this.go() : undefined;
    }
    const isNoData = nextOnNoData && message.rcode === RCODE.NOERROR && message.body.answers === 0;
    if (isNoData || next.has(message.rcode)) return this.#finish(this.#next(this.#query));
    chosen(this.#query, upstream);
    this.#finish(message);
  }

  #giveUp(): void {
    const { text } = this.#failure ?? NO_HEALTHY;
    this.#finish({ kind: "failure", rcode: RCODE.SERVFAIL, error: text } satisfies Failure);
  }

  #finish(answer: MaybePromise<Answer>): void {
    clearTimeout(this.#hedge);
    this.#first?.giveUp();
    this.#done(answer);
  }

  #ask(upstream: Upstream, network: "udp" | "tcp"): void {
    this.#start(upstream, network);
    const { hedge } = this.#of;
    if (hedge !== undefined && this.#hedge === undefined) {
      this.#hedge = setTimeout(() => this.#askAnother(), hedge);
    }
  }

  #start(upstream: Upstream, network: "udp" | "tcp"): void {
    const isFirst = this.#first === undefined;
    // Ids are written into the packet: each exchange under way has its own.
    const packet = isFirst ? this.#packet : Buffer.from(this.#packet);
    const exchange = new Exchange(packet, network, this);
    if (isFirst) {
      this.#first = exchange;
      this.#firstUpstream = upstream;
    } else {
      this.#second = exchange;
      this.#secondUpstream = upstream;
    }
    upstream.start(exchange);
  }

  /** Asks a second upstream, or the only one once more, while the first is still silent. */
  #askAnother(): void {
    if (this.#first === undefined || this.#second !== undefined) return;
    const list = this.#list;
    let other = this.#firstUpstream!;
    for (let i = 0; i < list.length; i++) {
      const one = list[(this.#turn + i) % list.length]!;
      if (one === other || one.health.isDown(this.#of.maxFails)) continue;
      other = one;
      break;
    }
    this.#start(other, other.networkFor(this.#protocol));
  }

  /** Takes an exchange off the books; what is left comes first. Returns with whom it was. */
  #over(exchange: Exchange): Upstream {
    const upstream = exchange === this.#first ? this.#firstUpstream! : this.#secondUpstream!;
    if (exchange === this.#first) {
      this.#first = this.#second;
      this.#firstUpstream = this.#secondUpstream;
    }
    this.#second = this.#secondUpstream = undefined;
    return upstream;
  }

  #tell(exchange: Exchange, upstream: Upstream, bytes: Buffer | undefined): void {
    const tap = this.#of.tap();
    if (tap === undefined) return;
    const received = Date.now() / 1000;
    tap({
      query: this.#query,
      protocol: exchange.network,
      local: exchange.local === "" ? undefined : exchange.local,
      remote: upstream.name,
      packet: exchange.packet,
      reply: bytes,
      sent: received - (performance.now() - exchange.started) / 1000,
      received,
    });
  }
}
