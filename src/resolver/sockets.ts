import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { connect, isIPv6, type Socket as TcpSocket } from "node:net";
import { randomInt } from "node:crypto";
import type { Fate, Sent, Transport } from "./types.ts";
import { decodeReply, encodeQuestion } from "./wire.ts";

/** Where a server of the resolv.conf really listens. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

interface Waiting {
  readonly question: Sent;
  readonly settle: (fate: Fate) => void;
}

/** One UDP port or TCP connection, and what has been asked on it. */
interface Line {
  send(packet: Buffer, to: Endpoint): void;
  close(): void;
  readonly waiting: Map<number, Waiting>;
}

const isRefusal = (error: Error): boolean => "code" in error && error.code === "ECONNREFUSED";

/** The network. `endpoints`: by the addresses in the resolv.conf; a question for any other is lost. */
export function socketTransport(endpoints: ReadonlyMap<string, Endpoint>): Transport {
  const lines = new Map<number, Map<string, Line>>();

  /** A client's UDP port is two of ours where it asks over both IPv4 and IPv6. */
  function lineFor({ socket, proto, connected }: Sent, to: Endpoint): Line {
    const own = lines.get(socket) ?? new Map<string, Line>();
    lines.set(socket, own);
    const key = proto === "tcp" || isIPv6(to.host) ? "6" : "4";
    const line = own.get(key) ?? (proto === "tcp" ? tcpLine(to) : udpLine(to, connected));
    own.set(key, line);
    return line;
  }

  return {
    send(question) {
      return new Promise<Fate>((settle) => {
        const to = endpoints.get(question.server);
        if (to === undefined) return;
        const line = lineFor(question, to);
        let id = randomInt(0x10000);
        while (line.waiting.has(id)) id = (id + 1) & 0xffff;
        const packet = encodeQuestion(question, id);
        if (packet === undefined) return;
        line.waiting.set(id, { question, settle });
        line.send(packet, to);
      });
    },
    close(socket) {
      for (const line of lines.get(socket)?.values() ?? []) line.close();
      lines.delete(socket);
    },
  };
}

/** Hands an answer to the question that it is for. Anything else is dropped. */
function deliver(waiting: Map<number, Waiting>, bytes: Buffer): void {
  if (bytes.length < 12) return;
  const id = bytes.readUInt16BE(0);
  const entry = waiting.get(id);
  const reply = entry === undefined ? undefined : decodeReply(bytes, entry.question);
  if (entry === undefined || reply === undefined) return;
  waiting.delete(id);
  entry.settle(reply);
}

function settleAll(waiting: Map<number, Waiting>, fate: Fate): void {
  const entries = [...waiting.values()];
  waiting.clear();
  for (const { settle } of entries) settle(fate);
}

function udpLine(first: Endpoint, connected: boolean): Line {
  const socket: UdpSocket = createSocket(isIPv6(first.host) ? "udp6" : "udp4");
  const waiting = new Map<number, Waiting>();
  const asked = new Set<string>();
  const unsent: Buffer[] = [];
  let ready = !connected;
  let open = true;
  socket.on("message", (bytes, from) => {
    if (connected || asked.has(`${from.address} ${String(from.port)}`)) deliver(waiting, bytes);
  });
  // Only a connected port is told that nobody listens there.
  socket.on("error", (error) => {
    if (isRefusal(error)) settleAll(waiting, "refused");
  });
  const write = (packet: Buffer): void => {
    socket.send(packet, (error) => {
      if (error !== null && isRefusal(error)) settleAll(waiting, "refused");
    });
  };
  if (connected) {
    socket.connect(first.port, first.host, () => {
      if (!open) return;
      ready = true;
      for (const packet of unsent) write(packet);
    });
  }
  return {
    waiting,
    send(packet, to) {
      asked.add(`${to.host} ${String(to.port)}`);
      if (!connected) socket.send(packet, to.port, to.host, () => undefined);
      else if (ready) write(packet);
      else unsent.push(packet);
    },
    close() {
      if (open) socket.close();
      open = false;
    },
  };
}

function tcpLine(to: Endpoint): Line {
  const waiting = new Map<number, Waiting>();
  const socket: TcpSocket = connect(to.port, to.host);
  socket.setNoDelay(true);
  let rest = Buffer.alloc(0);
  socket.on("data", (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 2 && rest.length >= 2 + rest.readUInt16BE(0)) {
      const end = 2 + rest.readUInt16BE(0);
      deliver(waiting, rest.subarray(2, end));
      rest = rest.subarray(end);
    }
  });
  socket.on("error", (error) => settleAll(waiting, isRefusal(error) ? "refused" : "closed"));
  socket.on("end", () => settleAll(waiting, "closed"));
  socket.on("close", () => settleAll(waiting, "closed"));
  return {
    waiting,
    send(packet) {
      const length = Buffer.alloc(2);
      length.writeUInt16BE(packet.length);
      socket.write(Buffer.concat([length, packet]));
    },
    close: () => socket.destroy(),
  };
}
