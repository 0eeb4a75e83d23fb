import { ipv4Bytes, ipv4Text, ipv6Bytes, ipv6Text } from "../dns/address.ts";
import { isWithin, labelsBefore, nameOf, type Name } from "../dns/name.ts";

const IN_ADDR: Name = nameOf("in-addr.arpa");
const IP6: Name = nameOf("ip6.arpa");

/** Whether `name` (in lower case) is one of the reverse trees or lies within. */
export const isReverse = (name: Name): boolean => isWithin(name, IN_ADDR) || isWithin(name, IP6);

/**
 * The zone that PTR records point into: the first that is no reverse zone. A reverse tree as a whole takes its place where there
 * is none, as in CoreDNS; without that there is none.
 */
export const primaryZone = (zones: readonly Name[]): Name | undefined =>
  zones.find((zone) => !isReverse(zone)) ?? zones.find((zone) => zone === IN_ADDR || zone === IP6);

/**
 * The address whose reverse name this is, in lower case (RFC 1035 §3.5, RFC 3596 §2.5), as canonical text; undefined for
 * names of networks and of nothing. Up to three labels in front of the 32 of an IPv6 address are not looked at, as in CoreDNS.
 */
export function reverseAddress(name: Name): string | undefined {
  const v4 = labelsBefore(name, IN_ADDR);
  if (v4 !== undefined) {
    const bytes = ipv4Bytes(v4.reverse().join("."));
    return bytes === undefined ? undefined : ipv4Text(bytes);
  }
  const v6 = labelsBefore(name, IP6)?.reverse();
  if (v6 === undefined || v6.length < 32 || v6.length > 35) return undefined;
  const digits = v6.slice(0, 32);
  if (!digits.every((digit) => /^[0-9a-f]$/.test(digit))) return undefined;
  const bytes = ipv6Bytes(digits.join("").replace(/....(?!$)/g, "$&:"))!;
  return ipv6Text(bytes);
}
