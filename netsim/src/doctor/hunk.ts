/** Where two texts differ, and the same difference made to a third. */

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

/**
 * `text`, a changed form of `base`, with the change from `base` to `wanted` made to it; undefined where the lines that are to
 * change are no longer there. Of texts of one line, the words take the place of lines.
 */
export function rebase(base: string, wanted: string, text: string): string | undefined {
  if (text === base) return wanted;
  const joint = base.includes("\n") ? "\n" : " ";
  const hunk = hunkOf(base.replaceAll(joint, "\n"), wanted.replaceAll(joint, "\n"));
  if (hunk === undefined) return text;
  const [old, now] = [base.split(joint), text.split(joint)];
  const gone = old.slice(hunk.first - 1, hunk.last);
  const [above, below] = [old[hunk.first - 2], old[hunk.last]];
  const fits = (at: number): boolean =>
    gone.every((line, i) => now[at + i] === line) &&
    (gone.length > 0 || now[at - 1] === above || now[at] === below);
  const places = Array.from({ length: now.length + 1 }, (_, at) => at).filter(fits);
  const at = places.sort((a, b) => Math.abs(a - hunk.first + 1) - Math.abs(b - hunk.first + 1))[0];
  return at === undefined ? undefined : now.toSpliced(at, gone.length, ...hunk.lines).join(joint);
}
