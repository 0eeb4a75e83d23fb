/** The cluster DNS and the two resolvers of the recordings: fixed zones, over UDP and TCP, written with a codec that is not ours. */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer } from "node:net";
import packet from "dns-packet";
import { nativeBinding } from "../../src/native/binding.ts";

type Packet = Parameters<typeof packet.encode>[0];
type Question = NonNullable<Packet["questions"]>[number];
type RecordPacket = NonNullable<Packet["answers"]>[number];
type Reply = Pick<Packet, "flags" | "answers" | "authorities">;

const AA = 0x400;
const RD = 0x100;
const NS: RecordPacket = { type: "NS", name: "cluster.local", ttl: 30, data: "ns.dns.cluster.local" };
/** A zone's SOA record: denials may be kept for 30 seconds. */
export const soaOf = (zone: string): RecordPacket => ({
  type: "SOA",
  name: zone,
  ttl: 30,
  data: {
    mname: `ns.dns.${zone}`,
    rname: `hostmaster.${zone}`,
    serial: 1,
    refresh: 7200,
    retry: 1800,
    expire: 86400,
    minimum: 30,
  },
});
const SOA: RecordPacket = soaOf("cluster.local");

export type Zone = (question: Question) => Reply;

const found = (answer: RecordPacket, authorities: RecordPacket[] = []): Reply => ({
  flags: AA,
  answers: [answer],
  authorities,
});
const SERVFAIL: Reply = { flags: 2 };
const REFUSED: Reply = { flags: 5 };

export const clusterZone: Zone = ({ name, type }) => {
  const lower = name.toLowerCase();
  if (lower === "34.12.96.10.in-addr.arpa" && type === "PTR")
    return found({ type: "PTR", name, ttl: 30, data: "web.prod.svc.cluster.local" });
  if (lower === "web.prod.svc.cluster.local" && type === "A")
    return found({ type: "A", name, ttl: 30, data: "10.96.12.34" }, [NS]);
  if (lower === "web.prod.svc.cluster.local" && type === "AAAA")
    return found({ type: "AAAA", name, ttl: 30, data: "fd00:10:96::1234" }, [NS]);
  return lower.endsWith(".cluster.local") ? { flags: AA | 3, authorities: [SOA] } : REFUSED;
};

/** What /etc/resolv.conf names. */
export const resolverZone: Zone = ({ name, type }) =>
  name.toLowerCase() === "www.example.com" && type === "A"
    ? found({ type: "A", name, ttl: 30, data: "93.184.216.34" })
    : SERVFAIL;

/** Servers of stub domains, and custom upstream servers. */
export const stubZone: Zone = ({ name, type }) =>
  type === "A" ? found({ type: "A", name, ttl: 30, data: "192.0.2.54" }) : SERVFAIL;

/** Serves a zone until the process ends, each reply after `delay` milliseconds; `asked` counts. */
export async function serveZone(
  address: string,
  zone: Zone,
  delay = 0,
  asked = { udp: 0, tcp: 0 },
): Promise<void> {
  const later = (act: () => void): void => void (delay === 0 ? act() : setTimeout(act, delay));
  const reply = (query: Packet): Packet => {
    const question = query.questions![0]!;
    const { flags = 0, ...sections } = zone(question);
    return {
      type: "response",
      id: query.id ?? 0,
      flags: flags | RD,
      questions: [question],
      ...sections,
    };
  };
  const udp = createSocket(address.includes(":") ? "udp6" : "udp4");
  udp.on("message", (bytes, { port, address: from }) => {
    asked.udp++;
    const answer = packet.encode(reply(packet.decode(bytes)));
    later(() => udp.send(answer, port, from));
  });
  const listening = once(udp, "listening");
  // As CoreDNS does: another server may have the same port on all addresses.
  const { binding } = nativeBinding();
  const family = address.includes(":") ? 6 : 4;
  if (binding === undefined) udp.bind(53, address);
  else udp.bind({ fd: binding.bind(address, 53, family)[0] });
  await listening;
  const tcp = createServer({ noDelay: true }, (socket) => {
    let input = Buffer.alloc(0);
    socket.on("error", () => socket.destroy());
    socket.on("data", (chunk) => {
      input = Buffer.concat([input, chunk]);
      while (input.length >= 2 && input.length >= input.readUInt16BE() + 2) {
        asked.tcp++;
        const answer = packet.streamEncode(reply(packet.streamDecode(input)));
        input = input.subarray(input.readUInt16BE() + 2);
        later(() => socket.write(answer));
      }
    });
  });
  if (binding === undefined) tcp.listen(53, address);
  else tcp.listen({ fd: binding.bind(address, 53, family, 1)[0] });
  await once(tcp, "listening");
  udp.unref();
  tcp.unref();
}
