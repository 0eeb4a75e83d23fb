/** Hostnames with a wildcard for the labels at their beginning: which match, which overlap, which is the most specific. */

/** `*.example.com` takes `a.example.com` and `a.b.example.com`, not `example.com`; undefined takes every name. */
export function hostMatches(pattern: string | undefined, host: string): boolean {
  if (pattern === undefined || pattern === "*") return true;
  if (!pattern.startsWith("*.")) return pattern === host;
  return host.endsWith(pattern.slice(1)) && host.length > pattern.length - 1;
}

/** What both take; undefined when there is no such name. Both undefined would be every name: "*". */
export function intersect(a: string | undefined, b: string | undefined): string | undefined {
  if (a === undefined || a === "*") return b ?? "*";
  if (b === undefined || b === "*") return a;
  if (a === b) return a;
  // A wildcard lies inside a wider one as an ordinary name does.
  if (hostMatches(a, b.replace(/^\*/, ""))) return b;
  if (hostMatches(b, a.replace(/^\*/, ""))) return a;
  return undefined;
}

/** Higher is more specific: exact names, then wildcards by their length, then every name. */
export function specificity(pattern: string | undefined): number {
  if (pattern === undefined || pattern === "*") return 0;
  return pattern.startsWith("*.") ? pattern.length : 1000 + pattern.length;
}

/** The most specific pattern that takes the host, and how specific it is; undefined when none does. */
export function bestMatch(
  patterns: readonly string[],
  host: string,
): { readonly pattern: string; readonly rank: number } | undefined {
  let best: { pattern: string; rank: number } | undefined;
  for (const pattern of patterns) {
    const rank = specificity(pattern);
    if (hostMatches(pattern, host) && (best === undefined || rank > best.rank)) best = { pattern, rank };
  }
  return best;
}
