import { ipv4Bytes, ipv6Bytes } from "../../src/dns/address.ts";

/** By owner (text with the final dot), then by address as rdata: the weight. */
export type Weights = ReadonlyMap<string, ReadonlyMap<string, number>>;

/** Reads a weight file: a name on a line of its own, then lines of address and weight (1 to 255). `#` begins a comment line. */
export function parseWeights(
  text: string,
  file: string,
): { weights: Weights; error?: undefined } | { error: string } {
  const weights = new Map<string, Map<string, number>>();
  let current: Map<string, number> | undefined;
  for (const line of text.split("\n").map((one) => one.trim())) {
    if (line === "" || line.startsWith("#")) continue;
    const [first = "", weight, ...more] = line.split(/\s+/);
    if (more.length > 0) return { error: `could not parse weight line:"${line}" in weight file ${file}` };
    const address = ipv4Bytes(first) ?? ipv6Bytes(first);
    if (weight === undefined) {
      if (address !== undefined)
        return {
          error: `wrong domain name:"${first}" in weight file ${file}. (Maybe a missing weight value?)`,
        };
      const name = first.endsWith(".") ? first : `${first}.`;
      current = weights.get(name) ?? new Map<string, number>();
      weights.set(name, current);
      continue;
    }
    if (address === undefined) return { error: `wrong IP address:"${first}" in weight file ${file}` };
    const value = Number(weight);
    if (!/^\d+$/.test(weight) || value < 1 || value > 255)
      return { error: `wrong weight value:"${weight}" in weight file ${file}` };
    if (current === undefined) return { error: `missing domain name in weight file ${file}` };
    if (!current.has(address)) current.set(address, value);
  }
  return { weights };
}
