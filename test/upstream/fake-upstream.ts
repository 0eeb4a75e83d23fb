/** A name server on loopback that does as a test says, over UDP and TCP on one port. */
import { createSocket, type RemoteInfo, type Socket as UdpSocket } from "node:dgram";
import { createServer, type Server, type Socket } from "node:net";
import { once } from "node:events";
import dnsPacket from "dns-packet";
import type { Test } from "tap";

export type Packet = ReturnType<typeof dnsPacket.decode>;

export interface Received {
  readonly packet: Packet;
  readonly bytes: Buffer;
  readonly network: "udp" | "tcp";
  /** The client's port; over TCP each connection has its own. */
  readonly port: number;
  /** Sends bytes as they are (over TCP with their length). May be called again. */
  send(bytes: Buffer): void;
  /** Ends the TCP connection. */
  end(): void;
  /** Resets the TCP connection. */
  reset(): void;
}

export interface FakeUpstream {
  readonly port: number;
  /** `127.0.0.1:PORT`. */
  readonly name: string;
  readonly received: Received[];
  /** What is done with a message; replaced at will. */
  serve: (received: Received) => void;
  /** TCP connections that are open now. */
  connections(): number;
  close(): Promise<void>;
}

/** A reply to `query`, by dns-packet. */
export function replyTo(query: Packet, more: Partial<Packet> = {}, rcode = 0): Buffer {
  const bytes = dnsPacket.encode({
    type: "response",
    id: query.id,
    flags: 0x0580,
    questions: query.questions,
    ...more,
  });
  bytes[3] = (bytes[3]! & 0xf0) | rcode;
  return bytes;
}

/** An A record for the question. */
export const addressReply = (query: Packet, address = "192.0.2.1", ttl = 60): Buffer =>
  replyTo(query, { answers: [{ name: query.questions[0]!.name, type: "A", ttl, data: address }] });

export interface FakeOptions {
  readonly port?: number;
  readonly address?: string;
}

export async function fakeUpstream(
  t: Test,
  serve: (received: Received) => void = ({ packet, send }) => send(addressReply(packet)),
  { port = 0, address = "127.0.0.1" }: FakeOptions = {},
): Promise<FakeUpstream> {
  const sockets = new Set<Socket>();
  const take = (bytes: Buffer, from: Omit<Received, "packet" | "bytes">): void => {
    const received = { ...from, bytes, packet: dnsPacket.decode(bytes) };
    fake.received.push(received);
    fake.serve(received);
  };
  const onConnection = (socket: Socket): void => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => undefined);
    let rest: Buffer = Buffer.alloc(0);
    socket.on("data", (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk]);
      while (rest.length >= 2 && rest.length >= 2 + rest.readUInt16BE()) {
        const end = 2 + rest.readUInt16BE();
        const bytes = Buffer.from(rest.subarray(2, end));
        rest = rest.subarray(end);
        take(bytes, {
          network: "tcp",
          port: socket.remotePort ?? 0,
          send(reply) {
            const length = Buffer.alloc(2);
            length.writeUInt16BE(reply.length);
            socket.write(Buffer.concat([length, reply]));
          },
          end: () => socket.end(),
          reset: () => socket.resetAndDestroy(),
        });
      }
    });
  };
  const { udp, tcp, bound } = await open(port, address, onConnection);
  udp.on("message", (bytes: Buffer, { port, address }: RemoteInfo) =>
    take(bytes, {
      network: "udp",
      port,
      send(reply) {
        if (!isClosed) udp.send(reply, port, address);
      },
      end: () => undefined,
      reset: () => undefined,
    }),
  );
  let isClosed = false;
  const fake: FakeUpstream = {
    port: bound,
    name: address.includes(":") ? `[${address}]:${bound}` : `${address}:${bound}`,
    received: [],
    serve,
    connections: () => sockets.size,
    async close() {
      if (isClosed) return;
      isClosed = true;
      for (const socket of sockets) socket.destroy();
      await Promise.all([
        new Promise<void>((done) => udp.close(() => done())),
        new Promise((done) => tcp.close(done)),
      ]);
    },
  };
  t.teardown(() => fake.close());
  return fake;
}

/** One port for both; where the kernel's choice for one is taken for the other, another is tried. */
async function open(
  port: number,
  address: string,
  onConnection: (socket: Socket) => void,
): Promise<{ udp: UdpSocket; tcp: Server; bound: number }> {
  for (let tries = 0; ; tries++) {
    const tcp = createServer(onConnection);
    tcp.listen(port, address);
    await once(tcp, "listening");
    const bound = (tcp.address() as { port: number }).port;
    const udp = createSocket(address.includes(":") ? "udp6" : "udp4");
    try {
      udp.bind(bound, address);
      await once(udp, "listening");
      return { udp, tcp, bound };
    } catch (error) {
      udp.close();
      tcp.close();
      if (tries === 20) throw error;
    }
  }
}

/** A port of loopback on which nobody listens. */
export async function closedPort(): Promise<number> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  await new Promise((done) => server.close(done));
  return port;
}
