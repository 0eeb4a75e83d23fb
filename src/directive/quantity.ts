const nanoseconds: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3, // U+00B5
  μs: 1e3, // U+03BC
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};

/** Milliseconds of a duration in Go's syntax (time.ParseDuration): `1h30m`, `-1.5s`, `0`. Undefined for anything else. */
export function parseDuration(text: string): number | undefined {
  const unsigned = text.replace(/^[+-]/, "");
  if (unsigned === "0") return 0;
  if (!/^(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/.test(unsigned)) return undefined;
  let total = 0;
  for (const [, amount, unit] of unsigned.matchAll(/([\d.]+)(\D+)/g))
    total += Number(amount) * nanoseconds[unit!]!;
  // What an int64 of nanoseconds can't hold.
  if (total >= 2 ** 63) return undefined;
  return (text.startsWith("-") ? -total : total) / 1e6;
}

/** Milliseconds as Go would write them: `1h30m0s`, `1.5s`, `250ms`. */
export function durationText(milliseconds: number): string {
  const sign = milliseconds < 0 ? "-" : "";
  const ms = Math.abs(milliseconds);
  if (ms === 0) return "0s";
  if (ms < 1000) return `${sign}${ms}ms`;
  const seconds = ms / 1000;
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  const rest = `${Number((seconds % 60).toFixed(9))}s`;
  return sign + (hours > 0 ? `${hours}h` : "") + (hours > 0 || minutes > 0 ? `${minutes}m` : "") + rest;
}

const octets: Readonly<Record<string, number>> = {
  "": 1,
  b: 1,
  k: 2 ** 10,
  kb: 1e3,
  kib: 2 ** 10,
  m: 2 ** 20,
  mb: 1e6,
  mib: 2 ** 20,
  g: 2 ** 30,
  gb: 1e9,
  gib: 2 ** 30,
};

/** Octets of `4096`, `64KiB`, `2MB` or, as Kubernetes' and Go's tools have it, `64k` (1024 each). Undefined for anything else. */
export function parseBytes(text: string): number | undefined {
  const [, amount, unit] = /^(\d{1,15}(?:\.\d{1,6})?)([A-Za-z]*)$/.exec(text) ?? [];
  const factor = unit === undefined ? undefined : octets[unit.toLowerCase()];
  return factor === undefined ? undefined : Math.round(Number(amount) * factor);
}
