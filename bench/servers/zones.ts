/** Zone files out of single records. */

/** The cluster's zone and the others that the records lie in, complete with SOA and NS. */
export function zonesOf(records: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const zones = new Map<string, string[]>([["cluster.local", [...apex("cluster.local")]]]);
  for (const record of new Set(records)) {
    const owner = record.split(/\s/, 1)[0]!;
    const origin = ORIGINS.find((one) => owner.endsWith(`${one}.`));
    if (origin === undefined) continue;
    if (!zones.has(origin)) zones.set(origin, [...apex(origin)]);
    zones.get(origin)!.push(record);
  }
  return zones;
}

/** A zone in which every name has this address. */
export const wildcardZone = (origin: string): readonly string[] => [
  ...apex(origin),
  `*.${origin}. 60 IN A 192.0.2.80`,
];

const ORIGINS = ["cluster.local", "in-addr.arpa", "ip6.arpa"];

const apex = (origin: string): readonly string[] => [
  `${origin}. 30 IN SOA ns.dns.${origin}. hostmaster.${origin}. 1 7200 1800 86400 30`,
  `${origin}. 30 IN NS ns.dns.${origin}.`,
  `ns.dns.${origin}. 30 IN A 192.0.2.53`,
];
