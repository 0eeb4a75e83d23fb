/** From a packet to a reply, for every transport: parse, route, chain, observers, reply. */
import { REFUSED, serverFailure, type Answer, type Failure } from "../dns/message.ts";
import { PARSED, parseQuery } from "../dns/parse.ts";
import { Query, type Peer } from "../dns/query.ts";
import { MAX_MESSAGE, writeBadVersion, writeFormatError, writeHeaderOnly, writeReply } from "../dns/reply.ts";
import { CLASS } from "../dns/rr.ts";
import { RCODE } from "../dns/types.ts";
import type { MaybePromise } from "../plugin.ts";
import type { Route, Router } from "./router.ts";

/** Takes what comes later. Exactly one of its functions is called, once. */
export interface Sink {
  /** The reply's bytes, which the receiver may keep; undefined: silence. */
  reply(bytes: Buffer | undefined): void;
  /** The messages of a zone transfer, each ready for the wire. */
  stream(messages: AsyncIterable<Buffer>): void;
}

/** The reply comes later, through the sink. */
export const PENDING = -1;

export interface Engine {
  /** What the next packet is served by: a reload puts another one here. */
  router: Router;
  /**
   * Serves the packet `buffer[start, end)` and writes the reply into `out` from `at` on. Returns its length, 0 for silence, or PENDING; `makeSink` is
   * called only then. The packet's bytes are not used after the return.
   */
  serve(
    buffer: Buffer,
    start: number,
    end: number,
    peer: Peer,
    out: Buffer,
    at: number,
    makeSink: () => Sink,
  ): number;
}

export interface EngineOptions {
  /** Told of an exception that escaped a plugin. */
  onPanic(error: unknown, query: Query, route: Route): void;
}

export function createEngine(router: Router, { onPanic }: EngineOptions): Engine {
  // One query object serves packet after packet, as long as the answers are there at once.
  let spare = new Query();

  const finish = (query: Query, route: Route, answer: Answer, out: Buffer, at: number): number => {
    const observers = route.block.chain!.observers;
    if (observers.length !== 0) {
      const seconds = (performance.now() - query.received) / 1000;
      for (let i = 0; i < observers.length; i++) observers[i]!(query, answer, seconds);
    }
    return writeReply(query, answer, out, at, route.block.settings.echoOptions);
  };

  const later = async (
    query: Query,
    route: Route,
    router: Router,
    pending: Promise<Answer>,
    sink: Sink,
  ): Promise<void> => {
    let answer: Answer;
    router.pending++;
    try {
      answer = await pending;
    } catch (error) {
      onPanic(error, query, route);
      answer = PANIC;
    }
    router.pending--;
    if (answer.kind === "stream") {
      finish(query, route, answer, scratch, 0);
      sink.stream(encodeStream(query, answer.messages));
      return;
    }
    const length = finish(query, route, answer, scratch, 0);
    sink.reply(length === 0 ? undefined : Buffer.from(scratch.subarray(0, length)));
  };

  const unrouted = (query: Query, failure: Failure, out: Buffer, at: number): number => {
    query.scope = engine.router.unrouted;
    query.received = performance.now();
    for (const block of engine.router.blocks) {
      const observer = block.members.find(({ instance }) => instance.observeUnrouted !== undefined);
      if (observer === undefined) continue;
      observer.instance.observeUnrouted!(query, failure, 0);
      break;
    }
    return writeReply(query, failure, out, at);
  };

  const engine: Engine = {
    router,
    serve(buffer, start, end, peer, out, at, makeSink) {
      const query = spare;
      query.peer = peer;
      const parsed = parseQuery(query, buffer, start, end);
      if (parsed !== PARSED.OK) return refuse(query, parsed, out, at);
      const { router } = engine;
      if (query.class !== CLASS.IN && !router.anyClass) return unrouted(query, REFUSED, out, at);
      if (query.edns && query.ednsVersion !== 0) return writeBadVersion(query, out, at);
      const route = router.route(query);
      if (route === undefined) return unrouted(query, REFUSED, out, at);
      query.scope = route.scope;
      const { chain } = route.block;
      if (chain === undefined) return writeReply(query, REFUSED, out, at);
      if (chain.observers.length !== 0) query.received = performance.now();
      let answer: MaybePromise<Answer>;
      try {
        answer = chain.answer(query);
      } catch (error) {
        onPanic(error, query, route);
        answer = PANIC;
      }
      if (answer instanceof Promise || answer.kind === "stream") {
        query.keep();
        spare = new Query();
        void later(query, route, router, Promise.resolve(answer), makeSink());
        return PENDING;
      }
      return finish(query, route, answer, out, at);
    },
  };
  return engine;
}

/** What a query gets whose plugin threw. The error itself was reported. */
const PANIC = serverFailure("");

const scratch: Buffer = Buffer.allocUnsafe(MAX_MESSAGE);

function refuse(query: Query, parsed: number, out: Buffer, at: number): number {
  switch (parsed) {
    case PARSED.NOT_IMPLEMENTED:
      return writeHeaderOnly(query, RCODE.NOTIMP, out, at);
    case PARSED.BAD_HEADER:
      return writeHeaderOnly(query, RCODE.FORMERR, out, at);
    case PARSED.NO_QUESTION:
      return writeHeaderOnly(query, RCODE.SERVFAIL, out, at);
    case PARSED.BAD_RECORDS:
      return writeFormatError(query, out, at);
    default:
      return 0;
  }
}

async function* encodeStream(
  query: Query,
  messages: Iterable<Answer> | AsyncIterable<Answer>,
): AsyncIterable<Buffer> {
  for await (const message of messages) {
    const length = writeReply(query, message, scratch, 0);
    yield Buffer.from(scratch.subarray(0, length));
  }
}
