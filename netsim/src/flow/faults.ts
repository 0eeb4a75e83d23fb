/** What is wrong with an address or a network, in the words of Go's net/netip. */
import { parseAddress } from "../select/cidr.ts";

const within = (call: string, text: string, fault: string): string =>
  `${call}(${JSON.stringify(text)}): ${fault}`;

/** Of text that is no address. */
export function addressFault(text: string): string {
  return within("ParseAddr", text, /^[^:%]*\./.test(text) ? fault4(text) : "unable to parse IP");
}

function fault4(text: string): string {
  const fields = text.split(".");
  for (const [i, field] of fields.entries()) {
    if (/[^0-9]/.test(field))
      return `unexpected character (at ${JSON.stringify(text.slice(text.search(/[^0-9.]/)))})`;
    if (field === "") return "IPv4 field must have at least one digit";
    if (i > 3) return "IPv4 address too long";
    if (field.length > 1 && field.startsWith("0")) return "IPv4 field has octet with leading zero";
    if (Number(field) > 255) return "IPv4 field has value >255";
  }
  return "IPv4 address too short";
}

/** Of text that is no network. */
export function prefixFault(text: string): string {
  const slash = text.lastIndexOf("/");
  const [address, bits] = [text.slice(0, slash), text.slice(slash + 1)];
  const call = "netip.ParsePrefix";
  if (parseAddress(address) === undefined) return within(call, text, addressFault(address));
  if (address.includes("%")) return within(call, text, "IPv6 zones cannot be present in a prefix");
  const known = /^(?:0|[1-9]\d*)$/.test(bits);
  return within(
    call,
    text,
    known ? "prefix length out of range" : `bad bits after slash: ${JSON.stringify(bits)}`,
  );
}
