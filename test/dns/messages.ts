import {
  decodeMessage,
  type DecodedMessage,
  type OutgoingMessage,
  type Question,
} from "../../src/dns/codec.ts";
import { nameOf } from "../../src/dns/name.ts";
import type { RR } from "../../src/dns/rr.ts";
import { FLAG } from "../../src/dns/types.ts";

/** `decodeMessage` of what must be good. */
export function decoded(bytes: Uint8Array): DecodedMessage {
  const message = decodeMessage(bytes);
  if (message.error !== undefined) throw new Error(`${message.error} at ${String(message.offset)}`);
  return message;
}

export const question = (name: string, type: number): Question => ({
  name: nameOf(name),
  type,
  class: 1,
});

/** An authoritative answer with these records, to the question of the first one. */
export const answering = (answer: readonly RR[], more: Partial<OutgoingMessage> = {}): OutgoingMessage => ({
  id: 0x1234,
  flags: FLAG.QR | FLAG.AA,
  question: { name: answer[0]?.name ?? nameOf("."), type: answer[0]?.type ?? 1, class: 1 },
  answer,
  authority: [],
  additional: [],
  ...more,
});

/** Rdata as text and as dns-packet has it. */
export const known: readonly (readonly [type: string, text: string, data: unknown])[] = [
  ["A", "192.0.2.1", "192.0.2.1"],
  ["AAAA", "2001:db8::1", "2001:db8::1"],
  ["NS", "ns.example.org.", "ns.example.org"],
  ["CNAME", "www.example.org.", "www.example.org"],
  ["DNAME", "example.net.", "example.net"],
  ["PTR", "host.example.org.", "host.example.org"],
  ["MX", "10 mail.example.org.", { preference: 10, exchange: "mail.example.org" }],
  ["TXT", '"one" "two words"', [Buffer.from("one"), Buffer.from("two words")]],
  ["SRV", "1 2 443 a.example.org.", { priority: 1, weight: 2, port: 443, target: "a.example.org" }],
  [
    "SOA",
    "ns.example.org. admin.example.org. 2026112201 7200 3600 1209600 300",
    {
      mname: "ns.example.org",
      rname: "admin.example.org",
      serial: 2026112201,
      refresh: 7200,
      retry: 3600,
      expire: 1209600,
      minimum: 300,
    },
  ],
  ["HINFO", '"ARM64" "Linux"', { cpu: "ARM64", os: "Linux" }],
  [
    "CAA",
    '128 issue "ca.example.net"',
    { flags: 128, tag: "issue", value: "ca.example.net", issuerCritical: true },
  ],
  ["RP", "me.example.org. txt.example.org.", { mbox: "me.example.org", txt: "txt.example.org" }],
  [
    "NAPTR",
    '100 50 "s" "SIP+D2U" "" _sip._udp.example.org.',
    {
      order: 100,
      preference: 50,
      flags: "s",
      services: "SIP+D2U",
      regexp: "",
      replacement: "_sip._udp.example.org",
    },
  ],
  [
    "DS",
    "60485 13 2 d4b7d520",
    { keyTag: 60485, algorithm: 13, digestType: 2, digest: Buffer.from("d4b7d520", "hex") },
  ],
  ["SSHFP", "4 1 " + "15".repeat(20), { algorithm: 4, hash: 1, fingerprint: "15".repeat(20) }],
  [
    "TLSA",
    "3 1 1 0d6fce",
    { usage: 3, selector: 1, matchingType: 1, certificate: Buffer.from("0d6fce", "hex") },
  ],
  ["DNSKEY", "257 3 13 AQID", { flags: 257, algorithm: 13, key: Buffer.from([1, 2, 3]) }],
  ["NSEC", "b.example.org. A MX RRSIG", { nextDomain: "b.example.org", rrtypes: ["A", "MX", "RRSIG"] }],
  [
    "NSEC3",
    "1 0 10 aabb 2vptu5timamqttgl4luu9kg21e0aor3s A RRSIG",
    {
      algorithm: 1,
      flags: 0,
      iterations: 10,
      salt: Buffer.from("aabb", "hex"),
      nextDomain: Buffer.from("17f3df17b2b2adaef615257de4d2020b80ac6c7c", "hex"),
      rrtypes: ["A", "RRSIG"],
    },
  ],
  [
    "RRSIG",
    "A 13 3 3600 20400101000000 20260101000000 45146 example.org. AQID",
    {
      typeCovered: "A",
      algorithm: 13,
      labels: 3,
      originalTTL: 3600,
      expiration: Date.UTC(2040, 0, 1) / 1000,
      inception: Date.UTC(2026, 0, 1) / 1000,
      keyTag: 45146,
      signersName: "example.org",
      signature: Buffer.from([1, 2, 3]),
    },
  ],
];
