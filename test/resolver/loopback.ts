/** A DNS server on the loopback, by dns-packet and not by our codec. */
import { createSocket, type RemoteInfo } from "node:dgram";
import { createServer, type AddressInfo, type Socket } from "node:net";
import dnsPacket from "dns-packet";

type Packet = ReturnType<typeof dnsPacket.decode>;

export interface Asked {
  readonly name: string;
  readonly type: string;
  readonly proto: "udp" | "tcp";
  readonly port: number;
  readonly packet: Packet;
}

/** A reply's changes to an empty NOERROR, or undefined for silence. */
export type Behaviour = (
  asked: Asked,
) => { rcode?: number; truncated?: boolean; answers?: Packet["answers"] } | undefined;

export interface Loopback {
  readonly port: number;
  readonly asked: Asked[];
  close(): Promise<void>;
}

const RD_RA = 0x0180;
const TC = 0x0200;

export async function loopback(behaviour: Behaviour): Promise<Loopback> {
  const asked: Asked[] = [];
  const answer = (bytes: Buffer, proto: "udp" | "tcp", port: number): Buffer | undefined => {
    const packet = dnsPacket.decode(bytes);
    const question = packet.questions[0]!;
    const entry = { name: question.name, type: question.type, proto, port, packet };
    asked.push(entry);
    const reply = behaviour(entry);
    if (reply === undefined) return undefined;
    const flags = RD_RA | (reply.truncated === true ? TC : 0) | (reply.rcode ?? 0);
    return dnsPacket.encode({
      type: "response",
      id: packet.id,
      flags,
      questions: packet.questions,
      answers: reply.answers ?? [],
    });
  };

  const tcp = createServer((connection: Socket) => {
    let rest = Buffer.alloc(0);
    connection.on("error", () => undefined);
    connection.on("data", (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk]);
      while (rest.length >= 2 && rest.length >= 2 + rest.readUInt16BE(0)) {
        const end = 2 + rest.readUInt16BE(0);
        const reply = answer(rest.subarray(2, end), "tcp", connection.remotePort!);
        rest = rest.subarray(end);
        if (reply === undefined) continue;
        const length = Buffer.alloc(2);
        length.writeUInt16BE(reply.length);
        // In two pieces, as a network may deliver it.
        connection.write(Buffer.concat([length, reply.subarray(0, 5)]));
        connection.write(reply.subarray(5));
      }
    });
  });
  await new Promise<void>((done) => tcp.listen(0, "127.0.0.1", done));
  const { port } = tcp.address() as AddressInfo;
  const udp = createSocket("udp4");
  udp.on("message", (bytes: Buffer, from: RemoteInfo) => {
    const reply = answer(bytes, "udp", from.port);
    if (reply !== undefined) udp.send(reply, from.port, from.address);
  });
  await new Promise<void>((done, fail) => {
    udp.once("error", fail);
    udp.bind(port, "127.0.0.1", done);
  });
  return {
    port,
    asked,
    close: () =>
      new Promise((done) => {
        udp.close();
        tcp.close(() => done());
      }),
  };
}
