import type { RR } from "../dns/rr.ts";
import { below, type Look } from "./look.ts";
import * as records from "./records.ts";
import type { Target } from "./targets.ts";

/**
 * The SRV records of a name, and the addresses of their targets. All have one weight, a share of 100 (RFC 2782) among all
 * ports of all addresses, those that turn out to be alike included.
 */
export function findServices(
  { asked, settings, rawZone }: Look,
  targets: readonly Target[],
): { answer: RR[]; additional: RR[] } {
  const { ttl } = settings;
  const hosts = targets.flatMap(({ host, ...rest }) => {
    const bytes = records.addressBytes(host);
    return bytes === undefined ? [] : [{ bytes, ...rest }];
  });
  const weight = Math.max(1, Math.floor((100 / (100 * hosts.length)) * 100));
  const answer = new Map<string, RR>();
  const additional = new Map<string, RR>();
  for (const { bytes, port, name } of hosts) {
    const target = port < 0 ? undefined : below(name, rawZone);
    if (target === undefined) continue;
    const service = `${target}${String(port)}`;
    if (!answer.has(service)) answer.set(service, records.srv(asked.rawName, ttl, weight, port, target));
    const host = target + bytes;
    if (!additional.has(host)) additional.set(host, records.address(target, ttl, bytes));
  }
  return { answer: [...answer.values()], additional: [...additional.values()] };
}
