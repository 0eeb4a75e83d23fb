import type { Clock, Random } from "./types.ts";

/** The machine's clock. Timers keep the process alive until they are called off. */
export const realClock: Clock = {
  now: () => performance.now(),
  at(time, then) {
    // A timer counts whole milliseconds, and drops what is beyond them: rounded up, none is early.
    const timer = setTimeout(then, Math.ceil(Math.max(0, time - performance.now())));
    return () => clearTimeout(timer);
  },
};

/** Settles at `time`. */
export const until = (clock: Clock, time: number): Promise<void> =>
  new Promise((done) => clock.at(time, done));

export interface VirtualClock extends Clock {
  /** Time stands still until `work` has settled: for what takes no virtual time, but real turns of the event loop. */
  hold<T>(work: Promise<T>): Promise<T>;
  /**
   * Runs `main` and lets time jump from event to event until it has settled; its result. Rejects where `main` waits for
   * something that no event can bring.
   */
  run<T>(main: () => Promise<T>): Promise<T>;
}

interface Timer {
  readonly time: number;
  readonly then: () => void;
  off: boolean;
}

/** Fewer than these are not worth a look. */
const LEAST_OFF = 64;

/** A clock that begins at 0 and moves only within `run`. Events of one time fire in the order in which they were set. */
export function virtualClock(): VirtualClock {
  let now = 0;
  let held = 0;
  let queue: Timer[] = [];
  /** Timers in the queue that have been called off. */
  let off = 0;

  // By bisection: nearly every timer is the latest, or one of a handful.
  const insert = (timer: Timer): void => {
    let low = 0;
    let high = queue.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (queue[middle]!.time <= timer.time) low = middle + 1;
      else high = middle;
    }
    queue.splice(low, 0, timer);
  };

  /** Nearly all timeouts are called off long before their time: they must not make the queue long. */
  const callOff = (timer: Timer): void => {
    if (timer.off) return;
    timer.off = true;
    if (++off < LEAST_OFF || off < queue.length / 2) return;
    queue = queue.filter((one) => !one.off);
    off = 0;
  };

  const fireNext = (): boolean => {
    while (queue[0]?.off === true) {
      queue.shift();
      off--;
    }
    const first = queue[0];
    if (first === undefined) return false;
    now = first.time;
    // All of this instant before anybody looks: packets that arrive together are read together.
    while (queue[0] !== undefined && queue[0].time === now) {
      const timer = queue.shift()!;
      if (timer.off) off--;
      // A timer that has fired can't be called off.
      else {
        timer.off = true;
        timer.then();
      }
    }
    return true;
  };

  return {
    now: () => now,
    at(time, then) {
      const timer = { time: Math.max(now, time), then, off: false };
      insert(timer);
      return () => callOff(timer);
    },
    async hold(work) {
      held++;
      try {
        return await work;
      } finally {
        held--;
      }
    },
    async run(main) {
      let settled = false;
      const result = main().finally(() => {
        settled = true;
      });
      result.catch(() => undefined);
      for (;;) {
        // A turn of the event loop: every promise that can go on has gone on.
        await new Promise((next) => setImmediate(next));
        if (settled) return result;
        if (held > 0) continue;
        if (!fireNext())
          throw new Error("virtual time has come to its end: something waits that no event will wake");
      }
    },
  };
}

/** A small seeded generator (mulberry32), so that a run can be repeated. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
