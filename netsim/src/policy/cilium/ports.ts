/** `toPorts` and `icmps`: what the strings in them mean. */
import type { CiliumPort, IntOrString } from "../../model/types.ts";
import { ALL_PORTS } from "../rule.ts";
import type { PortSpec } from "../rule.ts";

/** RFC 6335 service names: what is one is a port's name, even if it looks like a hexadecimal number. */
export const isServiceName = (text: string): boolean =>
  text.length <= 15 && /^([a-zA-Z0-9]-?)*[a-zA-Z](-?[a-zA-Z0-9])*$/.test(text);

/** A port number as Go's ParseUint(text, 0, 16) reads it (a leading zero means octal), or undefined. */
export function portNumber(text: string): number | undefined {
  if (!/^\d+(_\d+)*$/.test(text)) return undefined;
  const digits = text.replaceAll("_", "");
  const octal = digits.length > 1 && digits.startsWith("0");
  if (octal && !/^[0-7]+$/.test(digits)) return undefined;
  const value = parseInt(digits, octal ? 8 : 10);
  return value <= 65535 ? value : undefined;
}

/** Protocols by the names that policies give them, upper case; ICMPv6 is spelt so in verdicts. */
const PROTOCOLS = new Map(
  ["TCP", "UDP", "SCTP", "ICMP", "ANY", "VRRP", "IGMP", "GRE", "IPIP", "IPV6", "ESP", "AH"].map((p) => [
    p,
    p,
  ]),
).set("ICMPV6", "ICMPv6");

export const protocolName = (text: string | undefined): string | undefined =>
  PROTOCOLS.get(text === undefined || text === "" ? "ANY" : text.toUpperCase());

/** One entry of `ports`: port 0 is every port, ANY is TCP, UDP and SCTP, an endPort below the port counts for nothing. */
export function portSpecs({ port = "", endPort, protocol }: CiliumPort): PortSpec[] {
  const name = protocolName(protocol) ?? "ANY";
  const protocols = name === "ANY" ? ["TCP", "UDP", "SCTP"] : [name];
  if (isServiceName(port)) return protocols.map((p) => ({ protocol: p, name: port.toLowerCase() }));
  const from = portNumber(port) ?? 0;
  if (from === 0) return protocols.map((p) => ({ protocol: p, ...ALL_PORTS }));
  return protocols.map((p) => ({ protocol: p, from, to: Math.max(from, endPort ?? 0) }));
}

const ICMP4: Readonly<Record<string, number>> = {
  EchoReply: 0,
  DestinationUnreachable: 3,
  Redirect: 5,
  Echo: 8,
  EchoRequest: 8,
  RouterAdvertisement: 9,
  RouterSelection: 10,
  TimeExceeded: 11,
  ParameterProblem: 12,
  Timestamp: 13,
  TimestampReply: 14,
  Photuris: 40,
  ExtendedEchoRequest: 42,
  ExtendedEchoReply: 43,
};

const ICMP6: Readonly<Record<string, number>> = {
  DestinationUnreachable: 1,
  PacketTooBig: 2,
  TimeExceeded: 3,
  ParameterProblem: 4,
  EchoRequest: 128,
  EchoReply: 129,
  MulticastListenerQuery: 130,
  MulticastListenerReport: 131,
  MulticastListenerDone: 132,
  RouterSolicitation: 133,
  RouterAdvertisement: 134,
  NeighborSolicitation: 135,
  NeighborAdvertisement: 136,
  RedirectMessage: 137,
  RouterRenumbering: 138,
  ICMPNodeInformationQuery: 139,
  ICMPNodeInformationResponse: 140,
  InverseNeighborDiscoverySolicitation: 141,
  InverseNeighborDiscoveryAdvertisement: 142,
  HomeAgentAddressDiscoveryRequest: 144,
  HomeAgentAddressDiscoveryReply: 145,
  MobilePrefixSolicitation: 146,
  MobilePrefixAdvertisement: 147,
  DuplicateAddressRequestCodeSuffix: 157,
  DuplicateAddressConfirmationCodeSuffix: 158,
  ExtendedEchoRequest: 160,
  ExtendedEchoReply: 161,
};

export interface ICMPField {
  readonly family?: string;
  readonly type: IntOrString;
}

/** The number of an ICMP type given by number or name; undefined for a name that the family has not. */
export function icmpType({ family, type }: ICMPField): number | undefined {
  if (typeof type === "number") return type;
  if (/^\d+$/.test(type)) return Number(type);
  return (family === "IPv6" ? ICMP6 : ICMP4)[type];
}

/** Type 0 shares its key with "every type". */
export function icmpSpec(field: ICMPField): PortSpec {
  const protocol = field.family === "IPv6" ? "ICMPv6" : "ICMP";
  const type = icmpType(field) ?? 0;
  return type === 0 ? { protocol, ...ALL_PORTS } : { protocol, from: type, to: type };
}
