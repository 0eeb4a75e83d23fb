/** Where two texts differ. */

/** Lines `first` to `last` (from 1; `last` below `first` for none) of the old text become `lines`. */
export interface Hunk {
  readonly first: number;
  readonly last: number;
  readonly lines: readonly string[];
}

/** The one stretch of lines in which two texts differ; undefined where they do not. */
export function hunkOf(before: string, after: string): Hunk | undefined {
  if (before === after) return undefined;
  const [a, b] = [before.split("\n"), after.split("\n")];
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head++;
  let tail = 0;
  while (
    tail < a.length - head &&
    tail < b.length - head &&
    a[a.length - 1 - tail] === b[b.length - 1 - tail]
  )
    tail++;
  return { first: head + 1, last: a.length - tail, lines: b.slice(head, b.length - tail) };
}
