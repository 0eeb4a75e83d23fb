/** DNS questions and answers as Cilium's DNS proxy tells of them (pkg/hubble/parser/seven). */
import { quote } from "../go-text.ts";
import type { Dns, FlowsResponse } from "../types.ts";
import type { Packet, Teller } from "./teller.ts";

export interface DnsExchange {
  /** Absolute, with its final dot. */
  readonly name: string;
  readonly type: string;
  /** Undefined: no answer came. */
  readonly rcode: string | undefined;
  readonly addresses: readonly string[];
  readonly cnames: readonly string[];
  readonly types: readonly string[];
  /** Seconds. Undefined without records: Hubble then shows the most that there can be. */
  readonly ttl: number | undefined;
}

/** Numbers and texts of response codes, as gopacket has them. */
const RCODES: Readonly<Record<string, readonly [number, string]>> = {
  NOERROR: [0, "No Error"],
  NODATA: [0, "No Error"],
  FORMERR: [1, "Format Error"],
  SERVFAIL: [2, "Server Failure"],
  NXDOMAIN: [3, "Non-Existent Domain"],
  NOTIMP: [4, "Not Implemented"],
  REFUSED: [5, "Query Refused"],
  YXDOMAIN: [6, "Name Exists when it should not"],
  YXRRSET: [7, "RR Set Exists when it should not"],
  NXRRSET: [8, "RR Set that should exist does not"],
  NOTAUTH: [9, "Server Not Authoritative for zone"],
  NOTZONE: [10, "Name not contained in zone"],
};
const NO_TTL = 2 ** 32 - 1;

/** `source` is who saw it: Cilium's `proxy`, or a server of another name. */
export function dnsFlow(
  teller: Teller,
  packet: Packet,
  exchange: DnsExchange,
  verdict: "FORWARDED" | "DROPPED",
  source = "proxy",
): FlowsResponse {
  const { l7, summary } = dnsRecord(exchange, packet.reply, source);
  return teller.request(packet, verdict, l7, summary);
}

export function dnsRecord(exchange: DnsExchange, reply: boolean, source: string) {
  const { name, type, rcode = "NOERROR", addresses, cnames, types, ttl = NO_TTL } = exchange;
  const asked: Dns = { query: name, observation_source: source, qtypes: [type] };
  if (!reply) return { l7: { type: "REQUEST", dns: asked }, summary: `DNS Query ${name} ${type}` };
  const [code, words] = RCODES[rcode] ?? [0, "No Error"];
  const dns: Dns = {
    ...asked,
    ...(addresses.length > 0 && { ips: [...addresses] }),
    ...(ttl > 0 && { ttl }),
    ...(cnames.length > 0 && { cnames: [...cnames] }),
    ...(code > 0 && { rcode: code }),
    ...(types.length > 0 && { rrtypes: [...types] }),
  };
  const parts = [
    ...(addresses.length > 0 ? [quote(addresses.join(","))] : []),
    ...(cnames.length > 0 ? [`CNAMEs: ${quote(cnames.join(","))}`] : []),
  ];
  const answer = code > 0 ? `RCode: ${words}` : parts.join(" ");
  const who = source === "proxy" ? "Proxy" : "Query";
  return {
    l7: { type: "RESPONSE", dns },
    summary: `DNS Answer ${answer} TTL: ${ttl} (${who} ${name} ${type})`,
  };
}
