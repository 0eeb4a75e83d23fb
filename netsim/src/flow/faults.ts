/** What is wrong with an address or a network, in the words of Go's net/netip; and with labels, in those of apimachinery. */
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

const NAME =
  "consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
const KEY_FORM = `(e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')`;
const VALUE_FORM = `(e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')`;
const PREFIX =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

const isName = (text: string): boolean => /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/.test(text);
const isSubdomain = (text: string): boolean =>
  /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/.test(text);

/** Of a label's key, in the words of apimachinery's validation; undefined for a good one. */
export function labelKeyFault(key: string): string | undefined {
  const parts = key.split("/");
  if (parts.length > 2)
    return `a valid label key must ${NAME} ${KEY_FORM} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`;
  const [name = "", prefix] = parts.reverse();
  const faults = [
    prefix !== undefined && prefix.length > 253 ? "prefix part must be no more than 253 bytes" : "",
    prefix !== undefined && !isSubdomain(prefix) ? `prefix part ${PREFIX}` : "",
    name === ""
      ? "name part must be non-empty"
      : name.length > 63
        ? "name part must be no more than 63 bytes"
        : "",
    isName(name) ? "" : `name part must ${NAME} ${KEY_FORM}`,
  ].filter((fault) => fault !== "");
  return faults.length === 0 ? undefined : faults.join("; ");
}

/** Of a label's value. */
export function labelValueFault(value: string): string | undefined {
  const faults = [
    value.length > 63 ? "must be no more than 63 bytes" : "",
    value === "" || isName(value) ? "" : `a valid label must be an empty string or ${NAME} ${VALUE_FORM}`,
  ].filter((fault) => fault !== "");
  return faults.length === 0 ? undefined : faults.join("; ");
}
