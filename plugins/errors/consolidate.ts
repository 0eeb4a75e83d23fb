import { RE2JS } from "re2js";
import { parseDuration, durationText } from "../../src/directive/quantity.ts";
import { problem, type FreeLine, type Problem } from "../../src/directive/index.ts";

export type Level = "debug" | "info" | "warning" | "error";

/** One `consolidate` line. */
export interface Consolidation {
  /** Milliseconds. */
  readonly period: number;
  readonly periodText: string;
  readonly regexp: RE2JS;
  readonly source: string;
  readonly level: Level;
  readonly showFirst: boolean;
}

const LEVELS: readonly string[] = ["debug", "info", "warning", "error"];
const MAX_PATTERN = 10_000;

/** Reads `DURATION REGEXP [LEVEL] [show_first]`. */
export function readConsolidate({ words }: FreeLine): Consolidation | Problem {
  const [duration, pattern, ...rest] = words.map((word) => word.text);
  if (duration === undefined || pattern === undefined || rest.length > 2) {
    return problem("consolidate takes DURATION REGEXP [LEVEL] [show_first]");
  }
  const period = parseDuration(duration);
  if (period === undefined) return problem(`"${duration}" is no duration: write one such as 30s or 1m`);
  if (pattern.length > MAX_PATTERN)
    return problem(`the regular expression is longer than ${MAX_PATTERN} characters: shorten it`);
  let regexp: RE2JS;
  try {
    regexp = RE2JS.compile(pattern);
  } catch (error) {
    return problem(`the regular expression "${pattern}" does not compile: ${(error as Error).message}`);
  }
  let level: Level = "error";
  let showFirst = false;
  for (const [i, word] of rest.entries()) {
    if (word === "show_first" && !showFirst) showFirst = true;
    else if (LEVELS.includes(word) && i === 0) level = word as Level;
    else if (LEVELS.includes(word)) return problem("one level only, and before show_first");
    else return problem(`"${word}" is neither a level (${LEVELS.join(", ")}) nor show_first`);
  }
  return { period, periodText: durationText(period), regexp, source: pattern, level, showFirst };
}
