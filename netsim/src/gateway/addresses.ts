/** Addresses that a Gateway asks for: `spec.addresses`. */
import { parseAddress } from "../select/cidr.ts";
import { text } from "./fields.ts";
import type { Fields } from "./fields.ts";

/** Types that are known everywhere; others are of one controller, as their domain says. */
const TYPES = new Set(["IPAddress", "Hostname", "NamedAddress"]);

/** Why an address cannot be had: its type is of another controller, or it is none. */
export function addressFault(address: Fields): "UnsupportedAddress" | "AddressNotUsable" | undefined {
  const type = text(address["type"]) ?? "IPAddress";
  if (!TYPES.has(type)) return "UnsupportedAddress";
  const value = text(address["value"]);
  const isUsable = type !== "IPAddress" || value === undefined || parseAddress(value) !== undefined;
  return isUsable ? undefined : "AddressNotUsable";
}
