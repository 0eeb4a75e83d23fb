/**
 * Loaded before a program (`node --import`): notes by how much a timer of a millisecond comes late, and what the garbage collector
 * takes; writes it to the file of PAUSES_FILE once a second.
 */
import { writeFileSync } from "node:fs";
import { PerformanceObserver } from "node:perf_hooks";

/** Upper ends of the ranges, in milliseconds; what is longer comes last. */
const BOUNDS = [1, 2, 5, 10, 20] as const;

export interface Pauses {
  readonly bounds: readonly number[];
  readonly counts: number[];
  /** Milliseconds. */
  max: number;
  gcMax: number;
  gcCount: number;
}

const file = process.env["PAUSES_FILE"];
if (file !== undefined && process.env["PAUSES_PID"] === undefined) {
  // Worker threads load this as well: only the first one writes.
  process.env["PAUSES_PID"] = String(process.pid);
  watch(file);
}

function watch(file: string): void {
  const pauses: Pauses = {
    bounds: BOUNDS,
    counts: BOUNDS.map(() => 0).concat(0),
    max: 0,
    gcMax: 0,
    gcCount: 0,
  };
  let last = performance.now();
  const note = (): void => {
    const now = performance.now();
    const late = Math.max(0, now - last - 1);
    last = now;
    const at = BOUNDS.findIndex((bound) => late <= bound);
    pauses.counts[at < 0 ? BOUNDS.length : at]!++;
    if (late > pauses.max) pauses.max = late;
  };
  // Starting up is no pause of a running server.
  setTimeout(() => {
    last = performance.now();
    setInterval(note, 1).unref();
    setInterval(() => writeFileSync(file, JSON.stringify(pauses)), 1000).unref();
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) {
        pauses.gcCount++;
        if (duration > pauses.gcMax) pauses.gcMax = duration;
      }
    }).observe({ entryTypes: ["gc"] });
  }, 5000).unref();
}
