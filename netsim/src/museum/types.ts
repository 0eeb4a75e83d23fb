/** What an exhibit is: a failure that many clusters have had, built anew out of the models each time it is shown. */

/** A measured value. Names say units: `wait_ms`, `dark_s`. */
export type Fact = number | string | boolean | readonly string[];
export type Facts = Readonly<Record<string, Fact>>;

/** Where it was reported. */
export interface Thread {
  /** `owner/repository#number`, or the address of a post-mortem. */
  readonly cite: string;
  readonly title: string;
  /** What was found there, in a sentence. */
  readonly found: string;
}

/** How it ended in one world. */
export interface Outcome {
  /** The configuration, version or behaviour that the world had. */
  readonly on: string;
  /** What came of it, with the numbers that were measured. */
  readonly what: string;
  readonly facts: Facts;
}

/** A statement about the run that the run itself has decided. */
export interface Assertion {
  readonly text: string;
  readonly holds: boolean;
}

export interface Evidence {
  /** The story in steps, with the numbers of this run. */
  readonly steps: readonly string[];
  readonly broken: Outcome;
  readonly mended: Outcome;
  readonly lesson: string;
  /** All hold where the failure happened and its remedy helped. */
  readonly assertions: readonly Assertion[];
}

export type Wing = "names" | "services" | "policy" | "edge" | "nodes";

export interface Exhibit {
  /** Lower case, with hyphens. */
  readonly id: string;
  readonly title: string;
  /** When it was first reported, or happened. */
  readonly year: number;
  readonly wing: Wing;
  readonly threads: readonly Thread[];
  /** Builds both worlds and measures. The same at every run; no real time passes but what the computing takes. */
  run(): Promise<Evidence>;
}

export const thread = (cite: string, title: string, found: string): Thread => ({ cite, title, found });
