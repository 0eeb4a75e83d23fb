import type { EndpointSlice, Port } from "./objects.ts";

/** Without ports, a Service and a slice have addresses all the same; -1 stands in no SRV record. */
const NO_PORTS: readonly Port[] = [{ name: "", protocol: "", number: -1 }];

export const portsOf = (object: { readonly ports: readonly Port[] }): readonly Port[] =>
  object.ports.length === 0 ? NO_PORTS : object.ports;

/** Whether the port answers to a question's words, in lower case; an empty word is answered by every port. */
export const isPort = (port: Port, name: string, protocol: string): boolean =>
  (name === "" || port.name.toLowerCase() === name) &&
  (protocol === "" || port.protocol.toLowerCase() === protocol);

/** The label of the slice's address number `i`: its own name, or the address with dashes. */
export function endpointName(slice: EndpointSlice, i: number): string {
  const own = slice.names?.[i] ?? "";
  if (own !== "") return own;
  const address = slice.addresses[i]!;
  if (address.includes(".")) return address.replaceAll(".", "-");
  const dashed = address.replaceAll(":", "-");
  // A label must not end in a dash (RFC 1123 §2.1): the last group of `::` is written out.
  return dashed.endsWith("-") ? dashed + "0" : dashed;
}
