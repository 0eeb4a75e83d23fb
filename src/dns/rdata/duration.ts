const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86400, w: 604800 };

/**
 * Seconds of `3600` or of numbers with units such as `1h30m`, `2W` (s m h d w in any case, as BIND writes TTLs).
 * undefined for anything else and for what does not fit 32 bits.
 */
export function parseDuration(text: string): number | undefined {
  if (!/^(\d+[smhdw])*\d*$/i.test(text) || text === "") return undefined;
  let total = 0;
  for (const [, digits, unit] of text.matchAll(/(\d+)([a-z]?)/gi)) {
    total += Number(digits) * (unit === "" ? 1 : SECONDS[unit!.toLowerCase()]!);
  }
  return total < 2 ** 32 ? total : undefined;
}
