import { isIP } from "node:net";
import { parseName } from "../dns/name.ts";

export const dotsIn = (name: string): number => name.split(".").length - 1;
export const isAbsolute = (name: string): boolean => name.endsWith(".");
export const absolute = (name: string): string => (isAbsolute(name) ? name : `${name}.`);

/** `name` below `domain`, absolute. The root adds nothing, as a domain or (without its dot: empty) as a name. */
export const below = (name: string, domain: string): string =>
  absolute(domain === "." || name === "" ? name || domain : `${name}.${domain}`);

/** Whether the name fits a DNS message: no empty label, none above 63 octets, 255 in all (RFC 1035 §2.3.4). */
export const isEncodable = (name: string): boolean => parseName(name) !== undefined;

/** An address as a name's text is answered without asking anybody. */
export const isAddress = (name: string): boolean => isIP(name) !== 0;

/** The suffixes in order between the name as it is, first or last. `ndots` is the number of dots from which on it comes first. */
export function candidates(name: string, search: readonly string[], ndots: number): string[] {
  if (isAbsolute(name)) return [name];
  const searched = search.map((domain) => below(name, domain));
  return dotsIn(name) >= ndots ? [absolute(name), ...searched] : [...searched, absolute(name)];
}
