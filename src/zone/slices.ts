/** Long work between queries: a generator that yields often is run for a short time, then the event loop has its turn. */
import { setImmediate as turn } from "node:timers/promises";

/** Milliseconds that queries may wait. */
const SLICE = 2;

/** Runs `work` to its end and gives its result. `stopped` ends it early: then the result is undefined. */
export async function inSlices<T>(
  work: Generator<unknown, T>,
  stopped: () => boolean = () => false,
): Promise<T | undefined> {
  let until = performance.now() + SLICE;
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
    if (performance.now() < until) continue;
    await turn();
    if (stopped()) return undefined;
    until = performance.now() + SLICE;
  }
}
