import { until, type VirtualClock } from "../../resolver/clock.ts";
import type { Random } from "../../resolver/types.ts";

/** One stretch of the way between two servers. */
export interface Leg {
  /** There and back, in milliseconds. */
  readonly rtt: number;
  /** The part of the packets that is lost, each way: 0 to 1. */
  readonly loss?: number;
}

/** TCP's first retransmission comes after this many ms, each further one after twice the time (RFC 6298, Linux's minimum). */
const RETRANSMISSION = 200;
const MOST_WAITING = 60_000;
/** A connection that was idle so long is gone: `forward`'s default, in ms. */
const IDLE = 10_000;

/** Takes a question over a leg and what `serve` makes of it back. */
export interface Road {
  /** Undefined where either is lost, or there was no answer. */
  udp(serve: () => Promise<Buffer | undefined>): Promise<Buffer | undefined>;
  /** Nothing is lost, but it may take longer. `isNew`: the connection is not open yet. */
  tcp(serve: () => Promise<Buffer | undefined>, isNew: boolean): Promise<Buffer | undefined>;
}

export function createRoad({ rtt, loss = 0 }: Leg, clock: VirtualClock, random: Random): Road {
  const isLost = (): boolean => loss > 0 && random() < loss;
  const pass = (ms: number): Promise<void> => (ms > 0 ? until(clock, clock.now() + ms) : Promise.resolve());
  /** How long a segment takes that is sent again until it comes through. */
  const delay = (): number => {
    let ms = rtt / 2;
    for (let wait = RETRANSMISSION; isLost() && wait < MOST_WAITING; wait *= 2) ms += wait;
    return ms;
  };

  return {
    async udp(serve) {
      if (isLost()) return undefined;
      await pass(rtt / 2);
      const reply = await serve();
      if (reply === undefined || isLost()) return undefined;
      await pass(rtt / 2);
      return reply;
    },
    async tcp(serve, isNew) {
      await pass((isNew ? delay() + delay() : 0) + delay());
      const reply = await serve();
      if (reply !== undefined) await pass(delay());
      return reply;
    },
  };
}

/** Connections from one server to another, used again as `forward` does: each for one question at a time. */
export interface Connections {
  /** Whether the connection that is taken must be opened first. */
  take(): boolean;
  release(): void;
}

export function createConnections(clock: VirtualClock): Connections {
  /** When each one that is free was last used. */
  const free: number[] = [];
  return {
    take() {
      while (free.length > 0 && free[0]! < clock.now() - IDLE) free.shift();
      return free.pop() === undefined;
    },
    release: () => void free.push(clock.now()),
  };
}
