import type { Families } from "../../src/cluster/families.ts";

export type Family = "ipv4" | "ipv6";

/**
 * The only address family of a cluster, from the addresses of its objects and of this machine, which is one of the cluster's pods;
 * undefined where there are both, or nothing is known. One address of a family is enough for it to be there: a cluster with both
 * may well have Services of one only.
 */
export function learnFamily({ ipv4, ipv6 }: Families, own: readonly string[]): Family | undefined {
  const hasIpv4 = ipv4 > 0 || own.some((address) => !address.includes(":"));
  const hasIpv6 = ipv6 > 0 || own.some((address) => address.includes(":") && !isLinkLocal(address));
  // Without an object of the family, the cluster's list may simply be empty.
  if (ipv4 > 0 && !hasIpv6) return "ipv4";
  return ipv6 > 0 && !hasIpv4 ? "ipv6" : undefined;
}

/** RFC 4291 §2.5.6: every interface has one, whatever the network. */
const isLinkLocal = (address: string): boolean => /^fe[89ab]/i.test(address);
