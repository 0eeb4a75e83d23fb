import { until, type VirtualClock } from "./clock.ts";
import type { Fate, Sent, Transport } from "./types.ts";

export interface SimulatedNetwork {
  readonly clock: VirtualClock;
  /** Round-trip time to the servers in ms, apart from what the answer itself takes. */
  readonly rtt: number;
  /**
   * What a server does with a question: an answer, or undefined for silence. It may wait on the clock; real work that it
   * waits for goes through the clock's `hold`.
   */
  readonly answer: (question: Sent) => Promise<Fate | undefined>;
}

/** A network in virtual time. A TCP connection takes a round trip before its first question. */
export function simulatedTransport({ clock, rtt, answer }: SimulatedNetwork): Transport {
  const connections = new Set<number>();
  return {
    async send(question) {
      if (rtt > 0) {
        const isNew = question.proto === "tcp" && !connections.has(question.socket);
        connections.add(question.socket);
        await until(clock, clock.now() + rtt / 2 + (isNew ? rtt : 0));
      }
      const fate = await answer(question);
      if (fate === undefined) return new Promise<never>(() => undefined);
      if (rtt > 0) await until(clock, clock.now() + rtt / 2);
      return fate;
    },
    close(socket) {
      connections.delete(socket);
    },
  };
}
