/** An expression that can't be compiled: what is wrong, and the character where, counted from 1. Thrown inside this folder only. */
export class SyntaxProblem extends Error {
  readonly column: number;

  constructor(text: string, at: number) {
    super(text);
    this.column = at + 1;
  }
}

/** An evaluation that has no result, such as a division of a text. A value: `Program.run` returns it. */
export class EvaluationError extends Error {}

export function fail(text: string): never {
  throw new EvaluationError(text);
}
