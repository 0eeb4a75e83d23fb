import type { CorefileErrorCode, Position } from "../corefile/index.ts";

declare const problemBrand: unique symbol;

/** What a table's own function returns for words that it cannot take. A value, never thrown. */
export interface Problem {
  readonly [problemBrand]: true;
  /** What is wrong and what would be right: the end of the error's line. */
  readonly text: string;
  /** Where, if it is not the line that is being read. */
  readonly at: Position | undefined;
  readonly code: CorefileErrorCode;
}

const problems = new WeakSet<object>();

export function problem(text: string, at?: Position, code: CorefileErrorCode = "bad-value"): Problem {
  const made = { text, at, code } as Problem;
  problems.add(made);
  return made;
}

export const isProblem = (value: unknown): value is Problem =>
  typeof value === "object" && value !== null && problems.has(value);
