/** What a replay varies, and Corefiles with it changed. */

export const PARAMETERS = ["cache", "ttl", "ndots"] as const;
export type Parameter = (typeof PARAMETERS)[number];

/** Undefined: as it is. */
export type Settings = Readonly<Partial<Record<Parameter, number>>>;

export interface Sweep {
  readonly parameter: Parameter;
  readonly values: readonly number[];
}

export const USUAL_SWEEPS: readonly Sweep[] = [
  { parameter: "ndots", values: [1, 2, 3, 5] },
  { parameter: "ttl", values: [5, 30, 120, 600] },
  { parameter: "cache", values: [1024, 2048, 4096, 9984] },
];

/** What a cache holds at least, whatever its Corefile says. */
const LEAST_CACHE = 1024;
const MOST: Readonly<Record<Parameter, number>> = { cache: 10_000_000, ttl: 86_400, ndots: 15 };
const MOST_VALUES = 20;

/** `PARAMETER=V1,V2,...`, or what is wrong. */
export function readSweep(word: string): Sweep | string {
  const [, name, list] = /^(\w+)=([\d,]+)$/.exec(word) ?? [];
  const parameter = PARAMETERS.find((one) => one === name);
  if (parameter === undefined || list === undefined)
    return `${word}: write PARAMETER=V1,V2,..., PARAMETER being ${PARAMETERS.join(", ")}`;
  const values = list.split(",").map(Number);
  const least = { cache: LEAST_CACHE, ttl: 1, ndots: 0 }[parameter];
  if (values.some((value) => value < least || value > MOST[parameter]) || values.length > MOST_VALUES)
    return `${word}: up to ${String(MOST_VALUES)} numbers from ${String(least)} to ${String(MOST[parameter])}`;
  return { parameter, values };
}

/** A `cache` directive: its indent, its TTL, its zones, and the lines of its block. */
const CACHE = /^([ \t]*)cache\b[ \t]*(\d+)?([^\n{]*)(?:\{([^}]*)\})?/gm;

/** The Corefile with caches of so many answers and as many denials, which keep both for `ttl` seconds if the records say so. */
export function withCaches(corefile: string, { cache, ttl }: Settings): string {
  if (cache === undefined && ttl === undefined) return corefile;
  return corefile.replace(
    CACHE,
    (_all, indent: string, seconds: string | undefined, zones: string, block = "") => {
      const lines = (block as string)
        .split("\n")
        .map((line) => line.trim())
        .filter((line) => line !== "" && !/^(success|denial)\b/.test(line));
      const limits = ["success", "denial"].map((what) => {
        const given = new RegExp(`\\b${what}[ \\t]+(\\d+)(?:[ \\t]+(\\d+))?`).exec(block as string);
        const capacity = cache ?? given?.[1] ?? "9984";
        const kept = ttl ?? given?.[2] ?? "";
        return `${what} ${String(capacity)} ${String(kept)}`.trim();
      });
      const inner = [...limits, ...lines].map((line) => `${indent}   ${line}\n`).join("");
      return `${indent}cache ${String(ttl ?? seconds ?? "")}${zones.trimEnd()} {\n${inner}${indent}}`;
    },
  );
}

const KUBERNETES = /^([ \t]*)kubernetes\b[^\n{]*(\{[^}]*\})?/m;

/** The Corefile whose cluster's records have this TTL (0 to 3600 s, as the plugin takes it). */
export function withTtl(corefile: string, { ttl }: Settings): string {
  if (ttl === undefined) return corefile;
  const line = `ttl ${String(Math.min(ttl, 3600))}`;
  return corefile.replace(KUBERNETES, (block: string, indent: string) => {
    if (/\bttl\s+\d+/.test(block)) return block.replace(/\bttl\s+\d+/, line);
    return block.includes("{")
      ? block.replace("{", `{\n${indent}   ${line}`)
      : `${block} {\n${indent}   ${line}\n${indent}}`;
  });
}
