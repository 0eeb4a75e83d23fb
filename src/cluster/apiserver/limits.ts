/** What keeps us from burdening the API server: requests a second, requests at once, time between attempts. */

export interface Limits {
  /** Requests a second in the long run; 0 is client-go's default, 5. */
  readonly qps: number;
  /** Requests that may go out at once after a rest; 0 is client-go's default, 10. */
  readonly burst: number;
  /** Requests that wait for their response's head at the same time; 0: any number. */
  readonly maxInflight: number;
}

/** Waits until a request may go out; resolves to the seconds waited. Rejects when `signal` is aborted. */
export type Limiter = (signal: AbortSignal) => Promise<number>;

/** A token bucket, full at first. */
export function createLimiter({ qps, burst }: Limits, now: () => number): Limiter {
  const rate = (qps > 0 ? qps : 5) / 1000;
  const most = burst > 0 ? burst : 10;
  let tokens = most;
  let at = now();
  return async (signal) => {
    const time = now();
    tokens = Math.min(most, tokens + (time - at) * rate) - 1;
    at = time;
    // A debt is taken up at once, so that those who wait go out in the order in which they came.
    const wait = tokens < 0 ? -tokens / rate : 0;
    if (wait > 0) await pause(wait, signal);
    return wait / 1000;
  };
}

/** At most `most` holders at once, in the order in which they asked; 0: any number. Resolves to the function that lets go. */
export function createGate(most: number): () => Promise<() => void> {
  let holders = 0;
  const waiting: (() => void)[] = [];
  const leave = (): void => {
    const next = waiting.shift();
    if (next === undefined) holders--;
    else next();
  };
  return async () => {
    if (most > 0 && holders >= most) await new Promise<void>((resolve) => waiting.push(resolve));
    else holders++;
    let held = true;
    return () => {
      if (held) leave();
      held = false;
    };
  };
}

export interface Backoff {
  /** Milliseconds until the next attempt; `refused`: the server is there, and said no. */
  next(refused: boolean): number;
  reset(): void;
}

const FIRST_MS = 200;
/** A server that is not there is not burdened, and wanted as soon as it is back. */
const LONGEST_ABSENT_MS = 2000;
const LONGEST_REFUSED_MS = 20_000;

/** Doubles from 0.2 s on, each time with a jitter of half to one and a half, so that the replicas do not come back at once. */
export function createBackoff(random: () => number): Backoff {
  let failures = 0;
  return {
    next: (refused) => {
      const longest = refused ? LONGEST_REFUSED_MS : LONGEST_ABSENT_MS;
      return Math.min(FIRST_MS * 2 ** failures++, longest) * (0.5 + random());
    },
    reset: () => {
      failures = 0;
    },
  };
}

/** Resolves after `ms`; rejects with the signal's reason when it is aborted before. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason as Error);
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", stop);
      resolve();
    }, ms);
    signal.addEventListener("abort", stop, { once: true });
  });
}
