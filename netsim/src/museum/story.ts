/** Collects what an exhibit has to say while it runs. */
import type { Assertion, Evidence } from "./types.ts";

export interface Story {
  /** The next step of the story: a sentence with its numbers. */
  tell(step: string): void;
  /** States something that must be so if this is the failure that was reported. */
  holds(text: string, is: boolean): void;
  end(ending: Pick<Evidence, "broken" | "mended" | "lesson">): Evidence;
}

export function createStory(): Story {
  const steps: string[] = [];
  const assertions: Assertion[] = [];
  return {
    tell: (step) => void steps.push(step),
    holds: (text, holds) => void assertions.push({ text, holds }),
    end: ({ broken, mended, lesson }) => ({ steps, broken, mended, lesson, assertions }),
  };
}

/** `3 queries`, `1 query`. */
export const count = (n: number, one: string, many = `${one}s`): string => `${n} ${n === 1 ? one : many}`;

/** Milliseconds as people say them: 5005 is `5 s`, 12.34 is `12.3 ms`, 3600000 is `1 h`. */
export function time(ms: number): string {
  const tenths = (value: number): number => Math.round(value * 10) / 10;
  if (ms < 1000) return `${tenths(ms)} ms`;
  if (ms < 120_000) return `${tenths(ms / 1000)} s`;
  return ms < 3_600_000 ? `${tenths(ms / 60_000)} min` : `${tenths(ms / 3_600_000)} h`;
}

export const percent = (part: number, whole: number): number =>
  whole === 0 ? 0 : Math.round((1000 * part) / whole) / 10;
