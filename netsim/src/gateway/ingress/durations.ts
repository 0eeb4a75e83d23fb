/** Durations as Go writes them (time.ParseDuration): `1h15m30.5s`, `300ms`. */

const UNITS: Readonly<Record<string, number>> = {
  h: 3_600_000,
  m: 60_000,
  s: 1000,
  ms: 1,
  us: 0.001,
  ns: 1e-6,
};

/** Milliseconds; 0 for `infinity`; undefined for what is none. */
export function parseGoDuration(text: string | undefined): number | undefined {
  if (text === "infinity" || text === "infinite") return 0;
  if (text === undefined || !/^(?:\d{1,9}(?:\.\d{1,9})?(?:ns|us|ms|h|m|s)){1,6}$/.test(text))
    return undefined;
  let total = 0;
  for (const [, count, unit = ""] of text.matchAll(/(\d+(?:\.\d+)?)(ns|us|ms|h|m|s)/g))
    total += Number(count) * (UNITS[unit] ?? 0);
  return total;
}
