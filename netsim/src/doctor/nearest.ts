/** What was probably meant by a word that is nearly another. */

/** Insertions, deletions, changes and swaps of neighbours between two words; `most` and more are `most`. */
export function distance(a: string, b: string, most = 3): number {
  if (Math.abs(a.length - b.length) >= most) return most;
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let value = Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        value = Math.min(value, (before[j - 2] ?? 0) + 1);
      next.push(value);
    }
    before = row;
    row = next;
  }
  return Math.min(most, row[b.length] ?? most);
}

const flat = (word: string): string => word.toLowerCase().replace(/[-_.]/g, "");

/** The candidate that `word` is a slip of: two letters off at most, one in a short word, none in a shorter one; or only case and dashes. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  const allowed = word.length < 3 ? 0 : word.length <= 5 ? 1 : 2;
  let best: string | undefined;
  let least = allowed + 1;
  for (const candidate of candidates) {
    if (candidate === word) continue;
    const d = flat(candidate) === flat(word) ? 0 : distance(word, candidate);
    if (d < least) [best, least] = [candidate, d];
  }
  return best;
}
